import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { bucketLengths, planEpoch, type BatchPlan, type EpochOptions } from '../../src/data/batch';
import type { ClipEntry } from '../../src/data/clip-set';

const entriesOf = (lengths: readonly number[]): ClipEntry[] =>
  lengths.map((frames, index) => ({ name: `${index}`, file: '', frames, gloss: 0, category: 0, occluded: undefined }));
const lengths = fc.array(fc.integer({ min: 1, max: 400 }), { minLength: 1, maxLength: 200 });
const batchSizes = fc.integer({ min: 1, max: 40 });

const paddingOf = (frames: readonly number[], buckets: readonly number[]): number =>
  frames.reduce((sum, length) => sum + (buckets.find((bucket) => bucket >= length) ?? NaN) - length, 0);

describe('bucket lengths', () => {
  it('are the one length of clips that all have it, or are all cut to it', () => {
    const options = { maxBuckets: 4, maxFrames: 300, batchSize: 32 };
    expect(bucketLengths(entriesOf(new Array<number>(100).fill(30)), options)).toEqual([30]);
    expect(bucketLengths(entriesOf([301, 400, 999]), options)).toEqual([300]);
    expect(bucketLengths([], options)).toEqual([]);
  });

  it('fit clusters of lengths', () => {
    const clusters = [15, 16, 60, 64, 120, 117].flatMap((length) => new Array<number>(50).fill(length));
    expect(bucketLengths(entriesOf(clusters), { maxBuckets: 4, maxFrames: 300, batchSize: 32 })).toEqual([16, 64, 120]);
    expect(bucketLengths(entriesOf(clusters), { maxBuckets: 2, maxFrames: 300, batchSize: 32 })).toHaveLength(2);
  });

  it('are one where there are too few clips for several batches', () => {
    expect(bucketLengths(entriesOf([10, 20, 90]), { maxBuckets: 4, maxFrames: 300, batchSize: 32 })).toEqual([96]);
  });

  it('are few, ascending, multiples of 8 or the cut, hold every clip, and pad no more than one bucket would', () => {
    fc.assert(
      fc.property(
        lengths,
        batchSizes,
        fc.integer({ min: 1, max: 6 }),
        fc.integer({ min: 20, max: 300 }),
        (all, batchSize, maxBuckets, maxFrames) => {
          const buckets = bucketLengths(entriesOf(all), { maxBuckets, maxFrames, batchSize });
          const cut = all.map((length) => Math.min(length, maxFrames));
          const longest = Math.max(...cut);
          expect(buckets.length).toBeLessThanOrEqual(maxBuckets);
          expect(buckets).toEqual([...new Set(buckets)].sort((a, b) => a - b));
          expect(buckets.at(-1)).toBeGreaterThanOrEqual(longest);
          expect(buckets.at(-1)).toBeLessThanOrEqual(maxFrames);
          if (new Set(cut).size > 1) expect(buckets.every((bucket) => bucket % 8 === 0 || bucket === maxFrames)).toBe(true);
          const single = Math.min(Math.ceil(longest / 8) * 8, maxFrames);
          expect(paddingOf(cut, buckets)).toBeLessThanOrEqual(paddingOf(cut, [single]));
        },
      ),
    );
  });

  it('pad as little as any choice of as many lengths, but for the two percent that another bucket must save', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 48 }), { minLength: 2, maxLength: 40 }), (all) => {
        fc.pre(new Set(all).size > 1);
        const options = { maxBuckets: 3, maxFrames: 48, batchSize: 1 };
        const candidates = [8, 16, 24, 32, 40, 48].filter((length) => length <= Math.ceil(Math.max(...all) / 8) * 8);
        const top = candidates.at(-1) ?? 0;
        const pairs = candidates.flatMap((a) => candidates.map((b) => [...new Set([a, b, top])].sort((x, y) => x - y)));
        const least = Math.min(...pairs.map((choice) => paddingOf(all, choice)));
        const total = all.reduce((sum, length) => sum + length, 0);
        expect(paddingOf(all, bucketLengths(entriesOf(all), options))).toBeLessThanOrEqual(least + 0.02 * total);
      }),
    );
  });
});

describe('the plan of an epoch', () => {
  const plan = (all: readonly number[], options: Partial<EpochOptions> = {}): BatchPlan[] => {
    const entries = entriesOf(all);
    const { batchSize = 8, maxFrames = 300 } = options;
    const buckets = bucketLengths(entries, { maxBuckets: 4, maxFrames, batchSize });
    return planEpoch({ entries }, { batchSize, maxFrames, seed: 42, epoch: 1, shuffle: true, bucketLengths: buckets, ...options });
  };

  it('holds every clip exactly once, in batches of its bucket lengths, at most one of them not full', () => {
    fc.assert(
      fc.property(lengths, batchSizes, fc.nat(), fc.nat(1000), fc.boolean(), (all, batchSize, seed, epoch, shuffle) => {
        const plans = plan(all, { batchSize, seed, epoch, shuffle });
        const buckets = bucketLengths(entriesOf(all), { maxBuckets: 4, maxFrames: 300, batchSize });
        expect(plans.flatMap(({ indices }) => indices).sort((a, b) => a - b)).toEqual(all.map((_, index) => index));
        expect(plans.filter(({ indices }) => indices.length < batchSize).length).toBeLessThanOrEqual(1);
        for (const { indices, frames } of plans) {
          expect(indices.length).toBeLessThanOrEqual(batchSize);
          expect(buckets).toContain(frames);
          for (const index of indices) expect(Math.min(all[index] ?? NaN, 300)).toBeLessThanOrEqual(frames);
        }
      }),
    );
  });

  it('is a function of seed and epoch', () => {
    const all = Array.from({ length: 100 }, (_, index) => 10 + ((index * 37) % 200));
    expect(plan(all)).toEqual(plan(all));
    expect(plan(all, { epoch: 2 })).not.toEqual(plan(all));
    expect(plan(all, { seed: 43 })).not.toEqual(plan(all));
  });

  it('draws with balanced sampling every gloss as often, rare clips again and again, and all of a frequent one where they suffice', () => {
    const entries = entriesOf(Array.from({ length: 400 }, (_, index) => 10 + (index % 50))).map((entry, index) => ({
      ...entry,
      gloss: index < 4 ? 0 : index < 40 ? 1 : 2,
    }));
    const options = { batchSize: 8, maxFrames: 300, seed: 42, epoch: 1, shuffle: true, bucketLengths: [16, 32, 64] };
    const balanced = (changes: Partial<EpochOptions> = {}): number[] =>
      planEpoch({ entries }, { ...options, sampling: 'balanced', ...changes }).flatMap(({ indices }) => indices);
    const countsOf = (indices: readonly number[]): number[] =>
      [0, 1, 2].map((gloss) => indices.filter((index) => entries[index]?.gloss === gloss).length);
    const drawn = balanced();
    expect(drawn).toHaveLength(400);
    const often = Array.from({ length: 20 }, (_, epoch) => balanced({ epoch })).flat();
    for (const count of countsOf(often)) expect(Math.abs(count / often.length - 1 / 3)).toBeLessThan(0.02);
    const times = [0, 1, 2, 3].map((clip) => drawn.filter((index) => index === clip).length);
    expect(Math.max(...times) - Math.min(...times)).toBeLessThanOrEqual(1);
    expect(new Set(drawn.filter((index) => index >= 40)).size).toBe(countsOf(drawn)[2]);
    expect(countsOf(balanced({ sampling: 'shuffle' }))).toEqual([4, 36, 360]);
    expect(balanced()).toEqual(drawn);
    expect(balanced({ epoch: 2 })).not.toEqual(drawn);
    expect(balanced({ seed: 43 })).not.toEqual(drawn);
    for (const { indices, frames } of planEpoch({ entries }, { ...options, sampling: 'balanced' }))
      for (const index of indices) expect(entries[index]?.frames).toBeLessThanOrEqual(frames);
  });

  it('mixes the lengths of its batches over the epoch', () => {
    const all = [16, 64, 128].flatMap((length) => new Array<number>(80).fill(length));
    const order = plan(all).map(({ frames }) => frames);
    expect(order).not.toEqual([...order].sort((a, b) => a - b));
  });

  it('keeps the order of the set where it is not shuffled, whatever the seed', () => {
    expect(plan([30, 30, 30, 30, 30], { batchSize: 2, shuffle: false })).toEqual([
      { indices: [0, 1], frames: 30 },
      { indices: [2, 3], frames: 30 },
      { indices: [4], frames: 30 },
    ]);
    const all = Array.from({ length: 50 }, (_, index) => 10 + ((index * 37) % 200));
    expect(plan(all, { shuffle: false, seed: 1, epoch: 9 })).toEqual(plan(all, { shuffle: false }));
  });

  it('sends clips that fill no batch to the next longer bucket', () => {
    const entries = entriesOf([8, 8, 8, 16, 16, 16, 16]);
    const options = { batchSize: 2, maxFrames: 300, seed: 0, epoch: 0, shuffle: false, bucketLengths: [8, 16] };
    expect(planEpoch({ entries }, options)).toEqual([
      { indices: [0, 1], frames: 8 },
      { indices: [2, 3], frames: 16 },
      { indices: [4, 5], frames: 16 },
      { indices: [6], frames: 16 },
    ]);
  });

  it('gives the last batch no row without a clip where a model leaves padding out, and those rows would be all of it', () => {
    const lastOf = (all: readonly number[], options: Partial<EpochOptions>): BatchPlan | undefined =>
      plan(all, { batchSize: 2, shuffle: false, ...options }).at(-1);
    expect(lastOf([30, 30, 30], { leavesPaddingOut: true })).toEqual({ indices: [2], frames: 30, size: 1 });
    expect(lastOf([30, 30, 30], { leavesPaddingOut: false })).toEqual({ indices: [2], frames: 30 });
    expect(lastOf([30, 28, 30], { leavesPaddingOut: true })).toEqual({ indices: [2], frames: 32 });
  });

  it('refuses buckets that do not hold the longest clip', () => {
    expect(() => plan([10, 20], { bucketLengths: [16] })).toThrow(RangeError);
  });
});
