import { copyFileSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { z } from 'zod';
import { startApp, type AppFailure, type RunningApp } from '../../src';
import { formatNpz } from '../../src/data/npz';
import { required } from '../../src/foundation/required';
import { clipValues } from '../support/clip-files';
import { torchFolder } from '../support/parity';

const folder = mkdtempSync(path.join(tmpdir(), 'kumpas-fuzz-'));
const clip = formatNpz({ X: { dtype: 'float32', shape: [12, 156], values: clipValues(12, 12) } });
const failures: AppFailure[] = [];
let app: RunningApp;
/** What the app says of itself: the address and the methods of each endpoint. */
let endpoints: readonly (readonly [method: string, address: string])[] = [];

const described = z.object({ paths: z.record(z.string(), z.record(z.string(), z.unknown())) });

beforeAll(async () => {
  const model = path.join(folder, 'tiny');
  mkdirSync(model);
  copyFileSync(path.join(torchFolder, 'tiny_full.pt'), path.join(model, 'SignTransformer_best.pt'));
  app = await startApp(
    { root: path.join(folder, 'registry'), models: [model], port: 0 },
    {
      onEvent: (event) => {
        if (event.kind === 'app-failure') failures.push(event);
      },
    },
  );
  const { paths } = described.parse(await (await fetch(`${app.address}api/openapi.json`)).json());
  endpoints = Object.entries(paths).flatMap(([address, methods]) =>
    Object.keys(methods).map((method) => [method.toUpperCase(), address] as const),
  );
});

afterAll(async () => {
  await app.close();
  rmSync(folder, { recursive: true });
});

/** Names that are none, for what an address names. */
const NAMES = ['absent', '..%2f..%2fetc%2fpasswd', '%00', '__proto__', '%E0%A4%A', '%ff', 'x'.repeat(5000), '%F0%9F%A4%9F'];

const QUERIES = [
  '',
  '?model=absent',
  '?model=..%2Ftiny',
  '?model=',
  '?model=tiny&model=absent',
  '?top_k=-1&place=-1&limit=-1&n=-1',
  '?top_k=1e99&place=NaN&limit=Infinity',
  '?top_k=0.5&place=0x10',
  '?top_k[]=1&place=%00',
  '?__proto__=1&constructor=x',
  '?%E0%A4%A=%ff',
  `?model=${'x'.repeat(3000)}`,
];

const HEADERS: readonly Readonly<Record<string, string>>[] = [
  { accept: 'x'.repeat(3000) },
  { accept: 'text/event-stream', 'last-event-id': '-1' },
  { 'last-event-id': 'x'.repeat(3000) },
  { range: 'bytes=9-1' },
  { cookie: 'kumpas_token=%00; =; ;;' },
  { authorization: 'Bearer' },
  { 'if-none-match': '*' },
  { 'content-encoding': 'gzip' },
  { 'x-http-method-override': 'DELETE' },
];

type Body = readonly [body: NonNullable<RequestInit['body']>, type?: string];

function formOf(field: string, ...files: readonly (readonly [name: string, content: Uint8Array | string])[]): FormData {
  const form = new FormData();
  for (const [name, content] of files)
    form.append(field, new File([typeof content === 'string' ? content : new Uint8Array(content)], name));
  return form;
}

function textForm(field: string, text: string): FormData {
  const form = new FormData();
  form.append(field, text);
  return form;
}

const cut = clip.subarray(0, clip.length / 2);
const BODIES: readonly (() => Body)[] = [
  () => ['', 'application/json'],
  () => ['null', 'application/json'],
  () => ['[]', 'application/json; charset=utf-16'],
  () => ['{"frames": []}', 'application/json'],
  () => ['{"frames": [[1e999, null]]}', 'application/json'],
  () => ['{"frames": [["1"]], "__proto__": {"frames": 1}}', 'application/json'],
  () => ['{"unexpected": true}', 'application/json'],
  () => ['{"name": "../x", "preset": "/etc/passwd", "data": "..", "model": {"a": 1}, "version": -1, "bump": "none"}', 'application/json'],
  () => ['['.repeat(20_000), 'application/json'],
  () => ['{', 'text/plain'],
  () => ['a=1&file=2', 'application/x-www-form-urlencoded'],
  () => ['--x\r\n', 'multipart/form-data; boundary=x'],
  () => ['--x\r\ncontent-disposition: form-data; name="file"; filename="a"\r\n\r\nno end', 'multipart/form-data; boundary=x'],
  () => ['no boundary', 'multipart/form-data'],
  () => [new Uint8Array([0, 255, 254]), 'application/octet-stream'],
  () => [new FormData()],
  () => [textForm('file', 'a text')],
  () => [formOf('other', ['clip.npz', clip])],
  () => [formOf('file', ['clip.npz', clip], ['../../x.npz', cut], ['', 'no zip'])],
  () => [formOf('file', ['x'.repeat(5000), cut])],
  () => [formOf('file', ['a\nb\r\n"; filename="c.npz', clip])],
];

/** Asks, and holds the answer against what every refusal has: a status below 500, and one line that says why. */
async function ask(method: string, address: string, request: RequestInit = {}): Promise<void> {
  const response = await fetch(new URL(address, app.address), { method, ...request });
  const asked = `${method} ${address.slice(0, 200)}`;
  expect({ asked, status: response.status, isBug: response.status >= 500 }).toMatchObject({ asked, isBug: false });
  const type = response.headers.get('content-type') ?? '';
  if (type.startsWith('text/event-stream')) return response.body?.cancel();
  const text = await response.text();
  if (response.status < 400 || !address.startsWith('/api/') || method === 'HEAD') return;
  const { error } = z.looseObject({ error: z.string() }).parse(JSON.parse(text));
  expect({ asked, error }).toEqual({ asked, error: expect.stringMatching(/^[^\n\r]+$/) });
}

/** Addresses of an endpoint: with every bad name in the place of what it names. */
function addressesOf(address: string): string[] {
  return address.includes('{') ? NAMES.map((name) => address.replaceAll(/\{\w+\}/g, name)) : [address];
}

/** Asks some questions at once, so that the table takes no time. */
async function askAll(questions: readonly (() => Promise<void>)[]): Promise<void> {
  const waiting = questions.values();
  await Promise.all(
    Array.from({ length: 6 }, async () => {
      for (const question of waiting) await question();
    }),
  );
}

it('has several endpoints to be asked', () => {
  expect(endpoints.map(([, address]) => address)).toEqual(expect.arrayContaining(['/api/health', '/api/predict', '/api/evaluate']));
});

it('refuses bad names, queries and headers at every endpoint in one line', async () => {
  const asked = endpoints.flatMap(([method, template]) => {
    const body = method === 'POST' ? { body: formOf('file', ['clip.npz', cut]) } : {};
    const [address = '', ...others] = addressesOf(template);
    return [
      ...others.map((other) => () => ask(method, other, body)),
      ...QUERIES.map((query) => () => ask(method, `${address}${query}`, body)),
      ...HEADERS.map((headers) => () => ask(method, address, { ...body, headers })),
    ];
  });
  await askAll(asked);
  expect(failures).toEqual([]);
});

it('refuses bad bodies at every endpoint in one line, and methods that it does not have', async () => {
  const asked = endpoints.flatMap(([method, template]) => {
    const address = required(addressesOf(template)[0], 'an address');
    const bodies = BODIES.map((bodyOf) => (): Promise<void> => {
      const [body, type] = bodyOf();
      return ask('POST', address, { body, headers: type === undefined ? {} : { 'content-type': type } });
    });
    const others = ['PUT', 'DELETE', 'PATCH', 'OPTIONS', 'HEAD'].map((other) => () => ask(other, address));
    return [...(method === 'POST' ? bodies : []), ...others];
  });
  await askAll(asked);
  expect(failures).toEqual([]);
});

it('never fails, whatever is sent', async () => {
  const bytes = fc.uint8Array({ maxLength: 300 });
  const word = fc.oneof(
    fc.constantFrom('tiny', 'frames', '..', '%2e%2e', '', '0', '-1', '1e9', '\u0000', 'file'),
    fc.string({ maxLength: 20 }),
  );
  const places = endpoints.map(([, template]) => template);
  const address = fc
    .tuple(fc.constantFrom(...places, '/', '/assets/'), word, word, word)
    .map(
      ([template, model, top, place]) =>
        `${template.replaceAll(/\{\w+\}/g, encodeURIComponent(model))}?${new URLSearchParams({ model, top_k: top, place }).toString()}`,
    );
  const damaged = fc
    .tuple(fc.nat(clip.length - 1), fc.nat(255))
    .map(([at, byte]) => Uint8Array.from(clip, (own, place) => (place === at ? byte : own)));
  const form = fc
    .tuple(word, fc.oneof(bytes, damaged))
    .map(([name, content]) => ({ body: formOf('file', [name, content]), type: undefined }));
  const types = fc.constantFrom('application/json', 'multipart/form-data', 'multipart/form-data; boundary=x', 'text/plain');
  const raw = fc.tuple(bytes, types).map(([body, type]) => ({ body: new Uint8Array(body), type }));
  const json = fc.json().map((body) => ({ body, type: 'application/json' }));
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom('GET', 'POST', 'PUT', 'DELETE'),
      address,
      fc.oneof(form, raw, json),
      async (method, place, { body, type }) => {
        const headers: Record<string, string> = type === undefined ? {} : { 'content-type': type };
        const response = await fetch(new URL(place, app.address), method === 'GET' ? {} : { method, body, headers });
        if ((response.headers.get('content-type') ?? '').startsWith('text/event-stream')) await response.body?.cancel();
        else await response.arrayBuffer();
        expect(response.status).toBeLessThan(500);
      },
    ),
    { numRuns: 200, interruptAfterTimeLimit: 4000, seed: 18 },
  );
  expect(failures).toEqual([]);
});
