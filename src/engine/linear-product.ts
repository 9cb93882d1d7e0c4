import { columnSum } from './column-sum';
import { savedTensor, withOwnGradient } from './own-gradient';
import { hasNativeKernels, rawOperation, TensorType } from './raw-operation';
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
    () => ({ value: addBias(product(x, weight, false, true), bias), saved: [x, weight] }),
    (dy, saved) => [product(dy, savedTensor(saved, 1), false, false), product(dy, savedTensor(saved, 0), true, false), columnSum(dy)],
  );
}

function product(left: tf.Tensor, right: tf.Tensor, transposeLeft: boolean, transposeRight: boolean): tf.Tensor {
  if (!hasNativeKernels()) return tf.matMul(left as tf.Tensor2D, right as tf.Tensor2D, transposeLeft, transposeRight);
  return rawOperation(
    'MatMul',
    [
      { name: 'T', kind: 'type', value: TensorType.float32 },
      { name: 'transpose_a', kind: 'bool', value: transposeLeft },
      { name: 'transpose_b', kind: 'bool', value: transposeRight },
    ],
    [left, right],
  );
}

function addBias(x: tf.Tensor, bias: tf.Tensor): tf.Tensor {
  return hasNativeKernels()
    ? rawOperation('BiasAdd', [{ name: 'T', kind: 'type', value: TensorType.float32 }], [x, bias])
    : tf.add(x, bias);
}
