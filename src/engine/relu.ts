import { savedTensor, withOwnGradient } from './own-gradient';
import { hasNativeKernels, rawOperation, TensorType } from './raw-operation';
import { tf } from './tensorflow';

/** `max(x, 0)`, with TensorFlow's own gradient: tfjs's takes six operations. */
export function relu(x: tf.Tensor): tf.Tensor {
  return withOwnGradient(
    [x],
    () => {
      const value = tf.relu(x);
      return { value, saved: [value] };
    },
    (dy, saved) => [reluGradient(dy, savedTensor(saved, 0))],
  );
}

function reluGradient(dy: tf.Tensor, value: tf.Tensor): tf.Tensor {
  if (!hasNativeKernels()) return tf.mul(dy, tf.step(value));
  return rawOperation('ReluGrad', [{ name: 'T', kind: 'type', value: TensorType.float32 }], [dy, value]);
}
