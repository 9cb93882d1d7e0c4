import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { HOLISTIC_78 } from '../../src/config/known-layouts';
import { inspectClip, readClip } from '../../src/data/clip';
import { Turns } from '../../src/data/file-reading';
import { parseNpy, toFloat32 } from '../../src/data/npy';
import type { NpyArray } from '../../src/data/npy-array';
import { openNpz, formatNpz } from '../../src/data/npz';
import { clipArrays, inTemporaryFolder } from '../support/clip-files';
import { itWithShared } from '../support/shared';

const format = { key: 'X', width: 156, keypoints: HOLISTIC_78 };
const text = (value: string): NpyArray => ({ dtype: 'text', shape: [], values: [value] });

async function problemsOf(arrays: Readonly<Record<string, NpyArray>>): Promise<readonly string[]> {
  return inTemporaryFolder(async (folder) => {
    const file = path.join(folder, 'clip.npz');
    writeFileSync(file, formatNpz(arrays));
    const { problems, remarks } = await inspectClip(file, format);
    return [...problems, ...remarks];
  });
}

/** A `.npy` of zeros of any type and shape. */
function zerosOf(descr: string, shape: string, bytes: number, fortranOrder: boolean): Buffer {
  const header = Buffer.from(`{'descr': '${descr}', 'fortran_order': ${fortranOrder ? 'True' : 'False'}, 'shape': ${shape}, }\n`);
  const start = Buffer.from('\x93NUMPY\x01\0\0\0', 'latin1');
  start.writeUInt16LE(header.length, 8);
  return Buffer.concat([start, header, Buffer.alloc(bytes)]);
}

describe('a small file that unpacks to much', () => {
  it('is refused before memory is taken, with its size and what is read of such a file', async () => {
    const frames = 120_000;
    const problems = await problemsOf({ X: { dtype: 'float32', shape: [frames, 156], values: new Float32Array(frames * 156) } });
    expect(problems).toEqual([
      expect.stringMatching(/^array "X": it takes 74880128 bytes in memory; of a file of \d{5} bytes at most 67108864 are unpacked/),
    ]);
  });

  it('is refused where only float32 takes much', async () => {
    const problems = await problemsOf({ X: { dtype: 'int8', shape: [150_000, 156], values: new Int8Array(150_000 * 156) } });
    expect(problems).toEqual([expect.stringMatching(/^"X" is \[150000, 156\], 93600000 bytes as float32; .* at most 67108864 are read/)]);
    const half = zerosOf('<f2', '(120000, 156)', 120_000 * 156 * 2, false);
    const accepted: number[] = [];
    parseNpy(half, (bytes) => accepted.push(bytes));
    expect(accepted).toEqual([120_000 * 156 * 4]);
  });

  it('is refused where its arrays together take much', async () => {
    const array: NpyArray = { dtype: 'uint8', shape: [40_000_000], values: new Uint8Array(40_000_000) };
    await inTemporaryFolder(async (folder) => {
      const file = path.join(folder, 'clip.npz');
      writeFileSync(file, formatNpz({ a: array, b: array }));
      const npz = await openNpz(file);
      expect((await npz.read('a')).shape).toEqual([40_000_000]);
      await expect(npz.read('b')).rejects.toThrow(/array "b": it takes 40000128 bytes/);
    });
  });

  it('of more frames than a clip has is refused', async () => {
    const problems = await problemsOf({ X: { dtype: 'uint8', shape: [100_001, 156], values: new Uint8Array(100_001 * 156) } });
    expect(problems).toEqual(['"X" has 100001 frames (at most 100000 are read); cut the clip']);
  });

  itWithShared('cases/hostile/npz_bomb_f2.npz', 'as the one of float16 is refused', async (file) => {
    expect((await inspectClip(file, format)).problems).toEqual([expect.stringMatching(/^array "X": it takes \d+ bytes in memory/)]);
  });
});

describe('a meta', () => {
  it('whose NULs lie between letters is read in one pass', async () => {
    const value = `{"a": "${'\0'.repeat(60_000)}x${'\0'.repeat(60_000)}y"`;
    const start = performance.now();
    expect(await problemsOf(clipArrays(4, 1, { meta: text(value) }))).toEqual([expect.stringMatching(/^"meta" is no JSON/)]);
    expect(performance.now() - start).toBeLessThan(20_000);
  });

  itWithShared('cases/hostile/npz_meta_redos.npz', 'as the hostile one is refused, unread', async (file) => {
    expect((await inspectClip(file, format)).problems).toEqual(['array "meta": 4000004 bytes of text (at most 1048576 are read)']);
  });

  it('of a million letters is refused, unread', async () => {
    const problems = await problemsOf(clipArrays(4, 1, { meta: text(`{"a":"${'x'.repeat(1_000_000)}"}`) }));
    expect(problems).toEqual(['array "meta": 4000032 bytes of text (at most 1048576 are read)']);
  });

  it('with values of any size or depth is told in a short line', async () => {
    const nested = `{"order": ${'['.repeat(60_000)}${']'.repeat(60_000)}, "keypoints_total": "${'9'.repeat(90_000)}"}`;
    expect(await problemsOf(clipArrays(4, 1, { meta: text(nested) }))).toEqual([
      expect.stringMatching(/^"meta" says keypoints_total "9{50,60}…; expected 78$/),
      '"meta" says order a list; expected "pose25,left_hand21,right_hand21,face11"',
    ]);
  });

  it('that is a pickled dict is refused with what to save instead', () => {
    expect(() => parseNpy(zerosOf('|O', '()', 8, false))).toThrow(/type "\|O" is not read: it holds pickled Python objects.*text of JSON/);
  });
});

describe('values in Fortran order', () => {
  it('come into C order whatever they are wide', () => {
    for (const [descr, bytes] of [
      ['|u1', 1],
      ['<u2', 2],
      ['<u4', 4],
      ['<u8', 8],
    ] as const) {
      const npy = zerosOf(descr, '(2, 3, 1, 2)', 12 * bytes, true);
      for (let item = 0; item < 12; item++) npy[npy.length - 12 * bytes + item * bytes] = item;
      expect(Array.from(parseNpy(npy).values, Number)).toEqual([0, 6, 2, 8, 4, 10, 1, 7, 3, 9, 5, 11]);
    }
  });

  it('along more axes than pictures have are refused', () => {
    const shape = `(${Array.from({ length: 10 }, () => 2).join(', ')})`;
    expect(() => parseNpy(zerosOf('|u1', shape, 1024, true))).toThrow(/Fortran order of 10 axes \(at most 4 are read\)/);
    expect(parseNpy(zerosOf('|u1', shape, 1024, false)).shape).toHaveLength(10);
  });
});

describe('types by other names', () => {
  it.each(['f4', '=f4', 'float32'])('reads %s as NumPy does', (descr) => {
    expect(parseNpy(zerosOf(descr, '(2,)', 8, false))).toEqual({ dtype: 'float32', shape: [2], values: new Float32Array(2) });
  });

  it('refuses names that only JavaScript knows', () => {
    expect(() => parseNpy(zerosOf('constructor', '(2,)', 8, false))).toThrow(/type "constructor" is not read/);
  });

  it('reads 64-bit whole numbers as float32, the negative ones too', () => {
    const whole = [0n, 1n, -1n, -5_000_000_000n, 2n ** 53n, -(2n ** 63n)];
    expect(toFloat32({ dtype: 'int64', shape: [6], values: BigInt64Array.from(whole) })).toEqual(Float32Array.from(whole, Number));
    expect(toFloat32({ dtype: 'uint64', shape: [1], values: BigUint64Array.of(2n ** 64n - 1n) })).toEqual(Float32Array.of(2 ** 64));
  });
});

describe('a file that other tools wrote', () => {
  it('is read with a program before the zip', async () => {
    await inTemporaryFolder(async (folder) => {
      const file = path.join(folder, 'clip.npz');
      writeFileSync(file, Buffer.concat([Buffer.from('#!/bin/sh\n'.repeat(3)), formatNpz(clipArrays(4))]));
      expect((await inspectClip(file, format)).problems).toEqual([]);
    });
  });

  it('of a thousand arrays is described by some of them', async () => {
    const arrays = Object.fromEntries(Array.from({ length: 900 }, (_, index) => [`k${index}`, clipArrays(1)['mask'] ?? text('')]));
    const [problem] = await problemsOf(arrays);
    expect(problem).toMatch(/^no array "X"; the file holds: k0, k1, .*k19 and 880 more; choose/);
  });
});

describe('what is no file', () => {
  it('is refused and not waited for: a named pipe, a folder', async () => {
    await inTemporaryFolder(async (folder) => {
      const pipe = path.join(folder, 'pipe.npz');
      execFileSync('mkfifo', [pipe]);
      expect((await inspectClip(pipe, format)).problems).toEqual(['expected a file, found a named pipe']);
      mkdirSync(path.join(folder, 'folder.npz'));
      await expect(readClip(path.join(folder, 'folder.npz'), format)).rejects.toThrow(/folder\.npz: expected a file, found a folder/);
    });
  });
});

describe('turns', () => {
  it('are taken one after the other, past one that fails', async () => {
    const turns = new Turns();
    const order: string[] = [];
    const work =
      (name: string, fails = false) =>
      async (): Promise<string> => {
        order.push(`${name} starts`);
        await new Promise((done) => setTimeout(done, 5));
        order.push(`${name} ends`);
        if (fails) throw new Error(name);
        return name;
      };
    const results = await Promise.allSettled([turns.alone(work('a')), turns.alone(work('b', true)), turns.alone(work('c'))]);
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect(order).toEqual(['a starts', 'a ends', 'b starts', 'b ends', 'c starts', 'c ends']);
  });
});
