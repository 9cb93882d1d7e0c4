import { describe, expect, it } from '@jest/globals';
import { initialiseParameters, orthogonal, standardNormal, xavierUniform } from '../../src/engine/parameters';
import { RandomStream } from '../../src/foundation/random';

describe('orthogonal', () => {
  it.each([
    [48, 16],
    [5, 5],
    [3, 8],
  ])('draws %i × %i numbers whose shorter side is orthonormal', (rows, columns) => {
    const values = orthogonal(rows, columns)(new RandomStream(1), rows * columns);
    const count = Math.min(rows, columns);
    const at = (vector: number, place: number): number =>
      (rows >= columns ? values[place * columns + vector] : values[vector * columns + place]) ?? NaN;
    for (let one = 0; one < count; one++) {
      for (let other = 0; other < count; other++) {
        let product = 0;
        for (let place = 0; place < Math.max(rows, columns); place++) product += at(one, place) * at(other, place);
        expect(product).toBeCloseTo(one === other ? 1 : 0, 5);
      }
    }
    expect(values).not.toEqual(orthogonal(rows, columns)(new RandomStream(2), rows * columns));
  });
});

describe('xavierUniform', () => {
  it('draws evenly within ±sqrt(6 / (fan_in + fan_out))', () => {
    const values = xavierUniform(20, 4)(new RandomStream(1), 4000);
    const deviation = Math.sqrt(values.reduce((sum, value) => sum + value * value, 0) / values.length);
    expect(Math.max(...values.map(Math.abs))).toBeLessThanOrEqual(0.5);
    expect(deviation).toBeCloseTo(0.5 / Math.sqrt(3), 1);
  });
});

describe('initialiseParameters', () => {
  it('draws what is not given, and nothing else', () => {
    const declared = ['a', 'b', 'c'].map((name) => ({ name, shape: [3], trainable: true, initialise: standardNormal }));
    const drawn = initialiseParameters(declared, new RandomStream(1));
    const given = new Map([['a', Float32Array.of(1, 2, 3)]]);
    const partly = initialiseParameters(declared, new RandomStream(1), given);
    expect([...partly.keys()]).toEqual(['a', 'b', 'c']);
    expect(partly.get('a')).toEqual(given.get('a'));
    expect([partly.get('b'), partly.get('c')]).toEqual([drawn.get('a'), drawn.get('b')]);
  });
});
