import { createHash, timingSafeEqual } from 'node:crypto';
import { hostname, networkInterfaces } from 'node:os';
import type { MiddlewareHandler } from 'hono';
import { getCookie, setCookie } from 'hono/cookie';
import { excerpt } from '../../foundation/text';
import { LIMITS } from './options';
import { RequestProblem } from './problem';

const COOKIE = 'kumpas_token';
/** Scripts, styles and everything else come from the app itself, and nothing of another place is asked for. */
const CONTENT_SECURITY_POLICY = {
  'default-src': "'none'",
  'script-src': "'self'",
  'style-src': "'self'",
  'img-src': "'self' data: blob:",
  'connect-src': "'self'",
  'font-src': "'self'",
  'base-uri': "'none'",
  'form-action': "'self'",
  'frame-ancestors': "'none'",
} as const;

/** Of the page Live: MediaPipe is WebAssembly, which a browser compiles only where it may, and a video that is dropped on it plays from memory. */
const POLICY_OF_LIVE = {
  ...CONTENT_SECURITY_POLICY,
  'script-src': "'self' 'wasm-unsafe-eval'",
  'media-src': 'blob:',
} as const;

function policyOf(path: string): string {
  const policy = path === '/live' ? POLICY_OF_LIVE : CONTENT_SECURITY_POLICY;
  return Object.entries(policy)
    .map(([directive, sources]) => `${directive} ${sources}`)
    .join('; ');
}

const HEADERS = {
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'permissions-policy': 'camera=(self), microphone=(), geolocation=()',
} as const;

/** Sets the headers that keep a page from being framed, fed or read by other sites. */
export const securityHeaders: MiddlewareHandler = async (context, next) => {
  await next();
  context.header('content-security-policy', policyOf(context.req.path));
  for (const [name, value] of Object.entries(HEADERS)) context.header(name, value);
  if (context.res.headers.get('cache-control') === null) context.header('cache-control', 'no-store');
};

/** Whether an address is this machine's own alone. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127(\.\d{1,3}){3}$/.test(host);
}

/** The names under which the app may be asked for: what a page of another name that leads here asks for is refused. */
export function allowedHosts(host: string): Set<string> {
  const own = ['127.0.0.1', 'localhost', '::1', host];
  const everywhere = host === '0.0.0.0' || host === '::';
  const addresses = Object.values(networkInterfaces()).flatMap((found) => found?.map(({ address }) => address) ?? []);
  return new Set([...own, ...(everywhere ? [...addresses, hostname()] : [])].map((name) => name.toLowerCase()));
}

/**
 * Refuses requests under a foreign name (DNS rebinding) and those that another site's page makes.
 * @param hosts the names that are its own.
 */
export function ownPagesOnly(hosts: ReadonlySet<string>): MiddlewareHandler {
  return async (context, next) => {
    const host = context.req.header('host') ?? '';
    if (!hosts.has(nameOfHost(host))) throw new RequestProblem(403, `host: "${excerpt(host, 80)}" is not an address of this app`);
    const origin = context.req.header('origin');
    if (origin !== undefined && origin !== `http://${host}`)
      throw new RequestProblem(403, `origin: pages of "${excerpt(origin, 80)}" may not use this app`);
    const site = context.req.header('sec-fetch-site');
    const isVisit = context.req.method === 'GET' && context.req.header('sec-fetch-mode') === 'navigate' && !isOfApi(context.req.path);
    if ((site === 'cross-site' || site === 'same-site') && !isVisit)
      throw new RequestProblem(403, 'sec-fetch-site: pages of other sites may not use this app');
    await next();
  };
}

function isOfApi(path: string): boolean {
  return path.startsWith('/api/');
}

/** `[::1]:4321` and `localhost:4321` without the port and the brackets, in small letters. */
function nameOfHost(host: string): string {
  const [, bracketed, plain] = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]]+))(?::\d{1,5})?$/.exec(host) ?? [];
  return (bracketed ?? plain ?? '').toLowerCase();
}

/**
 * Lets in whoever knows the token: as `Authorization: Bearer`, as a cookie, or once in the address (`/?token=…`), which sets the cookie.
 * @param token undefined where everybody who reaches the app may use it.
 */
export function tokenRequired(token: string | undefined): MiddlewareHandler {
  return async (context, next) => {
    if (token === undefined) {
      await next();
      return;
    }
    const asked = context.req.query('token');
    if (asked !== undefined && context.req.method === 'GET' && context.req.path === '/' && isSame(asked, token)) {
      setCookie(context, COOKIE, token, { httpOnly: true, sameSite: 'Strict', path: '/' });
      context.res = context.redirect('/', 303);
      return;
    }
    const [, bearer] = /^Bearer (\S+)$/i.exec(context.req.header('authorization') ?? '') ?? [];
    const given = bearer ?? getCookie(context, COOKIE);
    if (given === undefined || !isSame(given, token))
      throw new RequestProblem(
        401,
        'token: missing or wrong; send "Authorization: Bearer TOKEN", or open the address that the app printed',
      );
    await next();
  };
}

/** Compares in a time that tells nothing of where they differ. */
function isSame(given: string, token: string): boolean {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(given), digest(token));
}

/** Refuses bodies that are too large, or whose size is not said beforehand, and more at once than memory is meant for. */
export function boundedBodies(): MiddlewareHandler {
  let inFlight = 0;
  return async (context, next) => {
    const { method } = context.req;
    if (method === 'GET' || method === 'HEAD') {
      await next();
      return;
    }
    const declared = context.req.header('content-length');
    if (declared === undefined) throw new RequestProblem(411, 'content-length: missing; the size of what is sent must be said');
    const bytes = Number(declared);
    if (!(bytes <= LIMITS.requestBytes))
      throw new RequestProblem(
        413,
        `the request has ${excerpt(declared, 20)} bytes (at most ${LIMITS.requestBytes} are taken); send fewer files at once`,
      );
    if (inFlight + bytes > LIMITS.bytesInFlight)
      throw new RequestProblem(503, 'too much is being recognised at once; try again in a second');
    inFlight += bytes;
    try {
      await next();
    } finally {
      inFlight -= bytes;
    }
  };
}
