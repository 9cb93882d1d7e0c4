import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { readWeights } from '../../src/checkpoint/training-checkpoint';
import { Entry } from '../../src/engine/captured/entry';
import { startRuntime } from '../../src/engine/runtime';
import { elementAt, required } from '../../src/foundation/required';
import {
  batchSizeThatPays,
  foretoldMemory,
  measureBatchSizes,
  type BatchSizeEvent,
  type MeasuredBatchSize,
} from '../../src/training/measure-batch-sizes';
import { readResumePoint, resumedSettings } from '../../src/training/resume';
import { inTemporaryFolder } from '../support/clip-files';
import { sharedCommands } from '../support/commands';
import { smallFlags, trainSmall, writeSmallData } from '../support/small-training';

const shape = { emb_dim: 16, num_heads: 2, num_layers: 1, max_len: 12, num_buckets: 2 };
const { kumpas, kumpasIn } = sharedCommands();

const runEntry: unknown = Reflect.get(Entry.prototype, 'runLater');

/** The rows of the batch that a graph is run on. */
function clipsIn(arrays: Readonly<Record<string, { readonly shape: readonly number[] }>>): number {
  return elementAt(required(arrays['weight'], 'the weights of the clips').shape, 0);
}

beforeAll(async () => {
  await startRuntime();
});

afterEach(() => {
  jest.restoreAllMocks();
});

describe('the batch size that pays', () => {
  const paces = (...all: number[]) => all.map((clipsPerSecond, place) => ({ batchSize: 8 * 2 ** place, clipsPerSecond }));

  it('is the largest that is 5 % faster than those before it', () => {
    expect(batchSizeThatPays(paces(100))).toBe(8);
    expect(batchSizeThatPays(paces(100, 150, 157.4))).toBe(16);
    expect(batchSizeThatPays(paces(100, 150, 157.6))).toBe(32);
    expect(batchSizeThatPays(paces(100, 90))).toBe(8);
  });

  it('takes memory that grows as between the last two sizes', () => {
    const known = [
      { batchSize: 8, memoryMb: 500 },
      { batchSize: 16, memoryMb: 580 },
    ];
    expect(foretoldMemory(known, 32)).toBe(740);
    expect(foretoldMemory([...known, { batchSize: 32, memoryMb: 570 }], 64)).toBe(570);
  });
});

describe('measuring batch sizes', () => {
  it('trains on whole batches of each size, up to the number of clips, tells each, and leaves nothing', async () => {
    await inTemporaryFolder(async (folder) => {
      const data = writeSmallData(folder);
      const told: MeasuredBatchSize[] = [];
      const onEvent = (event: BatchSizeEvent): void => {
        if (event.kind === 'batch-size-measured') told.push(event);
      };
      const rows = new Set<number>();
      jest.spyOn(Entry.prototype, 'runLater').mockImplementation(async function (this: Entry, arrays) {
        rows.add(clipsIn(arrays));
        return await Reflect.apply(runEntry as Entry['runLater'], this, [arrays]);
      });
      const found = await measureBatchSizes({ data, save_dir: path.join(folder, 'models'), ...shape }, { onEvent });
      expect(told).toEqual(found.measured.map((one) => ({ kind: 'batch-size-measured', ...one })));
      expect(found.measured.map(({ batchSize }) => batchSize)).toEqual([8, 16]);
      expect([...rows]).toEqual([8, 16]);
      expect(found.batchSize).toBe(batchSizeThatPays(found.measured));
      expect(found.end).toBe(found.batchSize === 16 ? 'all clips' : 'no gain');
      expect(Math.min(...found.measured.flatMap(({ clipsPerSecond, memoryMb }) => [clipsPerSecond, memoryMb]))).toBeGreaterThan(0);
      expect(readdirSync(folder)).toEqual(['data']);
    });
  });

  it('ends where TensorFlow is refused memory, and says so where that is at the first', async () => {
    await inTemporaryFolder(async (folder) => {
      const options = { data: writeSmallData(folder), ...shape };
      let refusedFrom = 0;
      jest.spyOn(Entry.prototype, 'runLater').mockImplementation(async function (this: Entry, arrays) {
        if (clipsIn(arrays) >= refusedFrom)
          throw new Error('OOM when allocating tensor with shape[16,12,16] and type float\n\t [[{{node step/MatMul}}]]');
        return await Reflect.apply(runEntry as Entry['runLater'], this, [arrays]);
      });
      refusedFrom = 16;
      expect(await measureBatchSizes(options)).toMatchObject({ batchSize: 8, end: 'memory refused', measured: [{ batchSize: 8 }] });
      refusedFrom = 8;
      await expect(measureBatchSizes(options)).rejects.toThrow(/^--auto-batch-size: memory does not suffice for a batch of 8 clips/);
    });
  });
});

describe('train --auto-batch-size', () => {
  it('trains as with the size typed, to the bit', async () => {
    await inTemporaryFolder(async (folder) => {
      writeSmallData(folder);
      const flags = smallFlags.slice(0, smallFlags.indexOf('--batch-size'));
      const others = ['--data', 'data', '--epochs', '1', '--lr', '1e-3', '--num-buckets', '2', '--save-dir', 'measured'];
      const { code, output, errors } = await kumpasIn(folder, 'train', ...flags, ...others, '--auto-batch-size');
      expect({ code, errors }).toEqual({ code: 0, errors: '' });
      expect(output).toMatch(/^ +batch size +pace +memory\n +8 +[\d.]+ clips\/s +[\d.]+ MB\n/);
      const size = required(/^trains with --batch-size (8|16): .*; the learning rate stays as it is$/m.exec(output)?.[1], 'the size');
      const measured = path.join(folder, 'measured', required(readdirSync(path.join(folder, 'measured'))[0], 'a run'));
      const config: unknown = JSON.parse(readFileSync(path.join(measured, 'config.json'), 'utf8'));
      expect(config).toMatchObject({ batch_size: Number(size) });
      const last = path.join(measured, 'SignTransformer_last.pt');
      const values = { data: path.join(folder, 'data'), save_dir: path.join(folder, 'typed'), epochs: 2 };
      const settings = resumedSettings(readResumePoint(last), [{ source: 'test', values }]);
      const { run } = await trainSmall({ ...settings, epochs: 1 });
      expect(run.settings.batch_size).toBe(Number(size));
      expect(readWeights(last).model).toEqual(readWeights(run.folder.files.last).model);
    });
  });

  it.each([
    ['--batch-size', '8', '--batch-size: both say how many clips a batch has'],
    ['--resume', 'runs/a', '--resume: a training that is gone on with has its batch size'],
    ['--smoke-test', undefined, '--smoke-test: it runs batches of the size that is given'],
    ['--find-lr', 'found', '--find-lr: measure first'],
  ])('is refused beside %s', async (flag, value, said) => {
    const { code, errors } = await kumpas('train', '--auto-batch-size', flag, ...(value === undefined ? [] : [value]));
    expect(code).toBe(1);
    expect(errors).toContain(`--auto-batch-size and ${said}`);
    expect(existsSync('found')).toBe(false);
  });
});
