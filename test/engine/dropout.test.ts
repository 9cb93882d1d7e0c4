import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { addDropped, type Dropout, droppedRelu, dropThreshold, noDropout, seededDropout } from '../../src/engine/dropout';
import { captureContext } from '../../src/engine/native-backend';
import { startRuntime } from '../../src/engine/runtime';
import { inScope, tf } from '../../src/engine/tensorflow';
import { useBackend } from '../support/backend';

beforeAll(async () => {
  await startRuntime();
});

const masks = (seed: readonly number[], rate: number, count = 1, size = 40_001): number[][] =>
  inScope(() => {
    const dropout = seededDropout(tf.tensor1d([...seed, 0], 'int32'));
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
      const dropout = seededDropout(tf.tensor1d([1, 2, 0], 'int32'));
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
      const seed = tf.tensor1d([1, 2, 0], 'int32');
      const [some, other] = [seededDropout(seed), seededDropout(seed)];
      expect(some(x, 0)).toBe(x);
      other(x, 0.5);
      expect([...some(x, 0.5).dataSync()]).toEqual([...other(x, 0.5).dataSync()]);
    });
  });
});

describe.each([
  ['own kernels', 'tensorflow', true],
  ["TensorFlow's operations", 'tensorflow', false],
  ['JavaScript', 'cpu', false],
] as const)('masks by %s', (_, backend, ownKernels) => {
  beforeAll(() => useBackend(backend));
  afterAll(() => useBackend('tensorflow'));

  const batch = 7;

  /** The masks of the examples from `first` on: of a tensor, of another one that is dropped in a sum and behind a relu, and of one for a computation of its own. */
  const drawn = (first: number, examples: number, shape: readonly number[]): number[][] =>
    captureContext.run({ ownKernels }, () =>
      inScope(() => {
        const dropout = seededDropout(tf.tensor1d([3, 9, first], 'int32'), examples);
        const ones = tf.ones([examples, ...shape]);
        const asked = dropout.draw(ones.shape, 0.4);
        const sums = addDropped(tf.zeros(ones.shape), ones, dropout.draw(ones.shape, 0.4));
        const tensors = [dropout(ones, 0.4), sums, droppedRelu(ones, dropout.draw(ones.shape, 0.4)), asked?.kept() ?? tf.zeros([0])];
        return tensors.map((tensor) => [...tensor.dataSync()]);
      }),
    );

  it.each([[[64]], [[3, 5]], [[2, 8]], [[1]], [[13, 100]]])(
    'of a part of a batch are the part of the whole’s, %j for each example',
    (shape) => {
      const whole = drawn(0, batch, shape);
      const size = shape.reduce((product, side) => product * side, 1);
      for (const [from, to] of [
        [0, 4],
        [4, 7],
        [6, 7],
      ] as const)
        expect(drawn(from, to - from, shape)).toEqual(whole.map((mask) => mask.slice(from * size, to * size)));
    },
  );

  it.each([1, 5, 64, 100])('of rows are those of their places in the padded batch, %i wide', (width) => {
    const [examples, perExample] = [4, 9];
    const places = [0, 1, 2, 3, 9, 10, 27, 33, 34, 35, 17, 17];
    captureContext.run({ ownKernels }, () => {
      inScope(() => {
        const seeded = (first: number, count: number): Dropout => seededDropout(tf.tensor1d([3, 9, first], 'int32'), count);
        const whole = [...seeded(0, 6)(tf.ones([6 * perExample, width]), 0.4).dataSync()];
        const rows = { positions: tf.tensor1d(places, 'int32'), perExample };
        const packed = seeded(2, examples)(tf.ones([places.length, width]), 0.4, rows);
        const expected = places.flatMap((place) => whole.slice((2 * perExample + place) * width, (2 * perExample + place + 1) * width));
        expect([...packed.dataSync()]).toEqual(expected);
      });
    });
  });

  it('have a gradient through the same values, of rows too', () => {
    captureContext.run({ ownKernels }, () => {
      inScope(() => {
        const dropout = seededDropout(tf.tensor1d([3, 9, 1], 'int32'), 2);
        let value: number[] = [];
        const gradient = tf.grad((x: tf.Tensor) => {
          const rows = { positions: tf.add(tf.tensor1d([3, 0, 1], 'int32'), tf.scalar(0, 'int32')), perExample: 4 };
          const output = addDropped(tf.zeros([3, 30]), x, dropout.draw([3, 30], 0.5, rows));
          value = [...output.dataSync()];
          return tf.sum(output);
        })(tf.ones([3, 30]));
        expect([...gradient.dataSync()]).toEqual(value);
      });
    });
  });

  it('of what belongs to no example are the same in every part', () => {
    const shared = (first: number): number[] =>
      captureContext.run({ ownKernels }, () =>
        inScope(() => [...seededDropout(tf.tensor1d([3, 9, first], 'int32'), 4)(tf.ones([7, 9]), 0.5).dataSync()]),
      );
    expect(shared(4)).toEqual(shared(0));
  });
});

it('refuses a seed of another shape', () => {
  inScope(() => {
    expect(() => seededDropout(tf.tensor1d([1, 2], 'int32'))).toThrow('the seed of dropout: expected [3], found [2]');
  });
});
