import { tf } from '../../engine/tensorflow';
import { shape3 } from './shape';

/** How the frames of a clip become one vector. */
export type PoolingMethod = 'mean' | 'max' | 'cls';

/**
 * One vector a clip, `[batch, width]`, from `[batch, frames, width]`: the mean or the maximum over the frames that the mask marks, or the first position,
 * where the class token stands. Where no frame is marked the mean is 0.
 * @param mask `[batch, frames]`
 */
export function pool(method: PoolingMethod, hidden: tf.Tensor, mask: tf.Tensor): tf.Tensor {
  const [batch, frames, width] = shape3(hidden);
  switch (method) {
    case 'mean': {
      const counts = tf.maximum(tf.sum(mask, 1, true), 1);
      const sums = tf.reshape(tf.matMul(tf.reshape(mask, [batch, 1, frames]), hidden), [batch, width]);
      return tf.div(sums, counts);
    }
    case 'max':
      return tf.max(tf.add(hidden, tf.mul(tf.sub(1, tf.expandDims(mask, -1)), -1e9)), 1);
    case 'cls':
      return tf.reshape(tf.slice(hidden, [0, 0, 0], [batch, 1, width]), [batch, width]);
  }
}
