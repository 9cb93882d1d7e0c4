import path from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { resolveSettings } from '../../src/config/resolve';
import { HOLISTIC_78 } from '../../src/config/known-layouts';
import { bucketLengths, planEpoch, type Batch } from '../../src/data/batch';
import { BatchSource } from '../../src/data/batch-source';
import type { Clip } from '../../src/data/clip';
import { blended, spliced } from '../../src/data/transforms/mixing';
import { TransformPipeline } from '../../src/data/transforms/pipeline';
import { RandomStream } from '../../src/foundation/random';
import { elementAt, required } from '../../src/foundation/required';
import { ownModels } from '../../src/models/model-table';
import { inTemporaryFolder } from '../support/clip-files';
import { openFolder } from '../support/open-folder';
import { writeSmallData } from '../support/small-training';

/** A clip of so many frames whose every number is `value`, but for key points that are missing. */
function clipOf(value: number, frames: number, missing: readonly number[] = []): Clip {
  const values = new Float32Array(frames * 156).fill(value);
  for (let frame = 0; frame < frames; frame++)
    for (const point of missing) values.fill(0, frame * 156 + 2 * point, frame * 156 + 2 * point + 2);
  return { values, frames };
}

const numberAt = ({ values }: Clip, frame: number, point: number): number => elementAt(values, frame * 156 + 2 * point);
const mixing = { name: 'mix', mixup: 0, mixup_alpha: 0.2, cutmix: 0, cutmix_alpha: 1 };

describe('mixup of two clips', () => {
  it('is their weighted mean; what the clip lacks stays missing, what the other lacks is the clip’s own', () => {
    const made = blended(clipOf(1, 3, [30]), clipOf(2, 3, [31]), 0.75, HOLISTIC_78);
    expect(made.frames).toBe(3);
    expect(numberAt(made, 1, 0)).toBe(1.25);
    expect(numberAt(made, 1, 30)).toBe(0);
    expect(numberAt(made, 1, 31)).toBe(1);
  });

  it('is as long as the longer one, which is seen alone where the other has ended', () => {
    for (const [own, other, tail] of [
      [2, 4, 2],
      [4, 2, 1],
    ] as const) {
      const made = blended(clipOf(1, own), clipOf(2, other), 0.5, HOLISTIC_78);
      expect(made.frames).toBe(4);
      expect(made.values).toHaveLength(4 * 156);
      expect([0, 1, 2, 3].map((frame) => numberAt(made, frame, 7))).toEqual([1.5, 1.5, tail, tail]);
    }
  });

  it('never makes a key point missing that both have, and takes features and pixels as they are', () => {
    expect(numberAt(blended(clipOf(1, 1), clipOf(-1, 1), 0.5, HOLISTIC_78), 0, 3)).toBe(2 ** -24);
    const features = blended(clipOf(1, 1, [30]), clipOf(2, 1), 0.5, undefined);
    expect(numberAt(features, 0, 30)).toBe(1);
  });
});

describe('cutmix of two clips', () => {
  it('replaces a stretch of frames by one of the other, in the middle as at the ends, and says what is left', () => {
    const starts = new Set<number>();
    for (let seed = 0; seed < 40; seed++) {
      const { clip, share } = spliced(clipOf(1, 8), clipOf(2, 5), 0.7, new RandomStream(seed));
      const frames = Array.from({ length: 8 }, (_, frame) => numberAt(clip, frame, 7));
      expect(clip.frames).toBe(8);
      expect(share).toBe(0.75);
      expect(frames.filter((value) => value === 2)).toHaveLength(2);
      const start = frames.indexOf(2);
      expect(frames[start + 1]).toBe(2);
      starts.add(start);
    }
    expect(starts).toEqual(new Set([0, 1, 2, 3, 4, 5, 6]));
  });

  it('takes of the other what is of about the same time, and never more than it has', () => {
    const other = { values: Float32Array.from({ length: 4 }, (_, frame) => 10 + frame), frames: 4 };
    const { clip, share } = spliced({ values: new Float32Array(20), frames: 20 }, other, 0.5, new RandomStream(1));
    expect(share).toBe(0.8);
    expect([...clip.values].filter((value) => value > 0)).toEqual([10, 11, 12, 13]);
    for (let seed = 0; seed < 20; seed++) {
      const part = spliced({ values: new Float32Array(8), frames: 8 }, other, 0.75, new RandomStream(seed)).clip.values;
      const start = part.findIndex((value) => value > 0);
      expect(part.slice(start, start + 2)).toEqual(other.values.slice(Math.round(start / 3), Math.round(start / 3) + 2));
    }
  });
});

describe('the clips of a batch', () => {
  const clips = Array.from({ length: 200 }, (_, index) => clipOf(index + 1, 4));
  const indices = clips.map((_, index) => index);
  const mixed = (options: Partial<typeof mixing>, epoch = 1): ReturnType<TransformPipeline['mixBatch']> =>
    TransformPipeline.of([{ ...mixing, ...options }], HOLISTIC_78).mixBatch(clips, indices, { seed: 3, epoch });

  it('are mixed in the shares that are asked for, each with another, and keep the larger share of themselves', () => {
    const made = mixed({ mixup: 0.3, cutmix: 0.3 });
    expect(made).toEqual(mixed({ mixup: 0.3, cutmix: 0.3 }));
    expect(made).not.toEqual(mixed({ mixup: 0.3, cutmix: 0.3 }, 2));
    const changed = made.filter(({ partner }, row) => partner !== row);
    expect(Math.abs(changed.length - 120)).toBeLessThan(25);
    for (const [row, { clip, partner, share }] of made.entries()) {
      expect(share).toBeGreaterThanOrEqual(0.5);
      const mean = clip.values.reduce((sum, value) => sum + value, 0) / clip.values.length;
      expect(mean).toBeCloseTo(share * (row + 1) + (1 - share) * (partner + 1), 3);
    }
    expect(new Set(changed.map(({ partner }) => partner)).size).toBeGreaterThan(50);
  });

  it('stay as they are where there is nobody to mix with', () => {
    const pipeline = TransformPipeline.of([{ ...mixing, mixup: 1 }], HOLISTIC_78);
    expect(pipeline.mixBatch([clipOf(1, 3)], [5], { seed: 1, epoch: 1 })).toEqual([{ clip: clipOf(1, 3), partner: 0, share: 1 }]);
  });

  it('are the same from memory and from files, each padded row and each clip of another length among them', async () => {
    await inTemporaryFolder(async (folder) => {
      writeSmallData(folder);
      const transforms = [
        { name: 'noise', p: 1, std: 0.1 },
        { name: 'normalize', by: 'shoulders' },
        { ...mixing, mixup: 0.5, cutmix: 0.5 },
      ];
      const [batchSize, maxFrames] = [4, 12];
      const batchesOf = async (memoryBudgetBytes: number): Promise<Batch[]> => {
        const train = required(
          (await openFolder(path.join(folder, 'data'), { memoryBudgetBytes, needTrain: true })).train,
          'the training clips',
        );
        const lengths = bucketLengths(train.entries, { maxBuckets: 2, maxFrames, batchSize });
        const plans = planEpoch(train, { batchSize, maxFrames, seed: 1, epoch: 2, shuffle: true, bucketLengths: lengths });
        const source = new BatchSource(train, { batchSize, transforms });
        const found: Batch[] = [];
        try {
          for await (const batch of source.epoch(plans)) found.push(batch);
        } finally {
          await source.close();
        }
        return found;
      };
      const fromMemory = await batchesOf(1e9);
      expect(await batchesOf(0)).toEqual(fromMemory);
      const smaller = required(
        fromMemory.find(({ count, size }) => count < size),
        'a batch with padded rows',
      );
      expect([...required(smaller.mixed, 'the mixed labels').share].slice(smaller.count)).toEqual(
        Array(smaller.size - smaller.count).fill(1),
      );
      expect(smaller.weight[smaller.count]).toBe(0);
      for (const { mixed: labels, count } of fromMemory) {
        expect(labels?.share.slice(0, count).some((share) => share < 1)).toBe(true);
        expect([...(labels?.gloss ?? [])].every((gloss) => gloss < 3)).toBe(true);
      }
    });
  });
});

describe('Beta(alpha, alpha)', () => {
  it.each([0.01, 0.2, 1, 4])('has the mean and the variance that it has by its definition, for alpha %d', (alpha) => {
    const random = new RandomStream(11, Math.round(100 * alpha));
    const draws = Array.from({ length: 20_000 }, () => random.beta(alpha));
    const mean = draws.reduce((sum, value) => sum + value, 0) / draws.length;
    const variance = draws.reduce((sum, value) => sum + (value - mean) ** 2, 0) / draws.length;
    expect(draws.every((value) => value >= 0 && value <= 1)).toBe(true);
    expect(Math.abs(mean - 0.5)).toBeLessThan(0.015);
    expect(variance / (1 / (4 * (2 * alpha + 1)))).toBeCloseTo(1, 1);
  });
});

describe('the settings of mixing', () => {
  const transformsOf = (typed: Readonly<Record<string, string>>): unknown => {
    const { settings } = resolveSettings({ commandLine: typed }, ownModels);
    return ownModels.get(settings.model).clipLocation(settings).transforms;
  };

  it('are off, in the presets of augmentation too; clips are mixed once they are normalised', () => {
    expect(transformsOf({ augment: 'strong' })).not.toContainEqual(expect.objectContaining({ name: 'mix' }));
    expect(transformsOf({ augment_mixup: '0.5', normalize: 'shoulders' })).toEqual([
      { name: 'normalize', by: 'shoulders' },
      { ...mixing, mixup: 0.5 },
    ]);
    expect(transformsOf({ model: 'iv3_gru', augment_cutmix: '0.4', augment_cutmix_alpha: '2' })).toEqual([
      { ...mixing, cutmix: 0.4, cutmix_alpha: 2 },
    ]);
  });

  it('refuse more than every clip, and an alpha of what is off', () => {
    expect(() => transformsOf({ augment_mixup: '0.75', augment_cutmix: '0.5' })).toThrow(
      '--augment-cutmix: a clip is mixed in one way: expected at most 0.25, for augment_mixup is 0.75',
    );
    expect(() => transformsOf({ augment_cutmix_alpha: '2' })).toThrow(
      '--augment-cutmix-alpha: changes nothing while augment_cutmix is 0; give the share of clips that are mixed, as augment_cutmix 0.5',
    );
  });
});
