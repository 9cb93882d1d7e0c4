import { type Batch, packRows } from '../data/batch';
import { noDropout } from '../engine/dropout';
import { tensorNamed, type NamedArrays, type NamedTensors } from '../engine/named-tensors';
import type { ProgramDefinition } from '../engine/program';
import type { ForwardContext, Model, ModelInputs } from '../models/model';

/**
 * A model's forward pass alone: from `features` and `mask` to `gloss_logits` and `category_logits`.
 * @param observe sees tensors from inside, in an eager program only.
 */
export function inferenceDefinition(model: Model, observe?: ForwardContext['observe']): ProgramDefinition {
  return {
    parameters: model.parameters,
    evaluate: (parameters, inputs) => {
      const { glossLogits, categoryLogits } = model.forward(parameters, modelInputs(inputs), {
        dropout: noDropout,
        ...(observe === undefined ? {} : { observe }),
      });
      return { gloss_logits: glossLogits, category_logits: categoryLogits };
    },
  };
}

/** A batch as the inputs of {@link inferenceDefinition}. */
export function featureInputs({ size, frames, width, features, mask }: Batch): NamedArrays {
  return { features: { shape: [size, frames, width], values: features }, mask: { shape: [size, frames], values: mask } };
}

/** Which frames of a batch are no padding, as further inputs; none where there is little padding. A captured program has a graph for each number of rows. */
export function packedInputs({ mask }: Batch): NamedArrays {
  const packed = packRows(mask);
  if (packed === undefined) return {};
  const { positions, rows } = packed;
  return {
    packed_positions: { shape: [positions.length], values: positions },
    packed_rows: { shape: [rows.length], values: rows },
  };
}

/** The part of a program's inputs that the model sees. */
export function modelInputs(inputs: NamedTensors): ModelInputs {
  const { packed_positions: positions, packed_rows: rows } = inputs;
  return {
    features: tensorNamed(inputs, 'features'),
    mask: tensorNamed(inputs, 'mask'),
    packed: positions && rows && { positions, rows },
  };
}
