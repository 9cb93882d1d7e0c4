import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { foundText } from '../../src/cli/find-learning-rate';
import { startRuntime } from '../../src/engine/runtime';
import { findLearningRate, suggest, type FindRateEvent } from '../../src/training/find-learning-rate';
import { inTemporaryFolder } from '../support/clip-files';
import { writeSmallData } from '../support/small-training';

beforeAll(async () => {
  await startRuntime();
});

/** Losses over rates from 1e-6 to 1: flat, then falling, fastest at 1e-3, then rising. */
const valley = Array.from({ length: 61 }, (_, place) => {
  const power = -6 + place / 10;
  const smoothedLoss = power > -1.5 ? 2 + (power + 1.5) : 3.5 - 1.5 / (1 + Math.exp(-4 * (power + 3)));
  return { rate: 10 ** power, smoothedLoss, loss: smoothedLoss + (0.02 * ((place * place * 7) % 11)) / 11 };
});

const shape = { emb_dim: 16, num_heads: 2, num_layers: 1, max_len: 12, batch_size: 8, num_buckets: 1 };

describe('the learning rate that is suggested', () => {
  it('is the one at which the loss falls fastest before it is least', () => {
    expect(Math.log10(suggest(valley)?.rate ?? NaN)).toBeCloseTo(-3, 0);
  });

  it('is a tenth of the best where the loss falls no further than it scatters', () => {
    const scattered = valley.map(({ rate, smoothedLoss }, place) => ({ rate, smoothedLoss, loss: 3 + ((place * place * 7) % 11) / 11 }));
    expect(suggest(scattered)?.basis).toBe('tenth of the least');
    expect(Math.log10(suggest(scattered)?.rate ?? NaN)).toBeCloseTo(-2.6, 0);
  });

  it('is none where the loss falls nowhere', () => {
    expect(
      suggest(
        valley.map(({ rate }, place) => ({ rate, loss: 1 + rate + (0.02 * ((place * place * 7) % 11)) / 11, smoothedLoss: 1 + rate })),
      ),
    ).toBeUndefined();
  });
});

describe('the search for a learning rate', () => {
  it('tries larger and larger ones, and leaves a picture and a table alone', async () => {
    await inTemporaryFolder(async (folder) => {
      const data = writeSmallData(folder);
      const [save_dir, out] = [path.join(folder, 'models'), path.join(folder, 'found')];
      const events: FindRateEvent[] = [];
      const found = await findLearningRate({ data, save_dir, out, ...shape }, { onEvent: (event) => events.push(event) });
      expect(existsSync(save_dir)).toBe(false);
      expect(readdirSync(folder).sort()).toEqual(['data', 'found']);
      expect(readdirSync(out)).toEqual(['lr_finder.csv', 'lr_finder.png']);
      const lines = readFileSync(path.join(out, 'lr_finder.csv'), 'utf8').trim().split('\n');
      expect(lines[0]).toBe('lr,loss,smoothed_loss');
      expect(lines).toHaveLength(1 + found.tried.length);
      expect(events.filter(({ kind }) => kind === 'rate-tried')).toHaveLength(found.tried.length);
      const rates = found.tried.map(({ rate }) => rate);
      expect(rates).toEqual(rates.toSorted((one, other) => one - other));
      expect(rates[0]).toBeCloseTo(1e-7, 12);
      // Whether the loss of these few clips falls further than it scatters is chance.
      expect(found.suggestion ?? 1e-3).toBeLessThan(1);
    });
  });

  it('ends where it is told to', async () => {
    await inTemporaryFolder(async (folder) => {
      const data = writeSmallData(folder);
      const controller = new AbortController();
      const onEvent = (event: FindRateEvent): void => {
        if (event.kind === 'rate-tried' && event.done === 3) controller.abort();
      };
      const found = await findLearningRate({ data, ...shape }, { signal: controller.signal, onEvent });
      expect(found).toMatchObject({ end: 'interrupted', suggestion: undefined, files: [] });
      expect(found.tried).toHaveLength(3);
    });
  });

  it('says what to type', () => {
    const found = {
      tried: [{ rate: 1e-7, loss: 3, smoothedLoss: 3 }],
      suggestion: 3.04e-4,
      basis: 'steepest',
      end: 'finished',
      files: ['a.png'],
    } as const;
    expect(foundText(found, ['--data', 'my clips', '--lr', '1e-3', '--find-lr']).at(-1)).toBe(
      "npm run train -- --data 'my clips' --lr 0.0003",
    );
    expect(foundText(found, ['--find-lr=out', '--learning-rate=1', '--data', 'clips']).at(-1)).toBe(
      'npm run train -- --data clips --lr 0.0003',
    );
  });
});
