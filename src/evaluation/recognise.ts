import { printable } from '../checkpoint/bytes';
import { isAveraged } from '../checkpoint/find-weights';
import { refuseNotFinite, stateDictProblems, type NamedTensorData, type StateDict, withoutWrapper } from '../checkpoint/state-dict';
import type { CheckpointReading, CheckpointWeights, PlainRecord } from '../checkpoint/training-checkpoint';
import { sizeOfShape } from '../engine/parameters';
import { UserError } from '../foundation/errors';
import { RandomStream } from '../foundation/random';
import { listed } from '../foundation/text';
import type { RecognisedModel } from '../models/model';
import { ownModels, type ModelDefinitions } from '../models/model-table';

/** How a model is read of a file: which of its weights are meant, and of which models they may be; those of Kumpas where none are named. */
export interface ModelReading extends CheckpointReading, WithModels {}

/** The models that a verb of the library knows: those of Kumpas where none are named. */
export interface WithModels {
  readonly models?: ModelDefinitions | undefined;
}

/** A model, and a file's weights under its names. */
export type FittedModel = RecognisedModel & {
  /** Every parameter and buffer of the model, in its shape. */
  readonly weights: StateDict;
  /** What was left aside of the file's tensors, or computed; a line each. */
  readonly notes: readonly string[];
};

/** The shape of every tensor of a state_dict. */
function shapesOf(weights: StateDict): Map<string, readonly number[]> {
  return new Map([...weights].map(([name, { shape }]) => [name, shape]));
}

/**
 * The model that a file's weights are of; every one of its parameters is there, in its shape, and all values are finite. What names begin with (`model.`,
 * `backbone.`) goes where the rest then fits, and a buffer that can be computed may be missing.
 * @param config what the file, or the caller, says of the model under the names of a checkpoint's config.
 * @param place how messages name the file.
 * @param models those that they may be of.
 * @throws UserError where they are of none of the models, do not fit the one that they are of, or are not finite.
 */
export function recogniseWeights(
  weights: StateDict,
  config: PlainRecord,
  place: string,
  models: ModelDefinitions | undefined = ownModels,
): FittedModel {
  const shapes = shapesOf(weights);
  const fit = fitAt(place, config, shapes, models);
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
export function parameterShapes({ model }: RecognisedModel): Map<string, readonly number[]> {
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
function withComputed(found: StateDict, { model }: RecognisedModel, computed: readonly string[]): StateDict {
  return new Map(
    model.parameters.flatMap(({ name, shape, initialise, storedAs }): [string, NamedTensorData][] => {
      if (!computed.includes(name)) return entryOf(found, name, name);
      const values = initialise(new RandomStream(0, 0), sizeOfShape(shape));
      return [[name, { shape, values, ...(storedAs === undefined ? {} : { storedAs }) }]];
    }),
  );
}

/** {@link fitNames} to the models of the table, with the file's name before what it says is wrong. */
function fitAt(
  place: string,
  config: PlainRecord,
  shapes: ReadonlyMap<string, readonly number[]>,
  models: ModelDefinitions,
): FittedNames | undefined {
  try {
    return fitNames(shapes, (inner) => models.recognise({ config, shapes: inner }));
  } catch (error) {
    if (error instanceof UserError) throw new UserError(`${place}: ${error.message}`, { cause: error });
    throw error;
  }
}

type Shapes = ReadonlyMap<string, readonly number[]>;

/** How a file's names become those of a model. */
interface FittedNames {
  readonly recognised: RecognisedModel;
  /** What stood before every name that was taken. */
  readonly prefix: string;
  /** The file's own names by those of the model; more or fewer than the model's where they do not fit. */
  readonly names: ReadonlyMap<string, string>;
  /** By the model's names, with those that are computed. */
  readonly shapes: Shapes;
  /** Buffers that are not there and whose values are known. */
  readonly computed: readonly string[];
  /** What was left aside or is computed; a line each. */
  readonly notes: readonly string[];
}

/**
 * Finds the model that names and shapes are of. The names as they are come first; then those behind a common beginning (`model.`, `net.`, `encoder.backbone.`),
 * where the rest fits a model whole, averaged ones (`ema.`) last; then without what wrappers put before some of them. Tensors without that beginning, as a
 * loss's, are left aside.
 * @param recognise the model that some names and shapes are of.
 * @returns undefined where they are of none.
 */
export function fitNames(shapes: Shapes, recognise: (shapes: Shapes) => RecognisedModel | undefined): FittedNames | undefined {
  const plain = fitBehind('', [...shapes.keys()], shapes, recognise);
  if (plain !== undefined && problemsOf(plain) === 0) return plain;
  const behind =
    plain === undefined ? namesByPrefix(shapes.keys()).flatMap(([prefix, names]) => fitBehind(prefix, names, shapes, recognise) ?? []) : [];
  const whole = behind.filter((fit) => problemsOf(fit) === 0);
  const [first, ...others] = [...whole].sort((one, other) => Number(isAveraged(beginning(one))) - Number(isAveraged(beginning(other))));
  if (first !== undefined) return withOthers(first, others);
  return fitUnwrapped(shapes, recognise) ?? plain ?? behind[0];
}

/** What is before the last dot of a prefix. */
function beginning({ prefix }: FittedNames): string {
  return prefix.replace(/\.$/, '');
}

/** Of several whole models in one state_dict, a note says which were not taken. */
function withOthers(fit: FittedNames, others: readonly FittedNames[]): FittedNames {
  const averaged = others.find((other) => isAveraged(beginning(other))) ?? others[0];
  if (averaged === undefined) return fit;
  const list = others.slice(0, MOST_LISTED).map(({ prefix }) => prefix);
  const told = `it holds ${isAveraged(beginning(averaged)) ? 'averaged' : 'further'} weights too, behind ${list.join(', ')}: those behind ${fit.prefix} were taken; --key ${beginning(averaged)} takes the others`;
  return { ...fit, notes: [told, ...fit.notes] };
}

/** Where a wrapper's `module.` stands before some of the names alone, as where weights of two files were put together. */
function fitUnwrapped(shapes: Shapes, recognise: (shapes: Shapes) => RecognisedModel | undefined): FittedNames | undefined {
  const names = new Map([...shapes.keys()].map((name) => [withoutWrapper(name), name]));
  const renamed = [...names].filter(([name, own]) => name !== own);
  if (renamed.length === 0 || names.size < shapes.size) return undefined;
  const fit = fitBehind('', [...names.keys()], new Map([...shapes].map(([name, shape]) => [withoutWrapper(name), shape])), recognise);
  if (fit === undefined || problemsOf(fit) > 0) return undefined;
  return {
    ...fit,
    names,
    notes: [
      `some of its names have a wrapper's beginning, which was taken off: ${listed(
        renamed.map(([, own]) => own),
        MOST_LISTED,
      )}`,
      ...fit.notes,
    ],
  };
}

const MOST_PREFIXES = 64;
const DEEPEST_PREFIX = 4;
const MOST_LISTED = 5;

/** The names by what they begin with, up to a dot; shorter beginnings first. */
function namesByPrefix(names: Iterable<string>): [prefix: string, names: readonly string[]][] {
  const byPrefix = new Map<string, string[]>();
  for (const name of names) {
    let end = name.indexOf('.');
    for (let depth = 0; depth < DEEPEST_PREFIX && end !== -1; depth++) {
      const prefix = name.slice(0, end + 1);
      const group = byPrefix.get(prefix);
      if (group !== undefined) group.push(name);
      else if (byPrefix.size < MOST_PREFIXES) byPrefix.set(prefix, [name]);
      end = name.indexOf('.', end + 1);
    }
  }
  return [...byPrefix].sort(([one], [other]) => one.length - other.length);
}

/** @param taken the names that begin with the prefix. */
function fitBehind(
  prefix: string,
  taken: readonly string[],
  all: Shapes,
  recognise: (shapes: Shapes) => RecognisedModel | undefined,
): FittedNames | undefined {
  const found = new Map(
    taken.flatMap((name) => {
      const shape = all.get(name);
      return shape === undefined ? [] : [[name.slice(prefix.length), shape] as const];
    }),
  );
  const recognised = recognise(found);
  if (recognised === undefined) return undefined;
  const missing = recognised.model.parameters.filter(({ name, computed }) => computed === true && !found.has(name));
  const computed = missing.map(({ name }) => name);
  const aside = [...all.keys()].filter((name) => !name.startsWith(prefix));
  return {
    recognised,
    prefix,
    names: new Map(taken.map((name) => [name.slice(prefix.length), name])),
    shapes: new Map([...found, ...missing.map(({ name, shape }) => [name, shape] as const)]),
    computed,
    notes: [
      ...(aside.length === 0 ? [] : [`left aside, for they do not begin with ${prefix}: ${listed(aside, MOST_LISTED)}`]),
      ...(computed.length === 0
        ? []
        : [`it lacks ${listed(computed, MOST_LISTED)}: ${computed.length === 1 ? 'it was' : 'they were'} computed`]),
    ],
  };
}

function problemsOf({ recognised, shapes }: FittedNames): number {
  return stateDictProblems(shapes, new Map(recognised.model.parameters.map(({ name, shape }) => [name, shape]))).length;
}
