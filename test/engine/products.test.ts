import { afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { attentionProduct, type AttentionShape } from '../../src/engine/attention-product';
import { linearProduct, normedLinearProduct, layerNorm, columnSum } from '../../src/engine/linear-and-norm';
import { addDropped, seededDropout, type DropoutDraw, droppedRelu, relu } from '../../src/engine/dropout';
import { captureContext, hasOwnKernels } from '../../src/engine/native-backend';
import { startRuntime } from '../../src/engine/runtime';
import { inScope, tf } from '../../src/engine/tensorflow';
import { RandomStream } from '../../src/foundation/random';
import { useBackend } from '../support/backend';
import { drawnTensor, expectSameGradients } from '../support/gradients';
import { relativeDifference } from '../support/parity';

let native: string;
let usesGpu: boolean;

beforeAll(async () => {
  ({ usesGpu } = await startRuntime());
  native = tf.getBackend();
});

afterEach(async () => {
  await tf.setBackend(native);
});

const drawMask = (...shape: number[]): DropoutDraw => {
  const mask = seededDropout(tf.tensor1d([3, 4], 'int32')).draw(shape, 0.4);
  if (mask === undefined) throw new Error('nothing was drawn');
  return mask;
};

const apply = (x: tf.Tensor, mask: DropoutDraw | undefined): tf.Tensor =>
  mask === undefined ? x : tf.mul(tf.mul(x, mask.kept()), mask.scale);

/** Attention by its definition, but for the scales, which its surroundings apply: projected `[batch · frames, 3 · heads · headWidth]`. */
function plainAttention(
  projected: tf.Tensor,
  bias: tf.Tensor,
  { batch, frames, heads, headWidth }: AttentionShape,
  mask?: DropoutDraw,
): tf.Tensor {
  const [q, k, v] = tf
    .split(projected, 3, 1)
    .map((part) => tf.transpose(tf.reshape(part, [batch, frames, heads, headWidth]), [0, 2, 1, 3]));
  if (q === undefined || k === undefined || v === undefined) throw new Error('three parts are wanted');
  const weights = tf.softmax(tf.add(tf.matMul(q, k, false, true), bias));
  const kept = mask === undefined ? weights : tf.mul(weights, mask.kept());
  return tf.reshape(tf.transpose(tf.matMul(kept, v), [0, 2, 1, 3]), [batch * frames, heads * headWidth]);
}

/** Layer normalisation by its definition. */
function plainNorm(x: tf.Tensor, gamma: tf.Tensor, beta: tf.Tensor): tf.Tensor {
  const { mean, variance } = tf.moments(x, -1, true);
  return tf.add(tf.mul(tf.div(tf.sub(x, mean), tf.sqrt(tf.add(variance, 1e-6))), gamma), beta);
}

describe.each([
  ['with its own kernels', 'tensorflow', true],
  ["with TensorFlow's operations", 'tensorflow', false],
  ['in JavaScript', 'cpu', false],
] as const)('%s', (_, backend, own) => {
  const onBackend = (title: string, test: () => void): void => {
    it(title, async () => {
      await useBackend(backend);
      inScope(() => {
        if (!own) captureContext.run({ ownKernels: false }, test);
        else {
          expect(hasOwnKernels()).toBe(!usesGpu);
          test();
        }
      });
      expect(tf.memory().numTensors).toBe(0);
    });
  };

  onBackend('columnSum sums over rows', () => {
    const x = drawnTensor(new RandomStream(8), 300, 67);
    expect(relativeDifference(columnSum(x).dataSync(), tf.sum(x, 0).dataSync())).toBeLessThan(1e-5);
  });

  onBackend('layerNorm has the value and gradients of its definition, at any width', () => {
    for (const [rows, width] of [
      [1, 1],
      [3, 16],
      [70, 37],
      [9, 256],
    ] as const) {
      const random = new RandomStream(width);
      // A single column normalises to 0, with no gradient but rounding.
      const inputs = [drawnTensor(random, rows, width), drawnTensor(random, width), drawnTensor(random, width)] as const;
      if (width > 1) expectSameGradients([...inputs], (x, gamma, beta) => layerNorm(x, gamma, beta), plainNorm);
      else expect(layerNorm(inputs[0], inputs[1], inputs[2]).dataSync()).toEqual(inputs[2].dataSync());
    }
  });

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
      (x, gamma, beta, weight, bias) => tf.add(tf.matMul(plainNorm(x, gamma, beta), weight, false, true), bias),
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

  onBackend('addDropped adds what dropout leaves', () => {
    const random = new RandomStream(6);
    for (const size of [7, 64, 333]) {
      const mask = drawMask(3, size);
      expectSameGradients(
        [drawnTensor(random, 3, size), drawnTensor(random, 3, size)],
        (residual, x) => addDropped(residual, x, mask),
        (residual, x) => tf.add(residual, apply(x, mask)),
      );
    }
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
