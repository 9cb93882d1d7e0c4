import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { parseNpy, toFloat32 } from '../../src/data/npy';
import type { NpyArray } from '../../src/data/npy-array';
import { formatNpy } from '../../src/data/npy-write';
import { openNpz } from '../../src/data/npz';
import { UserError } from '../../src/foundation/errors';

const fixtures = path.join(__dirname, '../fixtures/npz');

/** A `.npy` of format version 1 with any header. */
function npyWithHeader(header: string, data: Uint8Array = new Uint8Array()): Buffer {
  const start = Buffer.from('\x93NUMPY\x01\0\0\0', 'latin1');
  start.writeUInt16LE(header.length, 8);
  return Buffer.concat([start, Buffer.from(header, 'latin1'), data]);
}

describe('arrays that NumPy wrote', () => {
  it.each(['f2', 'f4', 'f8'])('reads %s of both byte orders', async (code) => {
    const npz = await openNpz(path.join(fixtures, 'types.npz'));
    for (const order of ['little', 'big']) {
      const array = await npz.read(`${order}_${code}`);
      expect(array.shape).toEqual([2, 3]);
      expect(Array.from(toFloat32(array))).toEqual([0.5, 1.25, -2, 1000, 0, -0.125]);
    }
  });

  it.each([
    ['i1', 'int8', -1],
    ['i2', 'int16', -1],
    ['i4', 'int32', -1],
    ['i8', 'int64', -1],
    ['u1', 'uint8', 1],
    ['u2', 'uint16', 1],
    ['u4', 'uint32', 1],
    ['u8', 'uint64', 1],
  ])('reads %s of both byte orders', async (code, dtype, sign) => {
    const npz = await openNpz(path.join(fixtures, 'types.npz'));
    for (const order of code.endsWith('1') ? ['little'] : ['little', 'big']) {
      const array = await npz.read(`${order}_${code}`);
      expect(array.dtype).toBe(dtype);
      expect(Array.from(toFloat32(array), (value) => value + 0)).toEqual([1, 2, 3, 100, 0, 7].map((value) => sign * value + 0));
    }
  });

  it('puts Fortran order into C order', async () => {
    const npz = await openNpz(path.join(fixtures, 'types.npz'));
    expect(Array.from(toFloat32(await npz.read('fortran_f4')))).toEqual([0, 1, 2, 3, 4, 5]);
    const cube = await npz.read('fortran_3d_big_i2');
    expect(cube.shape).toEqual([2, 3, 4]);
    expect(Array.from(toFloat32(cube))).toEqual(Array.from({ length: 24 }, (_, index) => index));
  });

  it('reads booleans, a 0-d number, an empty array and text of every kind', async () => {
    const npz = await openNpz(path.join(fixtures, 'types.npz'));
    expect(await npz.read('bool')).toEqual({ dtype: 'bool', shape: [3], values: Uint8Array.of(1, 0, 1) });
    expect(await npz.read('scalar_f8')).toEqual({ dtype: 'float64', shape: [], values: Float64Array.of(3.5) });
    expect(await npz.read('empty')).toEqual({ dtype: 'float32', shape: [0, 156], values: new Float32Array() });
    expect(await npz.read('unicode')).toEqual({ dtype: 'text', shape: [3], values: ['á', 'ab😀', ''] });
    expect(await npz.read('unicode_big')).toEqual({ dtype: 'text', shape: [], values: ['kumusta'] });
    expect(await npz.read('bytes')).toEqual({ dtype: 'text', shape: [2], values: ['abc', 'd'] });
  });

  it('leaves alone what lies behind the array, as NumPy does', () => {
    const bytes = Uint8Array.from([...new Uint8Array(Float32Array.of(0.5).buffer), 9, 9, 9, 9]);
    const array = parseNpy(npyWithHeader("{'descr': 'f4', 'fortran_order': False, 'shape': (1,)}", bytes));
    expect(array).toEqual({ dtype: 'float32', shape: [1], values: Float32Array.of(0.5) });
  });

  it.each([1, 2, 3])('reads format version %d', (version) => {
    const array = parseNpy(readFileSync(path.join(fixtures, `version${version}.npy`)));
    expect(array).toEqual({ dtype: 'int32', shape: [4], values: Int32Array.of(0, 1, 2, 3) });
  });

  it('reads half-precision extremes', () => {
    const halves = Uint16Array.of(0x0001, 0x03ff, 0x7bff, 0x7c00, 0xfc00, 0x7e00, 0x8000);
    const bytes = npyWithHeader("{'descr': '<f2', 'fortran_order': False, 'shape': (7,), }", new Uint8Array(halves.buffer));
    expect(Array.from(toFloat32(parseNpy(bytes)))).toEqual([2 ** -24, 1023 * 2 ** -24, 65504, Infinity, -Infinity, NaN, -0]);
  });

  it.each(['complex', 'object', 'date', 'structured'])('refuses %s arrays and says so', async (key) => {
    const npz = await openNpz(path.join(fixtures, 'refused.npz'));
    await expect(npz.read(key)).rejects.toThrow(/refused\.npz: array ".*": (type ".*" is not read|a structured array)/);
  });
});

describe('what was written', () => {
  const shaped = fc.array(fc.nat(4), { maxLength: 3 });
  const countOf = (shape: readonly number[]): number => shape.reduce((product, length) => product * length, 1);

  it.each(['float32', 'float64', 'int8', 'int16', 'int32', 'uint8', 'uint16', 'uint32', 'bool'] as const)('reads back %s', (dtype) => {
    fc.assert(
      fc.property(shaped, fc.infiniteStream(fc.integer()), (shape, numbers) => {
        const values = Array.from({ length: countOf(shape) }, () => numbers.next().value as number);
        const arrays = {
          float32: (): NpyArray => ({ dtype: 'float32', shape, values: new Float32Array(values) }),
          float64: (): NpyArray => ({ dtype: 'float64', shape, values: new Float64Array(values) }),
          int8: (): NpyArray => ({ dtype: 'int8', shape, values: new Int8Array(values) }),
          int16: (): NpyArray => ({ dtype: 'int16', shape, values: new Int16Array(values) }),
          int32: (): NpyArray => ({ dtype: 'int32', shape, values: new Int32Array(values) }),
          uint8: (): NpyArray => ({ dtype: 'uint8', shape, values: new Uint8Array(values) }),
          uint16: (): NpyArray => ({ dtype: 'uint16', shape, values: new Uint16Array(values) }),
          uint32: (): NpyArray => ({ dtype: 'uint32', shape, values: new Uint32Array(values) }),
          bool: (): NpyArray => ({ dtype: 'bool', shape, values: Uint8Array.from(values, (value) => value & 1) }),
        };
        const array = arrays[dtype]();
        const bytes = formatNpy(array);
        expect(parseNpy(bytes)).toEqual(array);
        expect((bytes.indexOf(0x0a) + 1) % 64).toBe(0);
      }),
      { numRuns: 50 },
    );
  });

  it('reads back 64-bit numbers and text', () => {
    fc.assert(
      fc.property(
        fc.array(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })),
        fc.array(fc.string({ unit: 'binary' })),
        (whole, texts) => {
          const numbers: NpyArray = { dtype: 'int64', shape: [whole.length], values: BigInt64Array.from(whole) };
          expect(parseNpy(formatNpy(numbers))).toEqual(numbers);
          // A fixed-width text cannot tell NULs at its end from padding.
          const values = texts.map((text) => text.replace(/\0+$/, ''));
          expect(parseNpy(formatNpy({ dtype: 'text', shape: [values.length], values }))).toEqual({
            dtype: 'text',
            shape: [values.length],
            values,
          });
        },
      ),
      { numRuns: 50 },
    );
  });
});

describe('hostile bytes', () => {
  it.each([
    ['nothing', Buffer.alloc(0), /not a \.npy/],
    ['another file', Buffer.from('PK\x03\x04 something else'), /not a \.npy/],
    ['an unknown version', Buffer.from('\x93NUMPY\x09\0\0\0\0\0\0', 'latin1'), /version 9 is unknown/],
    ['a header longer than the file', Buffer.from('\x93NUMPY\x01\0\xff\xff{}', 'latin1'), /cut off/],
    ['a header of gigabytes', Buffer.from('\x93NUMPY\x02\0\xff\xff\xff\x7f{}', 'latin1'), /header of 2147483647 bytes/],
    [
      'a shape larger than its bytes',
      npyWithHeader("{'descr': '<f4', 'fortran_order': False, 'shape': (999999999999999, 999999999999999)}"),
      /takes/,
    ],
    [
      'a long double',
      npyWithHeader("{'descr': '<f16', 'fortran_order': False, 'shape': (1,)}", new Uint8Array(16)),
      /type "<f16" is not read: it is a long double; save it as float32/,
    ],
    ['no shape', npyWithHeader("{'descr': '<f4', 'fortran_order': False}"), /malformed/],
    ['a negative length', npyWithHeader("{'descr': '<f4', 'fortran_order': False, 'shape': (-1,)}"), /malformed/],
    ['a key twice', npyWithHeader("{'descr': '<f4', 'descr': '<f8', 'fortran_order': False, 'shape': ()}"), /malformed/],
    ['code', npyWithHeader("__import__('os').system('true')"), /malformed/],
    [
      'something after the dictionary',
      npyWithHeader("{'descr': '|i1', 'fortran_order': False, 'shape': ()} 1", new Uint8Array(1)),
      /malformed/,
    ],
    ['empty texts without end', npyWithHeader("{'descr': '<U0', 'fortran_order': False, 'shape': (999999999999,)}"), /at most 1000000/],
    [
      'a letter outside unicode',
      npyWithHeader("{'descr': '<U1', 'fortran_order': False, 'shape': ()}", new Uint8Array(4).fill(255)),
      /unicode/,
    ],
  ])('refuses %s', (_, bytes, message) => {
    expect(() => parseNpy(bytes)).toThrow(UserError);
    expect(() => parseNpy(bytes)).toThrow(message);
  });

  it('never throws anything but a UserError, whatever the bytes', () => {
    const good = formatNpy({ dtype: 'float32', shape: [2, 3], values: new Float32Array(6) });
    fc.assert(
      fc.property(fc.nat(good.length - 1), fc.nat(255), fc.nat(good.length), (position, byte, length) => {
        const damaged = Buffer.from(good.subarray(0, length));
        if (position < length) damaged[position] = byte;
        try {
          parseNpy(damaged);
        } catch (error) {
          expect(error).toBeInstanceOf(UserError);
        }
      }),
      { numRuns: 300 },
    );
  });

  it('refuses text as numbers', () => {
    expect(() => toFloat32({ dtype: 'text', shape: [1], values: ['a'] })).toThrow(/text where numbers/);
  });
});
