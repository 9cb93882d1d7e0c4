import { savedTensor, withOwnGradient, hasOwnKernels, rawOperations, TensorType } from './raw-operation';
import { tf } from './tensorflow';
import { registerOperation } from './captured/operation-rules';
import { columnSum } from './matrix-product';

/** The reference's epsilon, added to the variance. */
const EPSILON = 1e-6;

/** Rows of mean 0 and variance 1, and what they were divided by, inverted. */
export interface NormalisedRows {
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
  const attributes = [{ name: 'T', kind: 'type', value: TensorType.float32 }] as const;
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
export function normalise(x: tf.Tensor): NormalisedRows {
  const centred = tf.sub(x, tf.mean(x, -1, true));
  const inverse = tf.rsqrt(tf.add(tf.mean(tf.square(centred), -1, true), EPSILON));
  return { normalised: tf.mul(centred, inverse), inverse };
}

/** The gradient of {@link normalise} for its input, from that for its output. */
export function normaliseGradient(dy: tf.Tensor, { normalised, inverse }: NormalisedRows): tf.Tensor {
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
