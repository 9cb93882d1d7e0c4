import { notFiniteText, stateDictProblems, weightTensors } from '../checkpoint/state-dict';
import { countNotFinite } from '../foundation/finite';
import { describePython, type PythonValue } from '../checkpoint/python-values';
import type { TorchTensor } from '../checkpoint/tensor';
import { checkpointForm, readTorchFile, type CheckpointForm } from '../checkpoint/torch-file';
import { checkpointFields } from '../checkpoint/checkpoint-fields';
import type { CheckpointReading, PlainRecord } from '../checkpoint/training-checkpoint';
import type { ModelName } from '../config/settings';
import { UserError } from '../foundation/errors';
import type { ModelConfig } from '../models/model';
import { recogniseModel } from '../models/model-table';
import { fitNames } from '../evaluation/fit-names';
import { parameterShapes, saidOfModel } from '../evaluation/recognise';
import { describeModules, type ModuleSummary } from './describe-modules';
import { describeOptimizer, type OptimizerSummary } from './describe-optimizer';

/** A tensor of a checkpoint. */
export interface TensorSummary {
  readonly name: string;
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly bytes: number;
}

/** The model of Kumpas that a checkpoint's tensors are of. */
export interface ModelFit {
  readonly name: ModelName;
  readonly config: ModelConfig;
  /** What the file does not tell and was taken as usual, as `num_heads 8`. */
  readonly assumptions: readonly string[];
  /** What a clip must be: numbers a frame, and the most frames that are seen. */
  readonly clip: { readonly width: number; readonly maxFrames: number };
  /** Why it cannot be used as it is; empty where it can. */
  readonly problems: readonly string[];
}

/** What a checkpoint is. */
export interface Inspection {
  readonly file: string;
  readonly form: CheckpointForm;
  readonly bytes: number;
  /** The keys of what was saved, with what is under each; empty for a state_dict itself. */
  readonly contents: readonly (readonly [key: string, what: string])[];
  /** The key that holds the weights; undefined where the file is a state_dict itself. */
  readonly weightsKey: string | undefined;
  /** What wrappers and other modules put before every name, as `module.`; empty where they put nothing. */
  readonly prefix: string;
  /** By their names without the prefix. */
  readonly tensors: readonly TensorSummary[];
  readonly values: number;
  /** The tensors that hold NaN or infinite values, as `embedding.weight (1 of 2496 values)`. */
  readonly notFinite: readonly string[];
  readonly modules: readonly ModuleSummary[];
  /** Undefined where the tensors are of none of the models. */
  readonly model: ModelFit | undefined;
  /** Why a model could not be rebuilt of them, as a number of heads that does not divide the width; undefined where one could, or none was there. */
  readonly refusal: string | undefined;
  readonly epoch: number | undefined;
  readonly bestMetric: number | undefined;
  readonly optimizer: OptimizerSummary | undefined;
  readonly scheduler: PlainRecord | undefined;
  readonly config: PlainRecord | undefined;
  readonly args: PlainRecord | undefined;
  /** What was not understood, left aside or chosen, and what would be computed; a line each. */
  readonly notes: readonly string[];
}

/**
 * Says what a checkpoint is. Of its tensors only the weights are read, one at a time, to tell whether they are finite.
 * @param given what the file may not say of its model, under the names of a checkpoint's config.
 * @param reading which of its weights are looked at.
 * @throws UserError that names the file, where it cannot be read or holds no weights.
 */
export function inspectCheckpoint(file: string, given: PlainRecord = {}, reading: CheckpointReading = {}): Inspection {
  return readTorchFile(file, (value, source) => {
    const { tensors: all, key, prefix: wrappers, notes } = weightTensors(value, reading.key);
    const { epoch, bestMetric, config, args, scheduler, notes: ofFields } = checkpointFields(value);
    const { prefix, notes: ofFit, ...fit } = fitOf({ ...given, ...saidOfModel({ config, args }) }, shapesOf(all));
    const tensors = new Map([...all].flatMap(([name, tensor]) => (name.startsWith(prefix) ? [[name.slice(prefix.length), tensor]] : [])));
    return {
      file,
      form: checkpointForm(source),
      bytes: source.size,
      contents: key === undefined ? [] : contentsOf(value),
      weightsKey: key,
      prefix: wrappers + prefix,
      tensors: [...tensors].map(([name, tensor]) => tensorSummary(name, tensor)),
      values: [...tensors.values()].reduce((sum, { length }) => sum + length, 0),
      notFinite: notFiniteAmong(tensors, source.size),
      modules: describeModules(shapesOf(tensors)),
      ...fit,
      epoch,
      bestMetric,
      optimizer: key === undefined ? undefined : describeOptimizer(value, reading.optimizer),
      scheduler: key === undefined ? undefined : scheduler,
      config,
      args,
      notes: [...notes, ...ofFields, ...ofFit],
    };
  });
}

/**
 * The tensors that are not finite. One that comes under several names is read once.
 * @param most bytes that are read of one: a view that repeats a value can be of any size, and is not looked into.
 */
function notFiniteAmong(tensors: ReadonlyMap<string, TorchTensor>, most: number): string[] {
  const counts = new Map<TorchTensor, number>();
  return [...tensors].flatMap(([name, tensor]) => {
    const count = counts.get(tensor) ?? notFiniteIn(tensor, most);
    counts.set(tensor, count);
    return count === 0 ? [] : [notFiniteText(name, count, tensor.length)];
  });
}

function notFiniteIn(tensor: TorchTensor, most: number): number {
  return !tensor.dtype.includes('float') || tensor.byteLength > most ? 0 : countNotFinite(tensor.toFloat32());
}

function tensorSummary(name: string, { dtype, shape, byteLength: bytes }: TorchTensor): TensorSummary {
  return { name, dtype, shape, bytes };
}

function contentsOf(value: PythonValue): [string, string][] {
  if (!(value instanceof Map)) return [];
  return [...value].map(([key, item]) => [typeof key === 'string' ? key : describePython(key), describePython(item)]);
}

function shapesOf(tensors: ReadonlyMap<string, TorchTensor>): Map<string, readonly number[]> {
  return new Map([...tensors].map(([name, { shape }]) => [name, shape]));
}

type Fit = Pick<Inspection, 'model' | 'refusal' | 'prefix' | 'notes'>;

function fitOf(config: PlainRecord, shapes: ReadonlyMap<string, readonly number[]>): Fit {
  try {
    const fit = fitNames(shapes, (inner) => recogniseModel({ config, shapes: inner }));
    if (fit === undefined) return { model: undefined, refusal: undefined, prefix: commonModule(shapes.keys()), notes: [] };
    const { recognised, prefix, notes } = fit;
    const { name, model, assumptions } = recognised;
    const problems = stateDictProblems(fit.shapes, parameterShapes(recognised));
    const clip = { width: model.width, maxFrames: model.maxFrames };
    return { model: { name, config: model.config, assumptions, clip, problems }, refusal: undefined, prefix, notes };
  } catch (error) {
    if (error instanceof UserError) return { model: undefined, refusal: error.message, prefix: '', notes: [] };
    throw error;
  }
}

/** The module that a model of somebody else lies in, as `model.`; empty where its tensors are in several. */
function commonModule(names: Iterable<string>): string {
  const [first = '', ...others] = names;
  const module = first.slice(0, first.indexOf('.') + 1);
  return others.length > 0 && others.every((name) => name.startsWith(module)) ? module : '';
}
