import type { Batch } from '../data/batch';
import { noDropout } from '../engine/dropout';
import { tensorNamed, type NamedArrays, type NamedTensors } from '../engine/named-tensors';
import type { ProgramDefinition } from '../engine/program';
import type { Model, ModelInputs } from '../models/model';

/** A model's forward pass alone: from `features` and `mask` to `gloss_logits` and `category_logits`. */
export function inferenceDefinition(model: Model): ProgramDefinition {
  return {
    parameters: model.parameters,
    evaluate: (parameters, inputs) => {
      const { glossLogits, categoryLogits } = model.forward(parameters, modelInputs(inputs), { dropout: noDropout });
      return { gloss_logits: glossLogits, category_logits: categoryLogits };
    },
  };
}

/** A batch as the inputs of {@link inferenceDefinition}. */
export function featureInputs({ size, frames, width, features, mask }: Batch): NamedArrays {
  return { features: { shape: [size, frames, width], values: features }, mask: { shape: [size, frames], values: mask } };
}

/** The part of a program's inputs that the model sees. */
export function modelInputs(inputs: NamedTensors): ModelInputs {
  return { features: tensorNamed(inputs, 'features'), mask: tensorNamed(inputs, 'mask') };
}
