import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { planEvaluation, planEvenBatches } from '../../src/data/even-batches';
import { required } from '../../src/foundation/required';

const clipsOf = (lengths: readonly number[]): { frames: number }[] => lengths.map((frames) => ({ frames }));

describe('planEvenBatches', () => {
  it('deals long and short clips out alike, so that all batches have as many frames', () => {
    const plans = planEvenBatches(clipsOf([10, 80, 20, 70, 30, 60, 40, 50]), { batchSize: 4, maxFrames: 300 });
    expect(plans).toEqual([
      { indices: [0, 1, 6, 7], frames: 80, size: 4, packedRows: 180 },
      { indices: [2, 3, 4, 5], frames: 80, size: 4, packedRows: 180 },
    ]);
  });

  it('leaves no row of a batch unused where clips can be divided otherwise, and packs nothing where nothing is padded', () => {
    const plans = planEvenBatches(clipsOf(new Array<number>(34).fill(100)), { batchSize: 32, maxFrames: 300 });
    expect(plans.map(({ indices, size, packedRows }) => [indices.length, size, packedRows])).toEqual([
      [17, 17, 1700],
      [17, 17, 1700],
    ]);
  });

  it('divides clips by their length where they would take much more place than they need', () => {
    const lengths = [...new Array<number>(40).fill(20), ...new Array<number>(8).fill(290)];
    const plans = planEvenBatches(clipsOf(lengths), { batchSize: 8, maxFrames: 300 });
    expect(new Set(plans.map(({ frames }) => frames))).toEqual(new Set([24, 296]));
    expect(new Set(plans.map(({ frames, size, packedRows }) => [frames, size, packedRows].join())).size).toBe(2);
  });

  it('has every clip once, and room for all of its frames', () => {
    const sets = fc.record({
      lengths: fc.array(fc.integer({ min: 1, max: 400 }), { minLength: 1, maxLength: 80 }),
      batchSize: fc.integer({ min: 1, max: 12 }),
    });
    fc.assert(
      fc.property(sets, ({ lengths, batchSize }) => {
        const plans = planEvenBatches(clipsOf(lengths), { batchSize, maxFrames: 300 });
        expect(plans.flatMap(({ indices }) => indices).sort((one, other) => one - other)).toEqual([...lengths.keys()]);
        for (const { indices, frames, size, packedRows } of plans) {
          const seen = indices.map((index) => Math.min(300, lengths[index] ?? NaN));
          expect(Math.max(...seen)).toBeLessThanOrEqual(frames);
          expect(indices.length).toBeLessThanOrEqual(required(size, 'the size'));
          expect(size).toBeLessThanOrEqual(batchSize);
          const needed = seen.reduce((sum, count) => sum + count, required(size, 'the size') - indices.length);
          expect(packedRows).toBeGreaterThanOrEqual(needed);
        }
        expect(new Set(plans.map(({ frames, size, packedRows }) => `${frames} ${size} ${packedRows}`)).size).toBeLessThanOrEqual(4);
      }),
    );
  });
});

describe('planEvaluation', () => {
  const entries = [10, 80, 20, 70, 30, 60, 40, 50].map((frames, index) => ({
    name: `clip ${index}`,
    file: `clip ${index}`,
    frames,
    gloss: 0,
    category: 0,
    occluded: false,
  }));
  const options = { batchSize: 4, maxFrames: 300 };

  it('mixes short clips with long ones where padding is left out, and else pads as little as its lengths allow', () => {
    expect(planEvaluation({ entries }, { ...options, leavesPaddingOut: true })).toEqual(planEvenBatches(entries, options));
    const padded = planEvaluation({ entries }, { ...options, leavesPaddingOut: false, maxBuckets: 2 });
    expect(padded).toEqual([
      { indices: [0, 2, 4, 6], frames: 40 },
      { indices: [1, 3, 5, 7], frames: 80 },
    ]);
  });
});
