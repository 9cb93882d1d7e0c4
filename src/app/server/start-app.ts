import { randomBytes } from 'node:crypto';
import { statSync } from 'node:fs';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setImmediate, setTimeout as wait } from 'node:timers/promises';
import { createAdaptorServer } from '@hono/node-server';
import { OpenAPIHono } from '@hono/zod-openapi';
import type { Context } from 'hono';
import { FileError } from '../../data/data-error';
import type { WithModels } from '../../evaluation/recognise';
import { modelFile } from '../../folder/named-checkpoint';
import { UserError } from '../../foundation/errors';
import { notesTo, warningsTo, type Hooks } from '../../foundation/hooks';
import { addApi } from './api';
import { allowedHosts, boundedBodies, isLoopback, ownPagesOnly, securityHeaders, tokenRequired } from './guard';
import { addHolisticFiles } from './holistic-files';
import { checkedAppOptions, LIMITS, type AppOptions } from './options';
import { addPage, pageFiles, tokenPage } from './page-files';
import { RequestProblem } from './problem';
import { ServedModels } from './served-models';
import { addTrainingApi } from './training-api';

/** A request that ended in a bug: the visitor is told that it failed, and this says why. */
export interface AppFailure {
  readonly kind: 'app-failure';
  /** As `POST /api/predict`. */
  readonly request: string;
  readonly error: unknown;
}

/** Milliseconds in which requests that are on their way still arrive when the app ends. */
const CLOSING_GRACE = 100;

/** An app that runs. */
export interface RunningApp {
  /** Where it answers, with the token where one is needed: `http://127.0.0.1:4321/`. */
  readonly address: string;
  /** What visitors must know; undefined where everybody who reaches it may use it. */
  readonly token: string | undefined;
  /** The names of the models it began with, the default one first. */
  readonly models: readonly string[];
  /** Takes no more requests, lets those in flight end, and frees the models. */
  readonly close: () => Promise<void>;
}

/**
 * Starts the app: a page and an API that recognise the signs in clips. The default model is loaded, so that the first clip need not wait for it.
 * @throws UserError where a model is not there, or nothing can listen at the address.
 */
export async function startApp(options: AppOptions = {}, hooks: Hooks<AppFailure> & WithModels = {}): Promise<RunningApp> {
  const { models: named = [], root, amp, port, host, token: chosen, data = [], trainings: mostAtOnce } = checkedAppOptions(options);
  const places = [named].flat();
  for (const place of places) modelFile(place);
  const token = chosen ?? (isLoopback(host) ? undefined : randomBytes(24).toString('base64url'));
  const { onEvent, ...others } = hooks;
  const served = new ServedModels({ named: places, root, amp }, { ...others, ...(onEvent === undefined ? {} : { onEvent }) });
  const files = await pageFiles();
  const app = new OpenAPIHono();
  app.use(securityHeaders, ownPagesOnly(allowedHosts(host)), tokenRequired(token), boundedBodies());
  addApi(app, { served, models: hooks.models, startedAt: Date.now() });
  addHolisticFiles(app);
  const trainings = addTrainingApi(app, { root, data: dataFolders([data].flat()), mostAtOnce, models: hooks.models });
  addPage(app, files);
  app.notFound((context) => context.json({ error: `no ${context.req.method} ${context.req.path}; /api/docs lists what there is` }, 404));
  app.onError((error, context) => refusal(error, context, hooks));
  const server = createAdaptorServer({
    fetch: app.fetch,
    serverOptions: { requestTimeout: LIMITS.requestMilliseconds, headersTimeout: LIMITS.requestMilliseconds / 4 },
  }) as Server;
  const models = served.list().map(({ name }) => name);
  try {
    await warmUp(served, models, hooks);
    await listen(server, port, host);
  } catch (error) {
    await served.dispose();
    throw error;
  }
  const { port: taken } = server.address() as AddressInfo;
  const shown = host.includes(':') ? `[${host}]` : host;
  return {
    address: `http://${shown}:${taken}/${token === undefined ? '' : `?token=${token}`}`,
    token,
    models,
    close: async () => {
      for (const name of trainings.close())
        notesTo(hooks)(`the training ${name} goes on; npm run watch -- ${name} shows it, and the app does when it is started again`);
      await closed(server);
      await served.dispose();
    },
  };
}

/** @throws UserError where one is none. */
function dataFolders(named: readonly string[]): readonly string[] {
  for (const folder of named)
    if (statSync(folder, { throwIfNoEntry: false })?.isDirectory() !== true) throw new UserError(`--data ${folder}: no such folder`);
  return named;
}

/** One clip of nothing goes through the default model, so that its graph is there when the first one comes. */
async function warmUp(served: ServedModels, models: readonly string[], hooks: Hooks<AppFailure>): Promise<void> {
  if (models.length === 0) {
    warningsTo(hooks)('there is no model yet; those that are trained meanwhile are found');
    return;
  }
  try {
    await served.use(undefined, async ({ recogniser, queue }) => {
      await queue.recognise(await recogniser.ready('warm-up', new Float32Array(recogniser.width * Math.min(64, recogniser.maxFrames))));
    });
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    warningsTo(hooks)(error.message); // Others of the registry may be sound.
  }
}

/** What a visitor is told of something that was thrown: one line, and of a bug no more than that there is one. */
function refusal(error: unknown, context: Context, { onEvent }: Hooks<AppFailure>): Response {
  if (error instanceof RequestProblem && error.status === 401 && (context.req.header('accept') ?? '').includes('text/html'))
    return context.html(tokenPage, 401);
  if (error instanceof RequestProblem) {
    // What was sent is not read: the connection cannot be used for another request.
    if (error.status === 411 || error.status === 413) context.header('connection', 'close');
    const { status, message, fields } = error;
    return context.json(fields === undefined ? { error: message } : { error: message, fields }, status);
  }
  if (error instanceof FileError || error instanceof UserError) return context.json({ error: error.message }, 422);
  onEvent?.({ kind: 'app-failure', request: `${context.req.method} ${context.req.path}`, error });
  return context.json({ error: 'this is a bug in Kumpas, not a mistake of yours; the app has printed what went wrong' }, 500);
}

async function listen(server: Server, port: number, host: string): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      reject(new UserError(`--host ${host} --port ${port}: ${reasonOf(error)}`, { cause: error }));
    });
    server.listen(port, host, resolve);
  });
}

function reasonOf({ code, message }: NodeJS.ErrnoException): string {
  if (code === 'EADDRINUSE') return 'another program listens there; choose another port, or 0 for any that is free';
  if (code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND')
    return 'this machine has no such address; 127.0.0.1 is its own, 0.0.0.0 all of them';
  if (code === 'EACCES') return 'it may not be listened at; choose a port from 1024';
  return message;
}

/** Lets requests that have arrived be read and answered, and takes no others. */
async function closed(server: Server): Promise<void> {
  await wait(CLOSING_GRACE);
  await accepted(server);
  const late = setTimeout(() => {
    server.closeAllConnections();
  }, LIMITS.closingMilliseconds);
  const sweep = setInterval(() => {
    server.closeIdleConnections(); // Those that were kept alive once their request was answered.
  }, 50);
  await new Promise<void>((resolve) => {
    server.close(() => {
      resolve();
    });
  });
  clearInterval(sweep);
  clearTimeout(late);
}

/** Accepts the connections that wait. Node takes one in each turn of its loop, and a model at work makes turns long: those that still wait when the server closes would be reset. */
async function accepted(server: Server): Promise<void> {
  const until = performance.now() + LIMITS.closingMilliseconds;
  let connections = 0;
  let before: number;
  const count = (): void => {
    connections++;
  };
  server.on('connection', count);
  do {
    before = connections;
    for (let turn = 0; turn < 3; turn++) await setImmediate();
  } while (connections > before && performance.now() < until);
  server.off('connection', count);
}
