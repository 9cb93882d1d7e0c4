import { elementAt } from '../foundation/required';
import { lastAxis, registerOperation } from './captured/operation-rules';
import { DataType } from './captured/recording';
import { hasOwnKernels, rawOperation, rawOperations, savedTensor, withOwnGradient } from './native-backend';
import { hasNativeKernels, tf } from './tensorflow';

/**
 * `x · weightᵀ + bias` with its gradient, in operations that TensorFlow fuses.
 * @param x `[rows, in]`
 * @param weight `[out, in]`, as PyTorch keeps it
 * @param bias `[out]`
 */
export function linearProduct(x: tf.Tensor, weight: tf.Tensor, bias: tf.Tensor): tf.Tensor {
  return withOwnGradient(
    [x, weight, bias],
    () => ({ value: addBias(matrixProduct(x, weight, 'second'), bias), saved: [x, weight] }),
    (dy, saved) => [matrixProduct(dy, savedTensor(saved, 1)), matrixProduct(dy, savedTensor(saved, 0), 'first'), columnSum(dy)],
  );
}

/**
 * `layerNorm(x, gamma, beta) · weightᵀ + bias` in one. Where the norm takes several operations, gamma and beta are applied to the weights, which are many
 * times smaller than `x`: `(n · gamma + beta) · weightᵀ + bias = n · (weight · gamma)ᵀ + (bias + weight · beta)`.
 * @param x `[rows, in]`
 * @param gamma `[in]`
 * @param beta `[in]`
 * @param weight `[out, in]`
 * @param bias `[out]`
 */
export function normedLinearProduct(x: tf.Tensor, gamma: tf.Tensor, beta: tf.Tensor, weight: tf.Tensor, bias: tf.Tensor): tf.Tensor {
  if (hasOwnKernels()) return linearProduct(layerNorm(x, gamma, beta), weight, bias);
  const [outputs, inputs] = [elementAt(weight.shape, 0), elementAt(weight.shape, 1)];
  const column = (vector: tf.Tensor, size: number): tf.Tensor => tf.reshape(vector, [size, 1]);
  return withOwnGradient(
    [x, gamma, beta, weight, bias],
    () => {
      const { normalised, inverse } = normalise(x);
      const gained = tf.mul(weight, gamma);
      const shifted = tf.add(bias, tf.reshape(matrixProduct(weight, column(beta, inputs)), [outputs]));
      return {
        value: addBias(matrixProduct(normalised, gained, 'second'), shifted),
        saved: [normalised, inverse, gained, gamma, beta, weight],
      };
    },
    (dy, saved) => {
      const normalised = savedTensor(saved, 0);
      const dGained = matrixProduct(dy, normalised, 'first');
      const dShifted = columnSum(dy);
      const dx = normaliseGradient(matrixProduct(dy, savedTensor(saved, 2)), { normalised, inverse: savedTensor(saved, 1) });
      const dGamma = columnSum(tf.mul(dGained, savedTensor(saved, 5)));
      const dBeta = tf.reshape(matrixProduct(savedTensor(saved, 5), column(dShifted, outputs), 'first'), [inputs]);
      const dWeight = tf.add(tf.mul(dGained, savedTensor(saved, 3)), tf.mul(column(dShifted, outputs), savedTensor(saved, 4)));
      return [dx, dGamma, dBeta, dWeight, dShifted];
    },
  );
}

/** The reference's epsilon, added to the variance. */
const EPSILON = 1e-6;

/** Rows of mean 0 and variance 1, and what they were divided by, inverted. */
interface NormalisedRows {
  /** `[rows, width]` */
  readonly normalised: tf.Tensor;
  /** `[rows, 1]` */
  readonly inverse: tf.Tensor;
}

/**
 * Layer normalisation over the last axis with the biased variance: `gamma * (x − mean) / sqrt(var + epsilon) + beta` (Ba, Kiros & Hinton 2016), with a
 * gradient of its own: tfjs's would make a full-size tensor of ones for every mean.
 * @param x `[rows, width]`
 * @param gamma `[width]`
 * @param beta `[width]`
 */
export function layerNorm(x: tf.Tensor, gamma: tf.Tensor, beta: tf.Tensor): tf.Tensor {
  if (hasOwnKernels()) return layerNormInOnePass(x, gamma, beta);
  return withOwnGradient(
    [x, gamma, beta],
    () => {
      const { normalised, inverse } = normalise(x);
      return { value: tf.add(tf.mul(normalised, gamma), beta), saved: [normalised, inverse, gamma] };
    },
    (dy, saved) => {
      const normalised = savedTensor(saved, 0);
      const dx = normaliseGradient(tf.mul(dy, savedTensor(saved, 2)), { normalised, inverse: savedTensor(saved, 1) });
      return [dx, columnSum(tf.mul(dy, normalised)), columnSum(dy)];
    },
  );
}

function layerNormInOnePass(x: tf.Tensor, gamma: tf.Tensor, beta: tf.Tensor): tf.Tensor {
  const attributes = [{ name: 'T', kind: 'type', value: DataType.float32 }] as const;
  return withOwnGradient(
    [x, gamma, beta],
    () => {
      const outputs = rawOperations('KumpasLayerNorm', attributes, [x, gamma, beta], 3);
      return { value: savedTensor(outputs, 0), saved: [x, savedTensor(outputs, 1), savedTensor(outputs, 2), gamma] };
    },
    (dy, saved) => rawOperations('KumpasLayerNormGrad', attributes, [dy, ...saved], 3),
  );
}

/** `(x − mean) / sqrt(var + epsilon)` of every row, without a gradient. */
function normalise(x: tf.Tensor): NormalisedRows {
  const centred = tf.sub(x, tf.mean(x, -1, true));
  const inverse = tf.rsqrt(tf.add(tf.mean(tf.square(centred), -1, true), EPSILON));
  return { normalised: tf.mul(centred, inverse), inverse };
}

/** The gradient of {@link normalise} for its input, from that for its output. */
function normaliseGradient(dy: tf.Tensor, { normalised, inverse }: NormalisedRows): tf.Tensor {
  const alongNormalised = tf.mul(normalised, tf.mean(tf.mul(dy, normalised), -1, true));
  return tf.mul(inverse, tf.sub(tf.sub(dy, tf.mean(dy, -1, true)), alongNormalised));
}

registerOperation({
  name: 'KumpasLayerNorm',
  shapes: ({ inputs: [x] }) => {
    const rows = x && { dtype: x.dtype, shape: x.shape.slice(0, -1) };
    return [x, rows, rows];
  },
  lowPrecision: { kind: 'either', inputs: [], outputs: [0] },
});
registerOperation({
  name: 'KumpasLayerNormGrad',
  shapes: ({ inputs: [, x, , , gamma] }) => [x, gamma, gamma],
  lowPrecision: { kind: 'either', inputs: [0], outputs: [] },
});

/** Adds a bias to the last axis. */
export function addBias(x: tf.Tensor, bias: tf.Tensor): tf.Tensor {
  return hasNativeKernels() ? rawOperation('BiasAdd', [{ name: 'T', kind: 'type', value: DataType.float32 }], [x, bias]) : tf.add(x, bias);
}

/**
 * The product of two matrices, one of them transposed if need be, without a gradient. tfjs would call TensorFlow's operation for batches of matrices, which
 * TensorFlow fuses with less.
 */
export function matrixProduct(left: tf.Tensor, right: tf.Tensor, transposed?: 'first' | 'second'): tf.Tensor {
  if (!hasNativeKernels()) return tf.matMul(left, right, transposed === 'first', transposed === 'second');
  return rawOperation(
    'MatMul',
    [
      { name: 'T', kind: 'type', value: DataType.float32 },
      { name: 'transpose_a', kind: 'bool', value: transposed === 'first' },
      { name: 'transpose_b', kind: 'bool', value: transposed === 'second' },
    ],
    [left, right],
  );
}

/** The sums of the columns of `[rows, width]`: `[width]`. TensorFlow's operation for bias gradients is several times faster at it than a general sum. */
export function columnSum(x: tf.Tensor): tf.Tensor {
  if (!hasNativeKernels()) return tf.sum(x, 0);
  return rawOperation(hasOwnKernels() ? 'KumpasColumnSum' : 'BiasAddGrad', [{ name: 'T', kind: 'type', value: DataType.float32 }], [x]);
}

registerOperation({ name: 'KumpasColumnSum', shapes: lastAxis, lowPrecision: { kind: 'either', inputs: [0], outputs: [], sum: true } });
