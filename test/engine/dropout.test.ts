import { beforeAll, describe, expect, it } from '@jest/globals';
import { dropThreshold, noDropout, seededDropout } from '../../src/engine/dropout';
import { startRuntime } from '../../src/engine/runtime';
import { inScope, tf } from '../../src/engine/tensorflow';

beforeAll(async () => {
  await startRuntime();
});

const masks = (seed: readonly number[], rate: number, count = 1, size = 40_001): number[][] =>
  inScope(() => {
    const dropout = seededDropout(tf.tensor1d([...seed], 'int32'));
    return Array.from({ length: count }, () => [...dropout(tf.ones([size]), rate).dataSync()]);
  });

describe('seededDropout', () => {
  it.each([0.1, 0.3, 0.5])('zeroes about the share %d and keeps the expectation', (rate) => {
    const [mask = []] = masks([42, 7], rate);
    const dropped = mask.filter((value) => value === 0).length / mask.length;
    expect(Math.abs(dropped - dropThreshold(rate) / 256)).toBeLessThan(0.01);
    expect(Math.abs(dropThreshold(rate) / 256 - rate)).toBeLessThan(1 / 512 + 1e-9);
    const kept = [...new Set(mask.filter((value) => value !== 0))];
    expect(kept).toEqual([expect.closeTo(256 / (256 - dropThreshold(rate)), 5)]);
  });

  it('is a function of seed, step and place', () => {
    const [first, second] = masks([42, 7], 0.3, 2);
    expect(masks([42, 7], 0.3, 2)).toEqual([first, second]);
    expect(second).not.toEqual(first);
    expect(masks([42, 8], 0.3)[0]).not.toEqual(first);
    expect(masks([43, 7], 0.3)[0]).not.toEqual(first);
  });

  it('lets the gradient through where it let the value through', () => {
    inScope(() => {
      const dropout = seededDropout(tf.tensor1d([1, 2], 'int32'));
      const x = tf.ones([1000]);
      let value: number[] = [];
      const gradient = tf.grad((input) => {
        const output = dropout(input, 0.5);
        value = [...output.dataSync()];
        return tf.sum(output);
      })(x);
      expect([...gradient.dataSync()]).toEqual(value);
    });
  });

  it('does nothing at a rate of 0, nor in evaluation, and takes a place all the same', () => {
    inScope(() => {
      const x = tf.ones([100]);
      expect(noDropout(x, 0.5)).toBe(x);
      const seed = tf.tensor1d([1, 2], 'int32');
      const [some, other] = [seededDropout(seed), seededDropout(seed)];
      expect(some(x, 0)).toBe(x);
      other(x, 0.5);
      expect([...some(x, 0.5).dataSync()]).toEqual([...other(x, 0.5).dataSync()]);
    });
  });
});
