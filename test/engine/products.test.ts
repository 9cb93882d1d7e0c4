import { afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { attentionProduct, type AttentionRows, type AttentionShape } from '../../src/engine/attention-product';
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
  const mask = seededDropout(tf.tensor1d([3, 4, 0], 'int32')).draw(shape, 0.4);
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

  /** Clips whose padding is at their end, between their frames, or all of them. */
  const attended = [
    { batch: 2, frames: 5, heads: 3, headWidth: 4, padding: (clip: number, frame: number): boolean => clip === 0 && frame === 4 },
    { batch: 1, frames: 1, heads: 2, headWidth: 3, padding: (): boolean => false },
    { batch: 2, frames: 37, heads: 1, headWidth: 17, padding: (clip: number, frame: number): boolean => (frame + clip) % 5 === 2 },
    { batch: 2, frames: 131, heads: 2, headWidth: 32, padding: (clip: number, frame: number): boolean => clip === 1 && frame > 99 },
    { batch: 2, frames: 6, heads: 2, headWidth: 5, padding: (clip: number): boolean => clip === 1 },
  ];
  const everyRow: AttentionRows = { places: undefined, spread: (rows) => rows, rowsOf: (positions) => positions };

  onBackend('attentionProduct has the value and gradient of its definition, with dropout and without, seen and unseen', () => {
    for (const { padding, ...shape } of attended) {
      const { batch, frames, heads, headWidth } = shape;
      const projected = drawnTensor(new RandomStream(5), batch * frames, 3 * heads * headWidth);
      const bias = tf.tensor(
        Array.from({ length: batch * frames }, (_, place) => (padding(Math.floor(place / frames), place % frames) ? -1e9 : 0)),
        [batch, 1, 1, frames],
      );
      for (const drop of [undefined, drawMask(batch, heads, frames, frames)]) {
        const seen: number[][] = [];
        for (const observe of [undefined, (weights: tf.Tensor): number => seen.push(weights.shape)])
          expectSameGradients(
            [projected],
            (x) => attentionProduct(x, everyRow, bias, shape, { drop, observe }),
            (x) => plainAttention(x, bias, shape, drop),
          );
        expect(seen[0]).toEqual([batch, heads, frames, frames]);
      }
    }
  });

  onBackend('attentionProduct of rows without padding gives what it gives of all', () => {
    const shape = { batch: 3, frames: 21, heads: 2, headWidth: 7 };
    const random = new RandomStream(7);
    // The clips' frames in another order than theirs, and two rows that nobody has.
    const lengths = [21, 9, 16];
    const positions = lengths.flatMap((length, clip) => Array.from({ length }, (_, frame) => 21 * clip + frame)).reverse();
    const rows = positions.length + 2;
    const places = new Int32Array(63);
    positions.forEach((position, row) => (places[position] = row + 1));
    const spread = tf.oneHot(tf.tensor1d(places, 'int32'), rows).toFloat();
    const mask = tf.tensor1d([...places].map((_, position) => (positions.includes(position) ? 1 : 0)));
    const kept = tf.mul(spread, tf.reshape(mask, [63, 1]));
    const bias = tf.reshape(tf.mul(tf.sub(1, mask), -1e9), [3, 1, 1, 21]);
    const drop = drawMask(3, 2, 21, 21);
    expectSameGradients(
      [drawnTensor(random, rows, 42)],
      (x) => {
        const given: AttentionRows = {
          places: tf.tensor1d(places, 'int32'),
          spread: (packed) => tf.matMul(spread, packed),
          rowsOf: (all) => tf.matMul(kept, all, true, false),
        };
        return attentionProduct(x, given, bias, shape, { drop });
      },
      (x) => tf.matMul(kept, plainAttention(tf.matMul(spread, x), bias, shape, drop), true, false),
    );
  });
});
