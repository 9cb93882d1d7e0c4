import { layerNorm } from '../../engine/layer-norm';
import { tensorNamed, type NamedTensors } from '../../engine/named-tensors';
import { constantValue, type ParameterDeclaration } from '../../engine/parameters';
import type { tf } from '../../engine/tensorflow';

/** The reference's LayerNorm: gamma `[width]` of ones, beta `[width]` of zeros. */
export function normParameters(name: string, width: number): ParameterDeclaration[] {
  return [
    { name: `${name}.gamma`, shape: [width], trainable: true, initialise: constantValue(1) },
    { name: `${name}.beta`, shape: [width], trainable: true, initialise: constantValue(0) },
  ];
}

/** A layer normalisation that the next linear layer computes together with its product: one pass over memory less. */
export interface DeferredNorm {
  /** `[rows, width]` */
  readonly input: tf.Tensor;
  readonly gamma: tf.Tensor;
  readonly beta: tf.Tensor;
}

/** {@link norm}, left to the layer that takes it. */
export function deferredNorm(parameters: NamedTensors, name: string, input: tf.Tensor): DeferredNorm {
  return { input, gamma: tensorNamed(parameters, `${name}.gamma`), beta: tensorNamed(parameters, `${name}.beta`) };
}

/** Layer normalisation of `[rows, width]` with the parameters of that name. */
export function norm(parameters: NamedTensors, name: string, x: tf.Tensor): tf.Tensor {
  return layerNorm(x, tensorNamed(parameters, `${name}.gamma`), tensorNamed(parameters, `${name}.beta`));
}
