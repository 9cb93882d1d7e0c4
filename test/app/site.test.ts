import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { chromium as browsers, type Browser, type Page } from 'playwright-core';
import { convert, loadModel } from '../../src';
import { writeSafetensors } from '../../src/checkpoint/safetensors';
import { stateDictTensors } from '../../src/checkpoint/state-dict';
import { requireForBrowsers } from '../../src/conversion/web/export-site';
import { formatNpz, npzOf } from '../../src/data/npz';
import { initialiseParameters, valuesNamed } from '../../src/engine/parameters';
import { inferenceProgram, modelOfFile } from '../../src/evaluation/loaded-model';
import { logitsOf, readyClip } from '../../src/evaluation/predict-clips';
import { checkedClipOf } from '../../src/data/clip';
import { RandomStream } from '../../src/foundation/random';
import { required } from '../../src/foundation/required';
import { inceptionGru } from '../../src/models/inception/inception-gru';
import type { Model } from '../../src/models/model';
import { signTransformer } from '../../src/models/transformer/sign-transformer';
import { faults } from '../support/app-in-browser';
import { chromium } from '../support/browser';
import { clipArrays, clipValues } from '../support/clip-files';
import { tinyArchitecture } from '../support/tiny-transformer';

const inBrowser = chromium === undefined ? describe.skip : describe;
const folder = mkdtempSync(path.join(tmpdir(), 'kumpas-site-'));
let server: Server;
let browser: Browser;

/** A model with weights that are drawn, as a file. @param says what its config says beside its shape. */
function writeModel(name: string, model: Model, says: Readonly<Record<string, unknown>> = {}): string {
  const labels = {
    gloss_labels: Array.from({ length: model.numGloss }, (_, id) => `SIGN ${id}`),
    category_labels: ['ONE', 'TWO', 'THREE'],
  };
  const values = initialiseParameters(model.parameters, new RandomStream(7));
  const state = new Map(model.parameters.map(({ name: key, shape }) => [key, { shape, values: required(values.get(key), key) }]));
  const config = { model: model.definition.name, ...model.config, kumpas_version: '0', ...labels, ...says };
  const file = path.join(folder, `${name}.safetensors`);
  writeSafetensors(file, stateDictTensors(state), { format: 'pt', config: JSON.stringify(config) });
  return file;
}

/** Key points that are normalised and followed by their velocities and by which are missing, and a class token. */
const transformer = (): string =>
  writeModel('transformer', signTransformer({ ...tinyArchitecture, input_dim: 390, pooling_method: 'cls' }), {
    transforms: [
      { name: 'normalize', by: 'shoulders' },
      { name: 'derived_inputs', motion: true, missingness: true },
    ],
  });

const onFeatures = (): string =>
  writeModel('gru', inceptionGru({ hidden1: 16, hidden2: 12, dropout: 0.3, num_gloss: 7, num_cat: 3, max_len: 300, backbone: undefined }));

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.wasm': 'application/wasm',
  '.svg': 'image/svg+xml',
};

beforeAll(async () => {
  if (chromium === undefined) return;
  server = createServer((request, response) => {
    const name = new URL(request.url ?? '/', 'http://localhost').pathname.replace(/\/$/, '/index.html');
    try {
      const bytes = readFileSync(path.join(folder, name));
      response.writeHead(200, { 'content-type': TYPES[path.extname(name)] ?? 'application/octet-stream' }).end(bytes);
    } catch {
      response.writeHead(404).end();
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  browser = await browsers.launch({
    executablePath: chromium,
    args: ['--no-sandbox'],
  });
});

afterAll(async () => {
  if (chromium !== undefined) {
    await browser.close();
    server.close();
  }
  rmSync(folder, { recursive: true });
});

const origin = (): string => `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

/** Opens an exported page; nothing may be asked of another origin, and the browser may complain of nothing. */
async function visit(
  at: string,
  test: (page: Page) => Promise<void>,
  look: { readonly width?: number; readonly colorScheme?: 'dark' } = {},
): Promise<void> {
  const { width = 1280, colorScheme = 'light' } = look;
  const page = await browser.newPage({ viewport: { width, height: 900 }, colorScheme, reducedMotion: 'reduce' });
  const complaints: string[] = [];
  page.on('pageerror', ({ message }) => complaints.push(message));
  page.on('console', (message) => {
    if (message.type() === 'error') complaints.push(message.text());
  });
  page.on('request', (request) => {
    if (!request.url().startsWith(origin()) && !/^(blob|data):/.test(request.url())) complaints.push(`asked of ${request.url()}`);
  });
  try {
    await page.goto(`${origin()}/${at}`);
    await page.locator('html[data-backend], .status.problem').waitFor();
    await test(page);
    expect(complaints).toEqual([]);
  } finally {
    await page.close();
  }
}

/** Drops a clip, and gives what the page computed for it. */
async function drop(page: Page, name: string, bytes: Uint8Array): Promise<Record<'gloss_logits' | 'category_logits', number[]>> {
  const given = page.evaluate(
    `new Promise((resolve) => document.addEventListener('recognised', ({ detail: { logits } }) =>
      resolve(Object.fromEntries(Object.entries(logits).map(([name, { values }]) => [name, [...values]]))), { once: true }))`,
  );
  await page.evaluate(
    `(() => {
      const bytes = Uint8Array.from(atob(${JSON.stringify(Buffer.from(bytes).toString('base64'))}), (letter) => letter.charCodeAt(0));
      const dataTransfer = new DataTransfer();
      dataTransfer.items.add(new File([bytes], ${JSON.stringify(name)}));
      document.dispatchEvent(new DragEvent('drop', { dataTransfer, bubbles: true }));
    })()`,
  );
  return (await given) as Record<'gloss_logits' | 'category_logits', number[]>;
}

/** What a model gives for a clip here, in TensorFlow's kernels where they are. */
async function ours(file: string, key: string, bytes: Uint8Array): Promise<Record<'gloss_logits' | 'category_logits', number[]>> {
  const loaded = modelOfFile(file);
  const program = inferenceProgram(loaded, { mode: 'captured' });
  const clip = await checkedClipOf(await npzOf('clip', Buffer.from(bytes)), { key, width: loaded.clipWidth });
  const logits = logitsOf(program, loaded, [readyClip(loaded, 'clip', clip)]);
  program.dispose();
  return { gloss_logits: [...valuesNamed(logits, 'gloss_logits')], category_logits: [...valuesNamed(logits, 'category_logits')] };
}

function farthest(one: Record<string, number[]>, other: Record<string, number[]>): number {
  return Math.max(
    ...Object.entries(one).flatMap(([name, logits]) =>
      logits.map((logit, id) => Math.abs(logit - required(other[name]?.[id], 'its like'))),
    ),
  );
}

inBrowser(
  `a page that recognises signs without a server${chromium === undefined ? ' (skipped: there is no Chromium on this machine)' : ''}`,
  () => {
    const keypoints = formatNpz(clipArrays(37, 3));
    const features = formatNpz({ X2048: { dtype: 'float32', shape: [30, 2048], values: clipValues(30, 5, 2048) } }, { compress: false });

    it('gives for a dropped clip of key points the logits that Kumpas gives, by WebAssembly and by JavaScript', async () => {
      const file = transformer();
      const samples = path.join(folder, 'clips');
      mkdirSync(samples);
      writeFileSync(
        path.join(samples, 'first.npz'),
        formatNpz(
          clipArrays(20, 9, { meta: { dtype: 'text', shape: [], values: [JSON.stringify({ gloss: 'SIGN 4', signer: 'a name' })] } }),
        ),
      );
      const { path: out, sizes } = await convert.export({ model: file, format: 'web', out: path.join(folder, 'site/of/one'), samples });
      expect(sizes?.join('\n')).toMatch(/weights .*KB\npage .*TensorFlow\.js .*\nWebAssembly .*\n1 sample clip/);
      expect(Number(/page ([\d.]+) KB/.exec(sizes?.[1] ?? '')?.[1])).toBeLessThan(250);
      const expected = await ours(file, 'X', keypoints);
      const recogniser = await loadModel(file);
      const [prediction] = await recogniser.recognise([await recogniser.ready('clip', keypoints)], { topK: 5 });
      recogniser.dispose();
      const labels = required(prediction && 'gloss' in prediction ? prediction.gloss : undefined, 'the prediction').map(
        ({ label }) => label,
      );
      await visit('site/of/one/?backend=cpu', async (page) => {
        expect(farthest(expected, await drop(page, 'mine.npz', keypoints))).toBeLessThan(1e-3);
      });
      const phone = { width: 390, colorScheme: 'dark' } as const;
      await visit(
        'site/of/one/',
        async (page) => {
          expect(await page.locator('html').getAttribute('data-backend')).toBe('wasm');
          expect(farthest(expected, await drop(page, 'mine.npz', keypoints))).toBeLessThan(1e-3);
          expect(await page.locator('.ranking').first().locator('.label').allTextContents()).toEqual(labels);
          expect(await page.locator('output').textContent()).toMatch(/^1 of 37/);
          await page.locator('.chip').first().press('Enter');
          await page.getByText('Its file says: SIGN 4').waitFor();
          expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(390);
          expect(await faults(page)).toEqual([]);
          await page.locator('#file').setInputFiles({ name: 'broken.npz', mimeType: '', buffer: Buffer.from('no zip') });
          await page.getByText('broken.npz: it is no .npz').waitFor();
        },
        phone,
      );
      expect(readFileSync(path.join(out, 'samples/1.npz')).includes('a name')).toBe(false);
    });

    it('recognises features too, by weights of 16 bits', async () => {
      const file = onFeatures();
      const { path: out } = await convert.export({ model: file, format: 'web', dtype: 'float16', out: path.join(folder, 'features') });
      const written = path.join(out, 'weights.safetensors');
      await visit('features/?backend=wasm', async (page) => {
        expect(farthest(await ours(written, 'X2048', features), await drop(page, 'features.npz', features))).toBeLessThan(1e-3);
        expect(await page.locator('.empty').textContent()).toContain('no skeleton to play');
        expect(await page.locator('#samples').isVisible()).toBe(false);
        expect(await faults(page)).toEqual([]);
      });
    });
  },
);

describe('exporting a page', () => {
  it('says in a line what cannot be exported so', async () => {
    const file = transformer();
    const backbone = { frozen: true, transform_input: true, auxiliaryClasses: undefined };
    const onPictures = inceptionGru({ hidden1: 4, hidden2: 4, dropout: 0, num_gloss: 7, num_cat: 3, max_len: 30, backbone });
    const taken = path.join(folder, 'taken');
    mkdirSync(taken);
    writeFileSync(path.join(taken, 'mine.txt'), '');
    await expect(convert.export({ model: file, format: 'web', out: taken })).rejects.toThrow(
      'it holds files already (mine.txt); give a new or an empty folder with --out',
    );
    await expect(convert.export({ model: file, format: 'torch', samples: 'clips' })).rejects.toThrow('--samples belongs to --format web');
    const narrow = path.join(folder, 'narrow.npz');
    writeFileSync(narrow, formatNpz({ X: { dtype: 'float32', shape: [3, 10], values: new Float32Array(30).fill(0.5) } }));
    await expect(convert.export({ model: file, format: 'web', out: path.join(folder, 'new'), samples: narrow })).rejects.toThrow(
      /narrow\.npz: "X" is \[3, 10\].*expected 156/,
    );
    expect(() => {
      requireForBrowsers({ file: 'pictures.pt', model: onPictures });
    }).toThrow('pictures.pt: it sees pictures through InceptionV3, which is too large for a page');
    expect(() => {
      requireForBrowsers({ file: 'mine.pt', model: { ...onPictures, definition: onPictures.definition.loadedFrom('my.ts') } });
    }).toThrow(/mine\.pt: iv3_gru is a model of one's own, whose code the page has not/);
  });
});
