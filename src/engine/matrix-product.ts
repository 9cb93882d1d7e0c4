import { hasNativeKernels, rawOperation, TensorType } from './raw-operation';
import { tf } from './tensorflow';

/**
 * The product of two matrices, one of them transposed if need be, without a gradient. tfjs would call TensorFlow's operation for batches of matrices, which
 * TensorFlow fuses with less.
 */
export function matrixProduct(left: tf.Tensor, right: tf.Tensor, transposed?: 'first' | 'second'): tf.Tensor {
  if (!hasNativeKernels()) return tf.matMul(left, right, transposed === 'first', transposed === 'second');
  return rawOperation(
    'MatMul',
    [
      { name: 'T', kind: 'type', value: TensorType.float32 },
      { name: 'transpose_a', kind: 'bool', value: transposed === 'first' },
      { name: 'transpose_b', kind: 'bool', value: transposed === 'second' },
    ],
    [left, right],
  );
}
