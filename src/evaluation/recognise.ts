import { refuseNotFinite, stateDictProblems, type NamedTensorData, type StateDict } from '../checkpoint/state-dict';
import { printable } from '../checkpoint/malformed-checkpoint';
import type { CheckpointWeights, PlainRecord } from '../checkpoint/training-checkpoint';
import type { ModelName } from '../config/settings';
import { sizeOfShape } from '../engine/named-tensors';
import { UserError } from '../foundation/errors';
import { RandomStream } from '../foundation/random';
import type { RecognisedModel } from '../models/model-entry';
import { recogniseModel } from '../models/model-table';
import { fitNames, type FittedNames } from './fit-names';

/** A model of the table, rebuilt from a file's weights. */
export type NamedModel = RecognisedModel & { readonly name: ModelName };

/** A model, and a file's weights under its names. */
export type FittedModel = NamedModel & {
  /** Every parameter and buffer of the model, in its shape. */
  readonly weights: StateDict;
  /** What was left aside of the file's tensors, or computed; a line each. */
  readonly notes: readonly string[];
};

/** The shape of every tensor of a state_dict. */
export function shapesOf(weights: StateDict): Map<string, readonly number[]> {
  return new Map([...weights].map(([name, { shape }]) => [name, shape]));
}

/**
 * The model that a file's weights are of; every one of its parameters is there, in its shape, and all values are finite. What names begin with (`model.`,
 * `backbone.`) goes where the rest then fits, and a buffer that can be computed may be missing.
 * @param config what the file, or whoever asks, says of the model under the names of a checkpoint's config.
 * @param place how messages name the file.
 * @throws UserError where they are of none of the models, do not fit the one that they are of, or are not finite.
 */
export function recogniseWeights(weights: StateDict, config: PlainRecord, place: string): FittedModel {
  const shapes = shapesOf(weights);
  const fit = fitAt(place, config, shapes);
  if (fit === undefined) {
    const some = [...shapes.keys()].slice(0, 5).join(', ');
    throw new UserError(`${place}: its tensors (${some}, …) are those of none of the models that Kumpas knows`);
  }
  const { recognised, names, computed, notes } = fit;
  const problems = stateDictProblems(fit.shapes, parameterShapes(recognised));
  if (problems.length > 0) throw new UserError(`${place}: its weights do not fit the model: ${printable(problems.join('; '))}.`);
  const found = new Map([...names].flatMap(([name, own]): [string, NamedTensorData][] => entryOf(weights, own, name)));
  refuseNotFinite(
    [...found].map(([name, { values }]) => [name, values]),
    place,
  );
  return { ...recognised, weights: computed.length === 0 ? found : withComputed(found, recognised, computed), notes };
}

/**
 * What a checkpoint says of its model, under the names of a config: its `config`, also where that keeps the model's part under a key of its own; and its `args`
 * for what the config leaves open.
 */
export function saidOfModel({ config = {}, args = {} }: Pick<CheckpointWeights, 'config' | 'args'>): PlainRecord {
  const inner = MODEL_PARTS.flatMap((key) => [args[key], config[key]]).filter(isRecord);
  const parts = [args, ...inner, config].map((part) =>
    Object.entries(part).flatMap(([key, value]): [string, PlainRecord[string]][] => {
      const name = SAID_OF_MODEL.get(key);
      return name === undefined || value === null ? [] : [[name, COUNTED.has(name) ? countOf(value) : value]];
    }),
  );
  return { ...config, ...Object.fromEntries(parts.flat()) };
}

/** The shape of every parameter and buffer that a model has. */
export function parameterShapes({ model }: NamedModel): Map<string, readonly number[]> {
  return new Map(model.parameters.map(({ name, shape }) => [name, shape]));
}

const MODEL_PARTS = ['model', 'architecture', 'arch', 'network', 'net', 'model_config', 'model_args', 'transformer'];
/** One name a thing, that of a PyTorch checkpoint's config. */
const SAID_OF_MODEL: ReadonlyMap<string, string> = new Map([
  ...['n_heads', 'pooling_method', 'transform_input', 'freeze_backbone', 'max_len', 'dropout'].map((key): [string, string] => [key, key]),
  ['num_heads', 'n_heads'],
  ['pooling', 'pooling_method'],
]);

/** What is a whole number of the model, which some scripts keep as a text. */
const COUNTED: ReadonlySet<string> = new Set(['n_heads', 'max_len']);

function countOf(value: PlainRecord[string]): PlainRecord[string] {
  return typeof value === 'string' && /^\s*\d{1,9}\s*$/.test(value) ? Number(value) : value;
}

function isRecord(value: unknown): value is PlainRecord {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function entryOf(weights: StateDict, own: string, name: string): [string, NamedTensorData][] {
  const data = weights.get(own);
  return data === undefined ? [] : [[name, data]];
}

/** In the order of the model's state_dict, so that what is written of them is PyTorch's. */
function withComputed(found: StateDict, { model }: NamedModel, computed: readonly string[]): StateDict {
  return new Map(
    model.parameters.flatMap(({ name, shape, initialise, storedAs }): [string, NamedTensorData][] => {
      if (!computed.includes(name)) return entryOf(found, name, name);
      const values = initialise(new RandomStream(0, 0), sizeOfShape(shape));
      return [[name, { shape, values, ...(storedAs === undefined ? {} : { storedAs }) }]];
    }),
  );
}

/** {@link fitNames} to the models of the table, with the file's name before what it says is wrong. */
function fitAt(place: string, config: PlainRecord, shapes: ReadonlyMap<string, readonly number[]>): FittedNames | undefined {
  try {
    return fitNames(shapes, (inner) => recogniseModel({ config, shapes: inner }));
  } catch (error) {
    if (error instanceof UserError) throw new UserError(`${place}: ${error.message}`, { cause: error });
    throw error;
  }
}
