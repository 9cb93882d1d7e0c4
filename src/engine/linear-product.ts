import { elementAt } from '../foundation/required';
import { layerNorm, normalise, normaliseGradient } from './layer-norm';
import { addBias, columnSum, matrixProduct } from './matrix-product';
import { hasOwnKernels, savedTensor, withOwnGradient } from './raw-operation';
import { tf } from './tensorflow';

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
