import { afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { attentionProduct, type AttentionShape } from '../../src/engine/attention-product';
import { seededDropout, type DropoutMask } from '../../src/engine/dropout';
import { layerNorm } from '../../src/engine/layer-norm';
import { linearProduct, normedLinearProduct } from '../../src/engine/linear-product';
import { droppedRelu, relu } from '../../src/engine/relu';
import { startRuntime } from '../../src/engine/runtime';
import { inScope } from '../../src/engine/scope';
import { tf } from '../../src/engine/tensorflow';
import { RandomStream } from '../../src/foundation/random';
import { useBackend } from '../support/backend';
import { drawnTensor, expectSameGradients } from '../support/gradients';

let native: string;

beforeAll(async () => {
  await startRuntime();
  native = tf.getBackend();
});

afterEach(async () => {
  await tf.setBackend(native);
});

const drawMask = (...shape: number[]): DropoutMask => {
  const mask = seededDropout(tf.tensor1d([3, 4], 'int32')).draw(shape, 0.4);
  if (mask === undefined) throw new Error('nothing was drawn');
  return mask;
};

const apply = (x: tf.Tensor, mask: DropoutMask | undefined): tf.Tensor =>
  mask === undefined ? x : tf.mul(tf.mul(x, mask.kept), mask.scale);

/** Attention by its definition: projected `[batch · frames, 3 · heads · headWidth]`. */
function plainAttention(
  projected: tf.Tensor,
  bias: tf.Tensor,
  { batch, frames, heads, headWidth }: AttentionShape,
  mask?: DropoutMask,
): tf.Tensor {
  const [q, k, v] = tf
    .split(projected, 3, 1)
    .map((part) => tf.transpose(tf.reshape(part, [batch, frames, heads, headWidth]), [0, 2, 1, 3]));
  if (q === undefined || k === undefined || v === undefined) throw new Error('three parts are wanted');
  const weights = tf.softmax(tf.add(tf.div(tf.matMul(q, k, false, true), Math.sqrt(headWidth)), bias));
  return tf.reshape(tf.transpose(tf.matMul(apply(weights, mask), v), [0, 2, 1, 3]), [batch * frames, heads * headWidth]);
}

describe.each(['tensorflow', 'cpu'])('on the backend %s', (backend) => {
  const onBackend = (title: string, test: () => void): void => {
    it(title, async () => {
      await useBackend(backend);
      inScope(test);
      expect(tf.memory().numTensors).toBe(0);
    });
  };

  onBackend('linearProduct has the value and gradients of its definition', () => {
    const random = new RandomStream(1);
    expectSameGradients([drawnTensor(random, 5, 3), drawnTensor(random, 4, 3), drawnTensor(random, 4)], linearProduct, (x, weight, bias) =>
      tf.add(tf.matMul(x, weight, false, true), bias),
    );
  });

  onBackend('normedLinearProduct is a layer norm and a linear layer', () => {
    const random = new RandomStream(2);
    const inputs = [
      drawnTensor(random, 5, 8),
      drawnTensor(random, 8),
      drawnTensor(random, 8),
      drawnTensor(random, 4, 8),
      drawnTensor(random, 4),
    ];
    expectSameGradients(
      inputs,
      (x, gamma, beta, weight, bias) => normedLinearProduct(x, gamma, beta, weight, bias),
      (x, gamma, beta, weight, bias) => linearProduct(layerNorm(x, gamma, beta), weight, bias),
    );
  });

  onBackend('relu has the gradient of its definition', () => {
    expectSameGradients([drawnTensor(new RandomStream(3), 6, 5)], relu, (x) => tf.relu(x));
  });

  onBackend('droppedRelu leaves only the scale to whoever comes next', () => {
    const mask = drawMask(6, 5);
    expectSameGradients(
      [drawnTensor(new RandomStream(4), 6, 5)],
      (x) => tf.mul(droppedRelu(x, mask), mask.scale),
      (x) => apply(tf.relu(x), mask),
    );
  });

  onBackend('attentionProduct has the value and gradient of its definition, with dropout and without', () => {
    const shape = { batch: 2, frames: 5, heads: 3, headWidth: 4 };
    const projected = drawnTensor(new RandomStream(5), 10, 36);
    const bias = tf.tensor([0, 0, 0, 0, -1e9, 0, 0, 0, 0, 0], [2, 1, 1, 5]);
    const seen: number[][] = [];
    for (const drop of [undefined, drawMask(2, 3, 5, 5)]) {
      const observe = (weights: tf.Tensor): number => seen.push(weights.shape);
      expectSameGradients(
        [projected],
        (x) => attentionProduct(x, bias, shape, { drop, observe }),
        (x) => plainAttention(x, bias, shape, drop),
      );
    }
    expect(seen[0]).toEqual([2, 3, 5, 5]);
  });
});
