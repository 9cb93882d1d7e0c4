import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { packRows } from '../../src/data/packed-rows';

/** The mask of clips of these lengths, padded to `frames`. */
function maskOf(lengths: readonly number[], frames: number): Float32Array {
  return Float32Array.from({ length: lengths.length * frames }, (_, place) =>
    place % frames < (lengths[Math.floor(place / frames)] ?? 0) ? 1 : 0,
  );
}

describe('packRows', () => {
  it('lists the frames and fills up to an eighth of the batch with a padded place', () => {
    const packed = packRows(maskOf([3, 1, 4, 2], 4));
    expect([...(packed?.positions ?? [])]).toEqual([0, 1, 2, 4, 8, 9, 10, 11, 12, 13]);
    const filled = packRows(maskOf([3, 1, 4, 1], 4));
    expect([...(filled?.positions ?? [])]).toEqual([0, 1, 2, 4, 8, 9, 10, 11, 12, 3]);
    expect([...(filled?.rows ?? [])]).toEqual([0, 1, 2, 0, 3, 0, 0, 0, 4, 5, 6, 7, 8, 0, 0, 0]);
  });

  it('fills a batch of many rows up to a sixteenth, and still packs nothing of which less than an eighth is padded', () => {
    expect(packRows(maskOf(new Array<number>(32).fill(23), 30))?.positions).toHaveLength(780);
    expect(packRows(maskOf(new Array<number>(32).fill(26), 30))?.positions).toHaveLength(840);
    expect(packRows(maskOf(new Array<number>(32).fill(27), 30))).toBeUndefined();
    expect(packRows(maskOf(new Array<number>(16).fill(23), 30))?.positions).toHaveLength(420);
  });

  it('packs nothing where little is padded', () => {
    expect(packRows(maskOf([4, 4, 4, 4], 4))).toBeUndefined();
    expect(packRows(maskOf([4, 4, 4, 3], 4))).toBeUndefined();
  });

  it('takes as many rows as are wanted, and refuses fewer than there are frames', () => {
    expect([...(packRows(maskOf([3, 1], 4), { wanted: 5 })?.positions ?? [])]).toEqual([0, 1, 2, 4, 3]);
    expect(packRows(maskOf([3, 1], 4), { wanted: 8 })).toBeUndefined();
    expect(() => packRows(maskOf([3, 1], 4), { wanted: 3 })).toThrow('4 frames do not fit in 3 rows');
  });

  it('packs each part of a batch by itself, all into as many rows as the longest takes', () => {
    const packed = packRows(maskOf([3, 1, 2, 1, 1], 4), { parts: [8, 8, 4] });
    expect(packed).toBeUndefined(); // The last part has no room for four rows beside its padding.
    const { positions, rows } = packRows(maskOf([3, 1, 3, 1, 4, 1], 4), { parts: [12, 12] }) ?? { positions: [], rows: [] };
    expect([...positions]).toEqual([0, 1, 2, 4, 8, 9, 10, 3, 0, 4, 5, 6, 7, 8, 1, 1]);
    expect([...rows]).toEqual([0, 1, 2, 0, 3, 0, 0, 0, 4, 5, 6, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 0, 0, 0]);
    expect(packRows(maskOf([4, 4, 1, 1], 4), { parts: [8, 8] })).toBeUndefined();
  });

  it('holds every frame once, in few different numbers of rows', () => {
    const counts = new Set<number>();
    const batch = fc
      .integer({ min: 1, max: 20 })
      .chain((frames) =>
        fc.record({ frames: fc.constant(frames), lengths: fc.array(fc.integer({ min: 1, max: frames }), { minLength: 8, maxLength: 8 }) }),
      );
    fc.assert(
      fc.property(batch, ({ frames, lengths }) => {
        const mask = maskOf(lengths, frames);
        const packed = packRows(mask);
        if (packed === undefined) return;
        const { positions, rows } = packed;
        const real = [...positions].filter((position) => mask[position] === 1);
        expect(real).toEqual([...mask.keys()].filter((position) => mask[position] === 1));
        for (const position of real) expect(positions[rows[position] ?? -1]).toBe(position);
        if (frames === 20) counts.add(positions.length);
      }),
    );
    expect(counts.size).toBeLessThanOrEqual(7);
  });
});
