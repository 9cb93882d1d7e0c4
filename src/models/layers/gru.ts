import { gruStates } from '../../engine/gru-states';
import { linearProduct } from '../../engine/linear-and-norm';
import {
  constantValue,
  type NamedTensors,
  orthogonal,
  type ParameterDeclaration,
  tensorNamed,
  xavierUniform,
} from '../../engine/parameters';
import { tf } from '../../engine/tensorflow';
import { shape3 } from './frame-rows';

/** The parameters of a `torch.nn.GRU` of one layer; weight_ih Xavier uniform, weight_hh orthogonal, biases 0, as the reference draws them. */
export function gruParameters(name: string, inputs: number, hidden: number): ParameterDeclaration[] {
  const gates = 3 * hidden;
  return [
    { name: `${name}.weight_ih_l0`, shape: [gates, inputs], trainable: true, initialise: xavierUniform(inputs, gates) },
    { name: `${name}.weight_hh_l0`, shape: [gates, hidden], trainable: true, initialise: orthogonal(gates, hidden) },
    { name: `${name}.bias_ih_l0`, shape: [gates], trainable: true, initialise: constantValue(0) },
    { name: `${name}.bias_hh_l0`, shape: [gates], trainable: true, initialise: constantValue(0) },
  ];
}

/**
 * The products of a GRU's inputs for all frames at once.
 * @param x `[rows, inputs]`
 * @returns `[rows, 3 · hidden]`
 */
export function gruProjection(parameters: NamedTensors, name: string, x: tf.Tensor): tf.Tensor {
  return linearProduct(x, tensorNamed(parameters, `${name}.weight_ih_l0`), tensorNamed(parameters, `${name}.bias_ih_l0`));
}

/**
 * A GRU's states from the products of its inputs.
 * @param projected `[frames, batch, 3 · hidden]`
 * @param mask `[frames, batch, 1]`
 * @returns `[frames, batch, hidden]`; the last frame holds each clip's last valid state.
 */
export function gruRecurrence(parameters: NamedTensors, name: string, projected: tf.Tensor, mask: tf.Tensor): tf.Tensor {
  return gruStates(projected, mask, tensorNamed(parameters, `${name}.weight_hh_l0`), tensorNamed(parameters, `${name}.bias_hh_l0`));
}

/**
 * A GRU over clips: the state after each frame. Padding leaves a state as it is, so the last frame has each clip's last state.
 * @param x `[batch, frames, inputs]`
 * @param mask `[batch, frames]`, 1 for a frame of the clip, 0 for padding
 * @param options.reverse whether it runs from the last frame to the first; then the first frame has the last state.
 * @returns `[batch, frames, hidden]`
 */
export function gru(
  parameters: NamedTensors,
  name: string,
  x: tf.Tensor,
  mask: tf.Tensor,
  options: { readonly reverse?: boolean } = {},
): tf.Tensor {
  const [batch, frames, inputs] = shape3(x);
  const inOrder = (values: tf.Tensor): tf.Tensor => (options.reverse === true ? tf.reverse(values, 0) : values);
  const framesFirst = (values: tf.Tensor): tf.Tensor => inOrder(tf.transpose(tf.reshape(values, [batch, frames, -1]), [1, 0, 2]));
  const projected = gruProjection(parameters, name, tf.reshape(x, [batch * frames, inputs]));
  const states = gruRecurrence(parameters, name, framesFirst(projected), framesFirst(mask));
  return tf.transpose(inOrder(states), [1, 0, 2]);
}
