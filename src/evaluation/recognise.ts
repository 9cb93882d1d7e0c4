import { refuseNotFinite } from '../checkpoint/finite-weights';
import { checkStateDict, type StateDict } from '../checkpoint/state-dict';
import type { PlainRecord } from '../checkpoint/training-checkpoint';
import type { ModelName } from '../config/settings';
import { UserError } from '../foundation/errors';
import type { RecognisedModel } from '../models/model-entry';
import { recogniseModel } from '../models/model-table';

/** A model of the table, rebuilt from a file's weights. */
export type NamedModel = RecognisedModel & { readonly name: ModelName };

/** The shape of every tensor of a state_dict. */
export function shapesOf(weights: StateDict): Map<string, readonly number[]> {
  return new Map([...weights].map(([name, { shape }]) => [name, shape]));
}

/**
 * The model that a file's weights are of; every one of its parameters is there, in its shape, and all values are finite.
 * @param config what the file, or whoever asks, says of the model under the names of a checkpoint's config.
 * @param place how messages name the file.
 * @throws UserError where they are of none of the models, do not fit the one that they are of, or are not finite.
 */
export function recogniseWeights(weights: StateDict, config: PlainRecord, place: string): NamedModel {
  const shapes = shapesOf(weights);
  const recognised = recogniseAt(place, config, shapes);
  if (recognised === undefined) {
    const some = [...shapes.keys()].slice(0, 5).join(', ');
    throw new UserError(`${place}: its tensors (${some}, …) are those of none of the models that Kumpas knows`);
  }
  checkStateDict(weights, parameterShapes(recognised), place);
  refuseNotFinite(
    [...weights].map(([name, { values }]) => [name, values]),
    place,
  );
  return recognised;
}

/** The shape of every parameter and buffer that a model has. */
export function parameterShapes({ model }: NamedModel): Map<string, readonly number[]> {
  return new Map(model.parameters.map(({ name, shape }) => [name, shape]));
}

/** {@link recogniseModel}, with the file's name before what it says is wrong. */
function recogniseAt(place: string, config: PlainRecord, shapes: ReadonlyMap<string, readonly number[]>): NamedModel | undefined {
  try {
    return recogniseModel({ config, shapes });
  } catch (error) {
    if (error instanceof UserError) throw new UserError(`${place}: ${error.message}`, { cause: error });
    throw error;
  }
}
