import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { toFloat32Values, toHalves } from '../../src/checkpoint/tensor';

// What torch.tensor(x).half() and .bfloat16() give (PyTorch 2.15), as bits.
const values = [
  0,
  -0,
  1,
  -2.5,
  0.1,
  65504,
  65519,
  65520,
  1e30,
  2 ** -14,
  6.1e-5,
  2 ** -24,
  2 ** -25,
  1.5 * 2 ** -25,
  3 * 2 ** -25,
  Infinity,
];
const float16 = [0, 0x8000, 0x3c00, 0xc100, 0x2e66, 0x7bff, 0x7bff, 0x7c00, 0x7c00, 0x0400, 0x03ff, 1, 0, 1, 2, 0x7c00];
const bfloat16 = [
  ...[0, 0x8000, 0x3f80, 0xc020, 0x3dcd, 0x4780, 0x4780, 0x4780, 0x714a, 0x3880],
  ...[0x3880, 0x3380, 0x3300, 0x3340, 0x33c0, 0x7f80],
];

describe('floats made halves', () => {
  it('are rounded as PyTorch rounds them', () => {
    expect([...toHalves('float16', Float32Array.from(values))]).toEqual(float16);
    expect([...toHalves('bfloat16', Float32Array.from(values))]).toEqual(bfloat16);
  });

  it('stay what is no number', () => {
    for (const dtype of ['float16', 'bfloat16'] as const)
      expect(toFloat32Values(dtype, toHalves(dtype, Float32Array.of(NaN)))[0]).toBeNaN();
  });

  it.each(['float16', 'bfloat16'] as const)('of %s come back from float32 bit for bit, whichever they are', (dtype) => {
    const all = Uint16Array.from({ length: 65_536 }, (_, bits) => bits);
    const wide = toFloat32Values(dtype, all);
    const numbers = all.filter((_, place) => !Number.isNaN(wide[place]));
    expect(
      toHalves(
        dtype,
        wide.filter((value) => !Number.isNaN(value)),
      ),
    ).toEqual(numbers);
  });

  it('are the nearest there is', () => {
    fc.assert(
      fc.property(fc.float({ noNaN: true, min: -60_000, max: 60_000 }), (value) => {
        const [bits = 0] = toHalves('float16', Float32Array.of(value));
        const distance = (half: number): number => Math.abs((toFloat32Values('float16', Uint16Array.of(half))[0] ?? NaN) - value);
        for (const neighbour of [bits - 1, bits + 1]) {
          if (neighbour >= 0 && (neighbour & 0x7c00) !== 0x7c00 && (neighbour & 0x8000) === (bits & 0x8000))
            expect(distance(bits)).toBeLessThanOrEqual(distance(neighbour));
        }
      }),
      { numRuns: 500, seed: 3 },
    );
  });
});
