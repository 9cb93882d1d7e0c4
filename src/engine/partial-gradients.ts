import { required } from '../foundation/required';
import { tf } from './tensorflow';

/**
 * The gradients of a scalar with respect to some tensors that it was computed of, within a computation whose own gradient is being taken (the `train` of a program). Only what lies
 * between the tensors and the scalar is gone through again; the gradients themselves are constants to the computation around them.
 * @throws Error where the scalar does not depend on one of the tensors.
 */
export function gradientsWithin(scalar: tf.Tensor, tensors: readonly tf.Tensor[]): tf.Tensor[] {
  const { grads } = tf.engine().gradients(() => scalar.asScalar(), [...tensors], undefined, true) as { grads: (tf.Tensor | undefined)[] };
  return grads.map((gradient) => required(gradient, 'the gradient of a scalar with respect to what it depends on'));
}
