import { linearProduct } from '../../engine/linear-product';
import { tensorNamed, type NamedTensors } from '../../engine/named-tensors';
import { uniformFanIn, type ParameterDeclaration } from '../../engine/parameters';
import { tf } from '../../engine/tensorflow';

/** `torch.nn.Linear`'s parameters: weight `[out, in]`, bias `[out]`, both uniform in ±1/sqrt(in). */
export function linearParameters(name: string, inputs: number, outputs: number): ParameterDeclaration[] {
  const initialise = uniformFanIn(inputs);
  return [
    { name: `${name}.weight`, shape: [outputs, inputs], trainable: true, initialise },
    { name: `${name}.bias`, shape: [outputs], trainable: true, initialise },
  ];
}

/** `x · weightᵀ + bias`, from `[rows, in]` to `[rows, out]`. */
export function linear(parameters: NamedTensors, name: string, x: tf.Tensor): tf.Tensor {
  return linearProduct(x, tensorNamed(parameters, `${name}.weight`), tensorNamed(parameters, `${name}.bias`));
}

/** Several linear layers of the same input in one product, their outputs side by side. */
export function linearsSideBySide(parameters: NamedTensors, names: readonly string[], x: tf.Tensor): tf.Tensor {
  const all = (kind: 'weight' | 'bias'): tf.Tensor => tf.concat(names.map((name) => tensorNamed(parameters, `${name}.${kind}`)));
  return linearProduct(x, all('weight'), all('bias'));
}
