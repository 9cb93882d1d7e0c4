import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { RandomStream } from '../../src/foundation/random';

const draws = (count: number, draw: () => number): number[] => Array.from({ length: count }, draw);
const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

describe('RandomStream', () => {
  it('is a function of its seeds, in their order', () => {
    const stream = (...seeds: number[]): number[] => {
      const random = new RandomStream(...seeds);
      return draws(20, () => random.nextUint32());
    };
    expect(stream(42, 1)).toEqual(stream(42, 1));
    expect(stream(42, 2)).not.toEqual(stream(42, 1));
    expect(stream(1, 42)).not.toEqual(stream(42, 1));
    expect(stream(42 + 2 ** 40)).not.toEqual(stream(42));
  });

  it('draws the same numbers as ever: checkpoints and demo sets depend on them', () => {
    const random = new RandomStream(42);
    expect(draws(3, () => random.nextUint32())).toMatchInlineSnapshot(`
     [
       3274050375,
       869073962,
       1274539978,
     ]
    `);
  });

  it('draws evenly, and normally', () => {
    const random = new RandomStream(7);
    const uniform = draws(20_000, () => random.uniform(-1, 3));
    expect(mean(uniform)).toBeCloseTo(1, 1);
    expect(Math.min(...uniform)).toBeGreaterThanOrEqual(-1);
    expect(Math.max(...uniform)).toBeLessThan(3);
    const normal = draws(20_000, () => random.normal(2, 0.5));
    expect(mean(normal)).toBeCloseTo(2, 1);
    expect(mean(normal.map((value) => (value - 2) ** 2))).toBeCloseTo(0.25, 1);
  });

  it('permutes: every number once', () => {
    fc.assert(
      fc.property(fc.nat(1000), fc.integer(), (length, seed) => {
        const order = [...new RandomStream(seed).permutation(length)];
        expect(order.toSorted((one, other) => one - other)).toEqual(Array.from({ length }, (_, index) => index));
      }),
      { numRuns: 50 },
    );
  });
});
