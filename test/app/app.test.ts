import { exec } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { predict, startApp, UserError, type RunningApp } from '../../src';
import { answers } from '../../src/app/server/api-routes';
import { attendedFrames } from '../../src/evaluation/attended-frames';
import { modelOfFile } from '../../src/evaluation/loaded-model';
import { documentOf } from '../../src/evaluation/predict';
import { modelFile } from '../../src/folder/named-checkpoint';
import { formatNpz } from '../../src/data/npz';
import { readMarkdown } from '../readme/markdown';
import { clipValues } from '../support/clip-files';
import { torchFolder } from '../support/parity';

const folder = mkdtempSync(path.join(tmpdir(), 'kumpas-app-'));
const model = path.join(folder, 'tiny');
let app: RunningApp;

beforeAll(async () => {
  mkdirSync(model);
  copyFileSync(path.join(torchFolder, 'tiny_full.pt'), path.join(model, 'SignTransformer_best.pt'));
  writeFileSync(path.join(folder, 'clip.npz'), clipFile(20));
  writeFileSync(path.join(folder, 'other.npz'), clipFile(50));
  writeFileSync(path.join(folder, 'broken.npz'), 'no zip');
  for (const [name, gloss] of Object.entries({ first: 'gloss 0', labelled: 'Gloss 1', unknown: 'unheard of' }))
    writeFileSync(path.join(folder, `${name}.npz`), clipFile(20, { gloss }));
  app = await startApp({ models: [model], port: 0 });
});

afterAll(async () => {
  await app.close();
  rmSync(folder, { recursive: true });
});

function clipFile(frames: number, meta: Readonly<Record<string, string>> = {}): Buffer {
  return formatNpz({
    X: { dtype: 'float32', shape: [frames, 156], values: clipValues(frames, frames) },
    meta: { dtype: 'text', shape: [], values: [JSON.stringify(meta)] },
  });
}

function formOf(...names: readonly string[]): FormData {
  const form = new FormData();
  for (const name of names) form.append('file', new File([readFileSync(path.join(folder, name))], name));
  return form;
}

async function post(address: string, body: FormData | string): Promise<{ status: number; body: unknown }> {
  const headers: Record<string, string> = typeof body === 'string' ? { 'content-type': 'application/json' } : {};
  const response = await fetch(new URL(address, app.address), { method: 'POST', body, headers });
  return { status: response.status, body: await response.json() };
}

async function get(address: string): Promise<{ status: number; body: unknown }> {
  const response = await fetch(new URL(address, app.address));
  return { status: response.status, body: await response.json() };
}

/** Runs a line of a shell in the folder of the clips. */
function runShell(line: string): Promise<{ code: number; errors: string }> {
  return new Promise((resolve) => {
    exec(line, { cwd: folder }, (error, _, errors) => {
      resolve({ code: error === null ? 0 : (error.code ?? -1), errors });
    });
  });
}

/** The status of a request with headers that fetch does not let one set. */
function statusWith(headers: Record<string, string>, address = '/api/health', method = 'GET', from = app.address): Promise<number> {
  const { hostname, port } = new URL(from);
  return new Promise((resolve, reject) => {
    const sent = request({ hostname, port, path: address, method, headers }, (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    });
    sent.on('error', reject);
    sent.end(headers['transfer-encoding'] === undefined ? undefined : 'x');
  });
}

describe('the API', () => {
  it('says that it is well, and which models there are', async () => {
    expect(answers.health.parse((await get('/api/health')).body)).toMatchObject({ status: 'ok', models: 1, loaded: 1 });
    const { models } = answers.models.parse((await get('/api/models')).body);
    expect(models).toMatchObject([{ name: 'tiny', is_default: true, is_loaded: true, gloss_acc: null }]);
  });

  it('answers the very document of predict --json, clips of several lengths in their order', async () => {
    const clips = ['clip.npz', 'other.npz', 'clip.npz'];
    const { status, body } = await post('/api/predict?model=tiny&top_k=3', formOf(...clips));
    expect(status).toBe(200);
    const input = ['clip.npz', 'other.npz'].map((name) => path.join(folder, name));
    const alone = documentOf((await predict({ model, input, top_k: 3 })).predictions).predictions;
    const seen = answers.predictions.parse(body).predictions;
    expect(seen).toHaveLength(3);
    for (const [place, one] of seen.entries()) {
      const expected = alone[place % 2];
      if (expected === undefined || 'error' in one) throw new Error('there is no prediction');
      expect(Object.keys(one)).toEqual(Object.keys(expected));
      expect(one).toMatchObject({ file: clips[place], model: expected.model, warnings: expected.warnings });
      expect(one.gloss.map(({ id }) => id)).toEqual(expected.gloss.map(({ id }) => id));
      expect(one.gloss[0]?.probability).toBeCloseTo(expected.gloss[0]?.probability ?? -1, 5);
    }
  });

  it('evaluates clips that say their sign, and tells of each other why it does not count', async () => {
    // labelled.npz says Gloss 1 where the model says gloss 1.
    const clips = ['first.npz', 'clip.npz', 'labelled.npz', 'broken.npz', 'unknown.npz', 'labelled.npz'];
    const { status, body } = await post('/api/evaluate?top_k=2', formOf(...clips));
    expect(status).toBe(200);
    const { clips: counted, metrics, confusion, predictions } = answers.evaluation.parse(body);
    const seen = answers.predictions.parse((await post('/api/predict?top_k=0', formOf('clip.npz'))).body).predictions[0];
    if (seen === undefined || 'error' in seen) throw new Error('there is no prediction');
    const ranks = [0, 1, 1].map((truth) => 1 + seen.gloss.findIndex(({ id }) => id === truth));
    expect(predictions).toMatchObject([
      { file: 'first.npz', truth: { id: 0, label: 'gloss 0' }, rank: ranks[0], gloss: seen.gloss.slice(0, 2) },
      { file: 'clip.npz', error: expect.stringContaining('expected "gloss" in its meta') },
      { file: 'labelled.npz', truth: { id: 1 }, rank: ranks[1] },
      { file: 'broken.npz', error: expect.stringContaining('no .npz') },
      { file: 'unknown.npz', error: expect.stringContaining('a sign that the model does not know') },
      { file: 'labelled.npz', rank: ranks[2] },
    ]);
    const share = (most: number): number => ranks.filter((rank) => rank <= most).length / 3;
    expect({ counted, metrics }).toMatchObject({ counted: 3, metrics: { accuracy: share(1), top_5_accuracy: share(5) } });
    const predicted = { id: seen.gloss[0]?.id };
    expect(confusion).toMatchObject([
      { truth: { id: 0 }, predicted, count: 1 },
      { truth: { id: 1 }, predicted, count: 2 },
    ]);
    expect(await post('/api/evaluate', formOf('clip.npz'))).toMatchObject({
      status: 422,
      body: { error: expect.stringContaining('says no sign') },
    });
  });

  it('says which frames of a clip count, as predict --attention draws them', async () => {
    const { body } = await post('/api/attention?model=tiny', formOf('clip.npz'));
    const { attention } = answers.attention.parse(body);
    const { layers, overall } = await attendedFrames(modelOfFile(modelFile(model)), path.join(folder, 'clip.npz'), 'X');
    expect(attention?.overall).toHaveLength(20);
    expect(attention).toEqual({ layers, overall });
    expect(await post('/api/attention', formOf('clip.npz', 'other.npz'))).toMatchObject({ status: 400 });
  });

  it('says of a model without attention that it has none', async () => {
    const recurrent = await startApp({ models: [path.join(torchFolder, 'iv3_gru_features_only.pt')], port: 0 });
    try {
      const body = new FormData();
      const values = new Float32Array(6 * 2048).fill(0.3);
      body.append('file', new File([new Uint8Array(formatNpz({ X2048: { dtype: 'float32', shape: [6, 2048], values } }))], 'features.npz'));
      const response = await fetch(new URL('/api/attention', recurrent.address), { method: 'POST', body });
      expect(answers.attention.parse(await response.json())).toMatchObject({ file: 'features.npz', attention: null });
    } finally {
      await recurrent.close();
    }
  });

  it('recognises the numbers of a clip as it does its file', async () => {
    const values = clipValues(20, 20);
    const frames = Array.from({ length: 20 }, (_, frame) => Array.from(values.subarray(frame * 156, (frame + 1) * 156)));
    const asNumbers = answers.predictions.parse((await post('/api/predict', JSON.stringify({ frames }))).body);
    const asFile = answers.predictions.parse((await post('/api/predict', formOf('clip.npz'))).body);
    expect(asNumbers.predictions).toMatchObject([{ file: 'clips[0]' }]);
    expect({ ...asNumbers.predictions[0], file: '' }).toMatchObject({ ...asFile.predictions[0], file: '' });
  });

  it('tells a clip that cannot be used at its place, and the others go on', async () => {
    const { status, body } = await post('/api/predict', formOf('clip.npz', 'broken.npz', 'other.npz'));
    expect(status).toBe(200);
    expect(body).toMatchObject({
      predictions: [{ file: 'clip.npz' }, { file: 'broken.npz', error: expect.stringContaining('no .npz') }, { file: 'other.npz' }],
    });
    expect(await post('/api/predict', formOf('broken.npz'))).toMatchObject({
      status: 422,
      body: { error: expect.stringContaining('broken') },
    });
  });

  it.each([
    ['/api/predict?model=tinny', formOf.bind(undefined, 'clip.npz'), 404, 'did you mean tiny?'],
    ['/api/predict?model=../tiny', formOf.bind(undefined, 'clip.npz'), 404, 'no model'],
    ['/api/predict?top_k=many', formOf.bind(undefined, 'clip.npz'), 400, 'top_k: '],
    ['/api/predict', () => new FormData(), 400, 'no field "file"'],
    ['/api/predict', () => '{"frames": [[1, 2], [3]]}', 400, 'frames.1: it has 1 numbers'],
    ['/api/predict', () => '{"frames": "many"}', 400, 'frames: '],
    ['/api/predict', () => '{', 400, 'no JSON'],
    ['/api/predict', () => '{"frames": [[1, 2]]}', 422, 'its frames have 2 numbers; the model takes 156'],
    ['/api/clip', formOf.bind(undefined, 'broken.npz'), 422, 'no .npz'],
  ])('refuses %s in one line: case %#', async (address, body, status, said) => {
    const refused = await post(address, body());
    expect(refused).toMatchObject({ status, body: { error: expect.stringContaining(said) } });
    expect(answers.problem.parse(refused.body).error).not.toContain('\n');
  });

  it('shows what is in a clip, and gives samples that it can recognise', async () => {
    const { body } = await post('/api/clip', formOf('clip.npz'));
    expect(answers.clip.parse(body)).toMatchObject({ name: 'clip.npz', frames: 20, feeds: ['transformer'], player: { aspect: 4 / 3 } });
    const { samples } = answers.samples.parse((await get('/api/samples')).body);
    expect(samples.length).toBeGreaterThan(5);
    const sample = await fetch(new URL('/api/sample?place=2', app.address));
    writeFileSync(path.join(folder, 'sample.npz'), Buffer.from(await sample.arrayBuffer()));
    expect(await post('/api/predict', formOf('sample.npz'))).toMatchObject({ status: 200 });
    expect(await get('/api/sample?place=999')).toMatchObject({ status: 404 });
  });

  it('describes itself, for programs and for people', async () => {
    const { body } = await get('/api/openapi.json');
    expect(body).toMatchObject({ openapi: '3.1.0', paths: { '/api/predict': { post: {} }, '/api/health': { get: {} } } });
    const page = await (await fetch(new URL('/api/docs', app.address))).text();
    expect(page).toContain('/api/predict');
    expect(page).not.toMatch(/(?:src|href)="(?:https?:)?\/\//);
  });

  it('answers while many clips wait', async () => {
    const many = Array.from({ length: 20 }, () => post('/api/predict', formOf('clip.npz', 'other.npz')));
    expect(await get('/api/health')).toMatchObject({ status: 200 });
    for (const { status } of await Promise.all(many)) expect(status).toBe(200);
  });
});

describe('its safety', () => {
  it('answers under its own names alone, and no page of another site', async () => {
    const { host, port } = new URL(app.address);
    expect(await statusWith({ host })).toBe(200);
    expect(await statusWith({ host: `localhost:${port}`, origin: `http://localhost:${port}` })).toBe(200);
    expect(await statusWith({ host: `attacker.example:${port}` })).toBe(403);
    expect(await statusWith({ host, origin: 'http://attacker.example' })).toBe(403);
    expect(await statusWith({ host, origin: 'null' })).toBe(403);
    expect(await statusWith({ host, 'sec-fetch-site': 'cross-site' })).toBe(403);
    expect(await statusWith({ host, 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate' }, '/')).toBe(200);
  });

  it('keeps scripts and frames of others out', async () => {
    const { headers } = await fetch(app.address);
    expect(headers.get('content-security-policy')).toMatch(/default-src 'none'.*script-src 'self';.*frame-ancestors 'none'/);
    expect(headers.get('x-content-type-options')).toBe('nosniff');
    expect(headers.get('access-control-allow-origin')).toBeNull();
  });

  it('refuses what is too large before it is sent, and what does not say its size', async () => {
    const { host } = new URL(app.address);
    expect(await statusWith({ host, 'content-length': String(2 ** 40) }, '/api/predict', 'POST')).toBe(413);
    expect(await statusWith({ host, 'transfer-encoding': 'chunked' }, '/api/predict', 'POST')).toBe(411);
  });

  it('demands a token of those who come from elsewhere', async () => {
    await expect(startApp({ models: [model], port: 0, token: 'short' })).rejects.toThrow(UserError);
    const open = await startApp({ models: [model], port: 0, host: '0.0.0.0' });
    try {
      const { port } = new URL(open.address);
      const [host, token] = [`127.0.0.1:${port}`, open.token ?? ''];
      expect(open.address).toContain(`?token=${token}`);
      const status = (headers: Record<string, string>, address?: string): Promise<number> =>
        statusWith({ host, ...headers }, address, 'GET', `http://${host}`);
      expect(await status({})).toBe(401);
      expect(await status({ authorization: `Bearer ${'x'.repeat(token.length)}` })).toBe(401);
      expect(await status({ authorization: `Bearer ${token}` })).toBe(200);
      expect(await status({ cookie: `kumpas_token=${token}` })).toBe(200);
      expect(await status({}, `/api/health?token=${token}`)).toBe(401);
      const visit = await fetch(`http://${host}/?token=${token}`, { redirect: 'manual' });
      expect(visit.status).toBe(303);
      expect(visit.headers.get('set-cookie')).toMatch(/^kumpas_token=.*HttpOnly; SameSite=Strict/);
    } finally {
      await open.close();
    }
  });
});

describe('an app that ends', () => {
  it('answers all that had come to its door, also where it was busy meanwhile', async () => {
    const ending = await startApp({ models: [model], port: 0 });
    const answers = Array.from({ length: 30 }, () => fetch(new URL('/api/health', ending.address)));
    const closing = ending.close();
    const until = performance.now() + 300;
    while (performance.now() < until); // As a model at work: nobody is let in, and the time for late ones passes.
    expect((await Promise.all(answers)).map(({ status }) => status)).toEqual(answers.map(() => 200));
    await closing;
    await expect(fetch(ending.address)).rejects.toThrow('fetch failed');
  });
});

describe('docs/app.md', () => {
  const commands = readMarkdown(readFileSync(path.resolve(__dirname, '../../docs/app.md'), 'utf8')).commands;
  // Those of trainings are run by training.test.ts.
  const examples = commands.filter((command) => command.startsWith('curl ') && !/\/api\/(runs|training)/.test(command));

  it('shows several calls', () => {
    expect(examples.length).toBeGreaterThan(3);
  });

  it.each(examples)('shows what works: %s', async (example) => {
    const typed = example.replaceAll('http://127.0.0.1:4321/', app.address).replaceAll('MODEL', 'tiny');
    const child = await runShell(typed.replace('curl ', 'curl --fail-with-body --silent --show-error '));
    expect(child).toMatchObject({ code: 0, errors: '' });
  });
});
