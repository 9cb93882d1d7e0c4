import { columnSum } from './column-sum';
import { savedTensor, withOwnGradient } from './own-gradient';
import { tf } from './tensorflow';

/**
 * Layer normalisation over the last axis with the biased variance: `gamma * (x − mean) / sqrt(var + epsilon) + beta` (Ba, Kiros & Hinton 2016), with a
 * gradient of its own: tfjs's would make a full-size tensor of ones for every mean.
 * @param x `[rows, width]`
 * @param gamma `[width]`
 * @param beta `[width]`
 */
export function layerNorm(x: tf.Tensor, gamma: tf.Tensor, beta: tf.Tensor, epsilon = 1e-6): tf.Tensor {
  return withOwnGradient(
    [x, gamma, beta],
    () => {
      const centred = tf.sub(x, tf.mean(x, -1, true));
      const inverse = tf.rsqrt(tf.add(tf.mean(tf.square(centred), -1, true), epsilon));
      const normalised = tf.mul(centred, inverse);
      return { value: tf.add(tf.mul(normalised, gamma), beta), saved: [normalised, inverse, gamma] };
    },
    (dy, saved) => {
      const normalised = savedTensor(saved, 0);
      const inverse = savedTensor(saved, 1);
      const scaled = tf.mul(dy, savedTensor(saved, 2));
      const alongNormalised = tf.mul(normalised, tf.mean(tf.mul(scaled, normalised), -1, true));
      const dx = tf.mul(inverse, tf.sub(tf.sub(scaled, tf.mean(scaled, -1, true)), alongNormalised));
      return [dx, columnSum(tf.mul(dy, normalised)), columnSum(dy)];
    },
  );
}
