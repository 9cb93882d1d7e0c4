import { tf } from './tensorflow';

/**
 * Class ids as rows that are 1 at the id and 0 elsewhere; for a single class too, which tfjs's own operation refuses.
 * @param ids `[rows]`
 * @returns `[rows, classes]`
 */
export function oneHot(ids: tf.Tensor, classes: number): tf.Tensor {
  if (classes > 1) return tf.oneHot(tf.cast(ids, 'int32'), classes);
  return tf.cast(tf.equal(tf.reshape(ids, [-1, 1]), 0), 'float32');
}
