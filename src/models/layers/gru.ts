import { gruStates } from '../../engine/gru-states';
import { linearProduct } from '../../engine/linear-product';
import { orthogonal, xavierUniform, constantValue, type ParameterDeclaration } from '../../engine/parameters';
import { tensorNamed, type NamedTensors } from '../../engine/named-tensors';
import type { tf } from '../../engine/tensorflow';

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
