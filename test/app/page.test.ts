import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { chromium as browsers, type Browser, type Page } from 'playwright-core';
import { startApp, train, type RunningApp } from '../../src';
import { demoSetOfWidth } from '../../src/data/demo/sets';
import { formatNpz } from '../../src/data/npz';
import { chromium } from '../support/browser';

const inBrowser = chromium === undefined ? describe.skip : describe;
const axe = readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');

/** The signs that the tests' model learns: of two categories of the demo set. */
const SIGNS = 8;
const folder = mkdtempSync(path.join(tmpdir(), 'kumpas-page-'));
let app: RunningApp;
let browser: Browser;

/** A part of the demo set as a data folder: some of its signs. */
function writeSomeOfTheDemo(data: string): void {
  const set = demoSetOfWidth(156);
  const { train: training, validation, labels } = set.dataset({ seed: 5, clipsPerGloss: 4, validationClipsPerGloss: 1 });
  for (const [name, clips] of [['train', training] as const, ['val', validation] as const]) {
    const place = path.join(data, `keypoints_${name}`);
    mkdirSync(place, { recursive: true });
    const rows = (clips?.entries ?? []).flatMap((entry, at) => {
      const values = clips?.values?.[at];
      if (entry.gloss % 13 !== 0 || entry.gloss >= 13 * SIGNS || values === undefined) return [];
      writeFileSync(path.join(place, `${entry.name}.npz`), formatNpz(set.clipArrays(entry, values, labels)));
      return [[entry.name, labels.gloss[entry.gloss], labels.category[entry.category]].join(',')];
    });
    writeFileSync(path.join(data, `${name}_labels.csv`), ['file,gloss,cat', ...rows, ''].join('\n'));
  }
}

beforeAll(async () => {
  if (chromium === undefined) return;
  const [data, root] = [path.join(folder, 'data'), path.join(folder, 'models')];
  writeSomeOfTheDemo(data);
  const small = { emb_dim: 32, num_heads: 4, num_layers: 1, max_len: 40, batch_size: 16, lr: 4e-3, epochs: 20 };
  await train({ data, save_dir: path.join(root, 'transformer'), ...small });
  app = await startApp({ root, port: 0 });
  browser = await browsers.launch({ executablePath: chromium, args: ['--no-sandbox'] });
});

afterAll(async () => {
  if (chromium !== undefined) {
    await browser.close();
    await app.close();
  }
  rmSync(folder, { recursive: true });
});

/** Opens the page, and fails with whatever the browser complains of. */
async function withPage(
  look: { readonly width: number; readonly colorScheme: 'light' | 'dark'; readonly expected?: readonly string[] },
  test: (page: Page) => Promise<void>,
): Promise<void> {
  const { width, colorScheme, expected = [] } = look;
  const page = await browser.newPage({ viewport: { width, height: 900 }, colorScheme, reducedMotion: 'reduce' });
  const complaints: string[] = [];
  page.on('pageerror', ({ message }) => complaints.push(message));
  page.on('console', (message) => {
    if (message.type() === 'error') complaints.push(message.text());
  });
  try {
    await page.goto(app.address);
    await page.locator('.chip').first().waitFor();
    await test(page);
    expect(complaints).toEqual(expected);
  } finally {
    await page.close();
  }
}

/** What axe finds wrong: contrast, roles, names. */
async function faults(page: Page): Promise<string[]> {
  const found: unknown = await page.evaluate(`${axe}; axe.run().then(({ violations }) =>
    violations.flatMap(({ id, nodes }) => nodes.map(({ target }) => id + ': ' + target.join(' '))))`);
  return found as string[];
}

function clipOf(sign: string, split = 'val'): { name: string; mimeType: string; buffer: Buffer } {
  const rows = readFileSync(path.join(folder, `data/${split}_labels.csv`), 'utf8').split('\n');
  const name = `${rows.find((row) => row.split(',')[1] === sign)?.split(',')[0] ?? 'none'}.npz`;
  return { name, mimeType: 'application/octet-stream', buffer: readFileSync(path.join(folder, `data/keypoints_${split}`, name)) };
}

function someSigns(): string[] {
  const rows = readFileSync(path.join(folder, 'data/val_labels.csv'), 'utf8').trim().split('\n').slice(1);
  return rows.map((row) => row.split(',')[1] ?? '');
}

inBrowser(`the page Try${chromium === undefined ? ' (skipped: there is no Chromium on this machine)' : ''}`, () => {
  it('plays a clip that is given to it, and names its sign among the five likeliest', async () => {
    const [sign = ''] = someSigns();
    await withPage({ width: 1280, colorScheme: 'light' }, async (page) => {
      await page.locator('#files').setInputFiles(clipOf(sign, 'train'));
      await page.locator('.ranking').first().waitFor();
      expect(await page.locator('.ranking').first().locator('li .label').allTextContents()).toHaveLength(5);
      expect(await page.locator('.ranking li.true .label').first().textContent()).toContain(sign);
      expect(await page.locator('.badge').textContent()).toBe('T');
      const picture = (): Promise<string> =>
        page.locator('canvas').evaluate((canvas) => (canvas as unknown as { toDataURL(): string }).toDataURL());
      const before = await picture();
      await page.getByLabel('Frame').focus();
      for (let press = 0; press < 6; press++) await page.keyboard.press('ArrowRight');
      expect(await page.locator('output').textContent()).toMatch(/^7 of \d+/);
      expect(await picture()).not.toBe(before);
      expect(await faults(page)).toEqual([]);
    });
  });

  it('shows a sample on a phone in the dark, and nothing runs out of the page', async () => {
    await withPage({ width: 390, colorScheme: 'dark' }, async (page) => {
      expect(await page.locator('#samples-source').textContent()).toContain(path.join(folder, 'data'));
      await page.locator('.chip').first().press('Enter');
      await page.locator('.best').waitFor();
      expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(390);
      expect(await faults(page)).toEqual([]);
    });
  });

  it('makes a table of many clips, says which it cannot use, and gives it as CSV', async () => {
    await withPage({ width: 1280, colorScheme: 'dark' }, async (page) => {
      const clips = someSigns().map((sign) => clipOf(sign));
      const broken = { name: 'broken.npz', mimeType: '', buffer: Buffer.from('no zip') };
      await page.locator('#files').setInputFiles([broken, ...clips]);
      const download = page.getByText('Download as CSV');
      await download.waitFor();
      expect(await page.locator('tbody tr').count()).toBe(clips.length + 1);
      expect(await page.locator('tbody tr').first().textContent()).toContain('it is no .npz');
      const [file] = await Promise.all([page.waitForEvent('download'), download.click()]);
      const csv = readFileSync(await file.path(), 'utf8')
        .trim()
        .split('\r\n');
      expect(csv[0]).toMatch(/^file,pred_gloss,pred_gloss_label,confidence/);
      expect(csv).toHaveLength(clips.length + 2);
      await page.locator('tbody button').nth(1).click();
      await page.locator('.best').waitFor();
      expect(await faults(page)).toEqual([]);
    });
  });

  it('says in words that the app does not answer', async () => {
    const expected = ['Failed to load resource: net::ERR_FAILED'];
    await withPage({ width: 1280, colorScheme: 'light', expected }, async (page) => {
      await page.route('**/api/predict*', (route) => route.abort());
      await page.locator('#files').setInputFiles(clipOf(someSigns()[0] ?? ''));
      await page.getByText('The app does not answer').waitFor();
    });
  });
});

inBrowser('the page of the API', () => {
  it('is legible and has its roles', async () => {
    const page = await browser.newPage({ colorScheme: 'dark' });
    await page.goto(`${app.address}api/docs`);
    expect(await faults(page)).toEqual([]);
    await page.close();
  });
});
