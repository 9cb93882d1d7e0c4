import { rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { HOLISTIC_78 } from '../../src/config/known-layouts';
import { assembleBatch, type Batch, bucketLengths, planEpoch, type BatchPlan } from '../../src/data/batch';
import { BatchSource, openBatches } from '../../src/data/batch-source';
import type { ClipSet, Dataset } from '../../src/data/clip-set';
import { openDataset } from '../../src/data/dataset';
import { formatNpz } from '../../src/data/npz';
import { TransformPipeline } from '../../src/data/transforms/pipeline';
import { UserError } from '../../src/foundation/errors';
import { clipArrays, inTemporaryFolder, writeDataFolder } from '../support/clip-files';

const train = Array.from({ length: 22 }, (_, index) => ({
  name: `t${index}`,
  gloss: index % 5,
  category: index % 2,
  frames: 6 + ((index * 7) % 30),
}));
const val = [{ name: 'v', gloss: 0, category: 0, frames: 12 }];
const batchSize = 4;
const maxFrames = 24;

const open = (folder: string, memoryBudgetBytes: number): Promise<Dataset> =>
  openDataset({ folder }, { key: 'X', width: 156, keypoints: 'of the data', memoryBudgetBytes, needTrain: true });

function trainOf(dataset: Dataset): ClipSet {
  if (dataset.train === undefined) throw new Error('no training clips');
  return dataset.train;
}

function plansOf(set: ClipSet, epoch = 1): BatchPlan[] {
  const buckets = bucketLengths(set.entries, { maxBuckets: 3, maxFrames, batchSize });
  return planEpoch(set, { batchSize, maxFrames, seed: 42, epoch, shuffle: true, bucketLengths: buckets });
}

async function collect(batches: AsyncIterable<Batch>): Promise<Batch[]> {
  const collected: Batch[] = [];
  for await (const batch of batches) collected.push(batch);
  return collected;
}

describe('a batch', () => {
  const values = [Float32Array.of(1, 2, 3, 4), Float32Array.of(5, 6, 7, 8, 9, 10, 11, 12)];
  const entries = [
    { gloss: 3, category: 1 },
    { gloss: 4, category: 2 },
  ];

  it('holds clips padded or cut to its length, and rows of weight 0', () => {
    const batch = assembleBatch({ indices: [1, 0], frames: 3 }, 3, { entries, width: 2 }, (index) => values[index] ?? new Float32Array());
    expect(batch).toEqual({
      size: 3,
      count: 2,
      frames: 3,
      width: 2,
      features: Float32Array.of(5, 6, 7, 8, 9, 10, 1, 2, 3, 4, 0, 0, 0, 0, 0, 0, 0, 0),
      mask: Float32Array.of(1, 1, 1, 1, 1, 0, 1, 0, 0),
      gloss: Int32Array.of(4, 3, 0),
      category: Int32Array.of(2, 1, 0),
      weight: Float32Array.of(1, 1, 0),
      indices: [1, 0],
    });
  });
});

describe('the batches of an epoch', () => {
  it('are the same from memory and from files, epoch after epoch and from the middle of one', async () => {
    await inTemporaryFolder(async (folder) => {
      writeDataFolder(folder, { train, val });
      const inMemory = trainOf(await open(folder, 1e9));
      const streamed = trainOf(await open(folder, 0));
      expect(inMemory.values).toBeDefined();
      expect(streamed.values).toBeUndefined();
      const fromMemory = new BatchSource(inMemory, { batchSize });
      const fromFiles = new BatchSource(streamed, { batchSize });
      try {
        for (const epoch of [1, 2]) {
          const plans = plansOf(inMemory, epoch);
          const expected = await collect(fromMemory.epoch(plans));
          expect(expected.map(({ indices }) => indices)).toEqual(plans.map(({ indices }) => indices));
          expect(expected.reduce((clips, { count }) => clips + count, 0)).toBe(train.length);
          expect(await collect(fromFiles.epoch(plans))).toEqual(expected);
          expect(await collect(fromFiles.epoch(plans.slice(2)))).toEqual(expected.slice(2));
        }
      } finally {
        await fromFiles.close();
        await fromMemory.close();
      }
    });
  });

  it('hold clips that went through the transforms, whole and before they are cut, in both ways', async () => {
    await inTemporaryFolder(async (folder) => {
      writeDataFolder(folder, { train, val });
      const inMemory = trainOf(await open(folder, 1e9));
      const transforms = [{ name: 'normalize', by: 'shoulders' }];
      const fromMemory = new BatchSource(inMemory, { batchSize, transforms });
      const fromFiles = new BatchSource(trainOf(await open(folder, 0)), { batchSize, transforms });
      try {
        const plans = plansOf(inMemory);
        const expected = await collect(fromMemory.epoch(plans));
        expect(await collect(fromFiles.epoch(plans))).toEqual(expected);
        const pipeline = TransformPipeline.of(transforms, HOLISTIC_78);
        for (const { features, frames, indices } of expected) {
          indices.forEach((index, row) => {
            const values = inMemory.values?.[index] ?? new Float32Array();
            const normalized = pipeline.apply({ values, frames: values.length / 156 }).values.subarray(0, frames * 156);
            expect(features.subarray(row * frames * 156, row * frames * 156 + normalized.length)).toEqual(normalized);
            expect(normalized).not.toEqual(values.subarray(0, normalized.length));
          });
        }
      } finally {
        await fromFiles.close();
        await fromMemory.close();
      }
    });
  });

  it('may be left early, and begun again', async () => {
    await inTemporaryFolder(async (folder) => {
      writeDataFolder(folder, { train, val });
      const set = trainOf(await open(folder, 0));
      const plans = plansOf(set);
      for await (const batch of openBatches(set, plans, { batchSize, readAhead: 2 })) {
        expect(batch.indices).toEqual(plans[0]?.indices);
        break;
      }
      const source = new BatchSource(set, { batchSize, readAhead: 1 });
      const first = await source.epoch(plans).next();
      expect(first.value?.indices).toEqual(plans[0]?.indices);
      await source.close();
      expect(await collect(source.epoch(plans))).toHaveLength(plans.length);
      await source.close();
    });
  });

  it('bring the error of a clip that vanished or changed, with its file named, and go on afterwards', async () => {
    await inTemporaryFolder(async (folder) => {
      writeDataFolder(folder, { train, val });
      const set = trainOf(await open(folder, 0));
      const plans = plansOf(set);
      const source = new BatchSource(set, { batchSize });
      try {
        const clip = path.join(folder, 'keypoints_train/t5.npz');
        rmSync(clip);
        await expect(collect(source.epoch(plans))).rejects.toThrow(UserError);
        await expect(collect(source.epoch(plans))).rejects.toThrow(/t5\.npz: no such file/);
        writeFileSync(clip, formatNpz(clipArrays(3)));
        await expect(collect(source.epoch(plans))).rejects.toThrow(/t5\.npz: it had \d+ frames and now has 3/);
        writeFileSync(clip, formatNpz(clipArrays(train[5]?.frames ?? 0)));
        expect(await collect(source.epoch(plans))).toHaveLength(plans.length);
      } finally {
        await source.close();
      }
    });
  });

  it('end with an error where the set is closed under them', async () => {
    await inTemporaryFolder(async (folder) => {
      writeDataFolder(folder, { train, val });
      const set = trainOf(await open(folder, 0));
      const source = new BatchSource(set, { batchSize });
      const reading = collect(source.epoch(plansOf(set)));
      await Promise.all([expect(reading).rejects.toThrow(/closed/), source.close()]);
    });
  });
});
