import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll } from '@jest/globals';
import { chromium as browsers, type Browser, type Page } from 'playwright-core';
import { startApp, train, type RunningApp } from '../../src';
import { demoSetOfWidth } from '../../src/data/demo/sets';
import { formatNpz } from '../../src/data/npz';
import { required } from '../../src/foundation/required';
import { chromium } from './browser';

const axe = readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');

/** The signs that the tests' model learns: of two categories of the demo set. */
const SIGNS = 8;

/** How a page is looked at. */
export interface Look {
  readonly width: number;
  readonly colorScheme: 'light' | 'dark';
  /** Errors that the browser is to report. */
  readonly expected?: readonly string[];
}

/** A clip as a visitor chooses it. */
interface ChosenClip {
  readonly name: string;
  readonly mimeType: string;
  readonly buffer: Buffer;
}

/** An app that runs, with a tiny model that was trained on a part of the demo set, and a browser to look at it; where there is no browser, neither. */
export class AppInBrowser {
  /** Holds `data`, a data folder, and `models`, the registry. */
  readonly folder = mkdtempSync(path.join(tmpdir(), 'kumpas-page-'));
  private running: { readonly app: RunningApp; readonly browser: Browser } | undefined;

  /**
   * Starts it before the tests of a file, and ends it after them.
   * @param flags further ones of the browser.
   */
  constructor(flags: readonly string[] = []) {
    beforeAll(async () => {
      if (chromium === undefined) return;
      writeSomeOfTheDemo(this.data);
      const small = { emb_dim: 32, num_heads: 4, num_layers: 1, max_len: 40, batch_size: 16, lr: 4e-3, epochs: 20 };
      await train({ data: this.data, save_dir: path.join(this.root, 'transformer'), ...small });
      const app = await startApp({ root: this.root, port: 0 });
      this.running = { app, browser: await browsers.launch({ executablePath: chromium, args: ['--no-sandbox', ...flags] }) };
    });
    afterAll(async () => {
      await this.running?.browser.close();
      await this.running?.app.close();
      rmSync(this.folder, { recursive: true });
    });
  }

  get data(): string {
    return path.join(this.folder, 'data');
  }

  get root(): string {
    return path.join(this.folder, 'models');
  }

  get address(): string {
    return required(this.running, 'the app').app.address;
  }

  get browser(): Browser {
    return required(this.running, 'the browser').browser;
  }

  /** Opens a page, `live` say, and fails with whatever the browser complains of. */
  async look(at: string, { width, colorScheme, expected = [] }: Look, test: (page: Page) => Promise<void>): Promise<void> {
    const page = await this.browser.newPage({ viewport: { width, height: 900 }, colorScheme, reducedMotion: 'reduce' });
    const complaints: string[] = [];
    page.on('pageerror', ({ message }) => complaints.push(message));
    page.on('console', (message) => {
      if (message.type() === 'error') complaints.push(message.text());
    });
    try {
      await page.goto(`${this.address}${at}`);
      await test(page);
      if (complaints.join('\n') !== expected.join('\n')) throw new Error(`the browser complains: ${complaints.join('\n')}`);
    } finally {
      await page.close();
    }
  }

  /** A clip of that sign. */
  clipOf(sign: string, split: 'train' | 'val' = 'val'): ChosenClip {
    const rows = readFileSync(path.join(this.data, `${split}_labels.csv`), 'utf8').split('\n');
    const [file] = required(
      rows.find((row) => row.split(',')[1] === sign),
      `a clip of ${sign}`,
    ).split(',');
    const name = `${required(file, 'its name')}.npz`;
    return { name, mimeType: 'application/octet-stream', buffer: readFileSync(path.join(this.data, `keypoints_${split}`, name)) };
  }

  /** The signs of the validation clips. */
  signs(): string[] {
    const rows = readFileSync(path.join(this.data, 'val_labels.csv'), 'utf8').trim().split('\n').slice(1);
    return rows.map((row) => required(row.split(',')[1], 'its sign'));
  }
}

/** What axe finds wrong with a page: contrast, roles, names. */
export async function faults(page: Page): Promise<string[]> {
  const found: unknown = await page.evaluate(`${axe}; axe.run().then(({ violations }) =>
    violations.flatMap(({ id, nodes }) => nodes.map(({ target }) => id + ': ' + target.join(' '))))`);
  return found as string[];
}

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
