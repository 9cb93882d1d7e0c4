import { describe, expect, it } from '@jest/globals';
import { toFloat32Values, contiguousStrides, tensorOf, TorchStorage, TorchTensor } from '../../src/checkpoint/tensor';

describe('half precision widens to float32', () => {
  it('as float16, for all 65,536 patterns', () => {
    const halves = Uint16Array.from({ length: 65_536 }, (_, bits) => bits);
    const expected = Array.from(halves, (bits) => {
      const sign = bits & 0x8000 ? -1 : 1;
      const exponent = (bits >> 10) & 31;
      const fraction = bits & 1023;
      if (exponent === 31) return fraction ? NaN : sign * Infinity;
      return exponent ? sign * 2 ** (exponent - 15) * (1 + fraction / 1024) : sign * 2 ** -14 * (fraction / 1024);
    });
    expect([...toFloat32Values('float16', halves)]).toEqual(expected);
  });

  it('as bfloat16, by its upper half', () => {
    expect([...toFloat32Values('bfloat16', Uint16Array.of(0x3f80, 0xc049, 0x7f80, 0x8000, 0x0001))]).toEqual([
      1,
      -3.140625,
      Infinity,
      -0,
      2 ** -133,
    ]);
  });
});

describe('a view of a storage', () => {
  const storage = (): TorchStorage =>
    new TorchStorage('float32', 12, () => new Uint8Array(Float32Array.from({ length: 12 }, (_, index) => index).buffer));

  it.each<[string, number, number[], number[], number[]]>([
    ['in order', 0, [3, 4], [4, 1], [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]],
    ['transposed', 0, [4, 3], [1, 4], [0, 4, 8, 1, 5, 9, 2, 6, 10, 3, 7, 11]],
    ['cut out', 5, [2, 2], [4, 1], [5, 6, 9, 10]],
    ['expanded', 7, [2, 3], [0, 0], [7, 7, 7, 7, 7, 7]],
    ['a part in order', 4, [4], [1], [4, 5, 6, 7]],
    ['every third', 0, [4], [3], [0, 3, 6, 9]],
    ['with an axis of one whose stride means nothing', 2, [1, 3], [99, 1], [2, 3, 4]],
    ['a scalar', 11, [], [], [11]],
    ['nothing', 12, [0, 5], [5, 1], []],
  ])('gives its values %s', (_what, offset, shape, strides, expected) => {
    expect([...new TorchTensor(storage(), offset, shape, strides).toFloat32()]).toEqual(expected);
  });

  it.each<[string, number, number[], number[]]>([
    ['past its end', 9, [4], [1]],
    ['by a stride too wide', 0, [3, 4], [5, 1]],
    ['by an offset', 13, [], []],
    ['by sizes that overflow', 0, [2 ** 40, 2 ** 40], [0, 0]],
  ])('cannot reach out of it %s', (_what, offset, shape, strides) => {
    expect(() => new TorchTensor(storage(), offset, shape, strides)).toThrow(/reaches past its storage of 12 values/);
  });

  it('gives each of several viewers an array of its own', () => {
    const shared = storage();
    const first = new TorchTensor(shared, 0, [12], [1]);
    const second = new TorchTensor(shared, 0, [12], [1]);
    first.toFloat32().fill(0);
    expect(second.toFloat32()[5]).toBe(5);
  });
});

it('a tensor needs as many values as its shape has', () => {
  expect(() => tensorOf('float32', [2, 3], new Float32Array(5))).toThrow('needs 6 values, not 5');
  expect(() => tensorOf('float64', [2], new Float32Array(2))).toThrow(RangeError);
});

it('strides count values, the last axis fastest', () => {
  expect(contiguousStrides([2, 3, 4])).toEqual([12, 4, 1]);
  expect(contiguousStrides([2, 0, 4])).toEqual([4, 4, 1]);
});
