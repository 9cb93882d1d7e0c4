import { expect } from '@jest/globals';
import { tf } from '../../src/engine/tensorflow';
import { RandomStream } from '../../src/foundation/random';
import { relativeDifference } from './parity';

/** A tensor of normally distributed values. */
export function drawnTensor(random: RandomStream, ...shape: number[]): tf.Tensor {
  const size = shape.reduce((product, dimension) => product * dimension, 1);
  return tf.tensor(
    Float32Array.from({ length: size }, () => random.normal(0.3, 1)),
    shape,
  );
}

/** Checks the value of a computation and its gradient for every input against a plain definition, whose gradients tfjs knows. */
export function expectSameGradients(
  inputs: tf.Tensor[],
  ours: (...inputs: tf.Tensor[]) => tf.Tensor,
  plain: (...inputs: tf.Tensor[]) => tf.Tensor,
): void {
  tf.tidy(() => {
    const weighting = drawnTensor(new RandomStream(99), ...plain(...inputs).shape);
    const [actual, expected] = [ours, plain].map((compute) =>
      tf.valueAndGrads((...given: tf.Tensor[]) => tf.sum(tf.mul(compute(...given), weighting)))(inputs),
    );
    if (actual === undefined || expected === undefined) throw new Error('nothing was computed');
    expect(relativeDifference(ours(...inputs).dataSync(), plain(...inputs).dataSync())).toBeLessThan(1e-5);
    actual.grads.forEach((gradient, place) => {
      expect(gradient.shape).toEqual(inputs[place]?.shape);
      expect(relativeDifference(gradient.dataSync(), expected.grads[place]?.dataSync() ?? [])).toBeLessThan(1e-5);
    });
  });
}
