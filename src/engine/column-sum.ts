import { hasOwnKernels } from './own-kernels';
import { hasNativeKernels, rawOperation, TensorType } from './raw-operation';
import { tf } from './tensorflow';

/** The sums of the columns of `[rows, width]`: `[width]`. TensorFlow's operation for bias gradients is several times faster at it than a general sum. */
export function columnSum(x: tf.Tensor): tf.Tensor {
  if (!hasNativeKernels()) return tf.sum(x, 0);
  return rawOperation(hasOwnKernels() ? 'KumpasColumnSum' : 'BiasAddGrad', [{ name: 'T', kind: 'type', value: TensorType.float32 }], [x]);
}
