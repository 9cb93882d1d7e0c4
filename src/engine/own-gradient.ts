import { tf } from './tensorflow';

/** What a computation gives forward: its value, and what its gradient wants to see again. */
export interface ForwardResult {
  readonly value: tf.Tensor;
  readonly saved: readonly tf.Tensor[];
}

/**
 * A computation with a gradient written by hand, where tfjs's own would be slow or is missing.
 * @param inputs what the gradient flows to.
 * @param forward the value, and the tensors to keep for the gradient.
 * @param gradient one tensor for each input, of its shape.
 */
export function withOwnGradient(
  inputs: readonly tf.Tensor[],
  forward: (inputs: readonly tf.Tensor[]) => ForwardResult,
  gradient: (dy: tf.Tensor, saved: readonly tf.Tensor[]) => tf.Tensor[],
): tf.Tensor {
  const custom = tf.customGrad((...given: unknown[]) => {
    const save = given.at(-1) as (tensors: tf.Tensor[]) => void;
    const { value, saved } = forward(given.slice(0, -1) as tf.Tensor[]);
    save([...saved]);
    return { value, gradFunc: (dy: tf.Tensor, kept: tf.Tensor[]) => gradient(dy, kept) };
  });
  return custom(...inputs);
}

/** The saved tensor at that place. @throws Error where there is none: a bug in the gradient. */
export function savedTensor(saved: readonly tf.Tensor[], place: number): tf.Tensor {
  const tensor = saved[place];
  if (tensor === undefined) throw new Error(`the gradient wants saved tensor ${place}, and there are ${saved.length}`);
  return tensor;
}
