import { lastAxis, registerOperation } from './captured/operation-rules';
import { hasOwnKernels, rawOperation, TensorType } from './raw-operation';
import { hasNativeKernels, tf } from './tensorflow';

/** Adds a bias to the last axis. */
export function addBias(x: tf.Tensor, bias: tf.Tensor): tf.Tensor {
  return hasNativeKernels()
    ? rawOperation('BiasAdd', [{ name: 'T', kind: 'type', value: TensorType.float32 }], [x, bias])
    : tf.add(x, bias);
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
      { name: 'T', kind: 'type', value: TensorType.float32 },
      { name: 'transpose_a', kind: 'bool', value: transposed === 'first' },
      { name: 'transpose_b', kind: 'bool', value: transposed === 'second' },
    ],
    [left, right],
  );
}

/** The sums of the columns of `[rows, width]`: `[width]`. TensorFlow's operation for bias gradients is several times faster at it than a general sum. */
export function columnSum(x: tf.Tensor): tf.Tensor {
  if (!hasNativeKernels()) return tf.sum(x, 0);
  return rawOperation(hasOwnKernels() ? 'KumpasColumnSum' : 'BiasAddGrad', [{ name: 'T', kind: 'type', value: TensorType.float32 }], [x]);
}

registerOperation({ name: 'KumpasColumnSum', shapes: lastAxis, lowPrecision: { kind: 'either', inputs: [0], outputs: [], sum: true } });
