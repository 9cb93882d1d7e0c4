import { layerNorm, linearProduct, normedLinearProduct } from '../../engine/linear-and-norm';
import { constantValue, type NamedTensors, type ParameterDeclaration, tensorNamed, uniformFanIn } from '../../engine/parameters';
import { tf } from '../../engine/tensorflow';

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

/** `torch.nn.Linear`'s parameters: weight `[out, in]`, bias `[out]`, both uniform in ±1/sqrt(in). */
export function linearParameters(name: string, inputs: number, outputs: number): ParameterDeclaration[] {
  const initialise = uniformFanIn(inputs);
  return [
    { name: `${name}.weight`, shape: [outputs, inputs], trainable: true, initialise },
    { name: `${name}.bias`, shape: [outputs], trainable: true, initialise },
  ];
}

/**
 * `x · weightᵀ + bias`, from `[rows, in]` to `[rows, out]`.
 * @param inputScale what `x` is still to be multiplied with; it is applied to the weights, which are smaller.
 */
export function linear(parameters: NamedTensors, name: string, x: tf.Tensor, inputScale = 1): tf.Tensor {
  const weight = tensorNamed(parameters, `${name}.weight`);
  return linearProduct(x, inputScale === 1 ? weight : tf.mul(weight, inputScale), tensorNamed(parameters, `${name}.bias`));
}

/** A linear layer among several that take the same input. */
interface LinearName {
  readonly name: string;
  /** What its output is to be multiplied with; it is applied to the weights, which are smaller. */
  readonly scale?: number;
}

/** Linear layers of normalised rows, their outputs side by side, in one product with the norm. */
export function normedLinear(parameters: NamedTensors, { input, gamma, beta }: DeferredNorm, layers: readonly LinearName[]): tf.Tensor {
  const sideBySide = (kind: 'weight' | 'bias'): tf.Tensor => {
    const tensors = layers.map(({ name, scale = 1 }) => {
      const tensor = tensorNamed(parameters, `${name}.${kind}`);
      return scale === 1 ? tensor : tf.mul(tensor, scale);
    });
    return tensors.length === 1 && tensors[0] !== undefined ? tensors[0] : tf.concat(tensors);
  };
  return normedLinearProduct(input, gamma, beta, sideBySide('weight'), sideBySide('bias'));
}
