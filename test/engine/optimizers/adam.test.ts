import { describe, expect, it } from '@jest/globals';
import { adam } from '../../../src/engine/optimizers/adam';
import { clipFactor } from '../../../src/engine/optimizers/optimizer';

describe('Adam', () => {
  it.each([1, 2, 10, 1000])('with the corrected rate and epsilon makes PyTorch’s step %d', (step) => {
    const [m, v, lr] = [0.02, 3e-4, 1e-3];
    const theirs = ((lr / (1 - 0.9 ** step)) * m) / (Math.sqrt(v) / Math.sqrt(1 - 0.999 ** step) + 1e-8);
    const { rate, epsilon } = adam().scalars(lr, step);
    expect((rate * m) / (Math.sqrt(v) + epsilon)).toBeCloseTo(theirs, 12);
  });
});

describe('the clipping of gradients', () => {
  it('is that of clip_grad_norm_', () => {
    expect(clipFactor(10, 0.5)).toBeCloseTo(0.5 / (10 + 1e-6), 12);
    expect(clipFactor(0.1, 0.5)).toBe(1);
    expect(clipFactor(1e9, undefined)).toBe(1);
  });
});
