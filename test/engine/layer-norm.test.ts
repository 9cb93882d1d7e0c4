import { beforeAll, describe, expect, it } from '@jest/globals';
import { layerNorm } from '../../src/engine/linear-and-norm';
import { startRuntime } from '../../src/engine/runtime';
import { tf } from '../../src/engine/tensorflow';
import { RandomStream } from '../../src/foundation/random';
import { relativeDifference } from '../support/parity';

beforeAll(async () => {
  await startRuntime();
});

/** The definition, of tfjs functions whose gradients tfjs knows. */
function plainLayerNorm(x: tf.Tensor, gamma: tf.Tensor, beta: tf.Tensor): tf.Tensor {
  const centred = tf.sub(x, tf.mean(x, -1, true));
  const deviation = tf.sqrt(tf.add(tf.mean(tf.square(centred), -1, true), 1e-6));
  return tf.add(tf.mul(gamma, tf.div(centred, deviation)), beta);
}

describe('layerNorm', () => {
  it('has the value and all three gradients of its definition', () => {
    const random = new RandomStream(3);
    const draw = (...shape: number[]): tf.Tensor =>
      tf.tensor(
        Float32Array.from({ length: shape.reduce((size, dimension) => size * dimension, 1) }, () => random.normal(0.5, 2)),
        shape,
      );
    const inputs = [draw(5, 8), draw(8), draw(8)];
    const weighting = draw(5, 8);
    const through = (norm: typeof layerNorm): ((...tensors: tf.Tensor[]) => tf.Tensor) => {
      return (x, gamma, beta) => tf.sum(tf.mul(norm(x, gamma, beta), weighting));
    };
    const ours = tf.valueAndGrads(through(layerNorm))(inputs);
    const plain = tf.valueAndGrads(through(plainLayerNorm))(inputs);
    expect(relativeDifference(ours.value.dataSync(), plain.value.dataSync())).toBeLessThan(1e-5);
    ours.grads.forEach((gradient, place) => {
      expect(relativeDifference(gradient.dataSync(), plain.grads[place]?.dataSync() ?? [])).toBeLessThan(1e-5);
    });
    tf.disposeVariables();
  });
});
