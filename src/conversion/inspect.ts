import { isOfKumpas } from '../checkpoint/training-checkpoint';
import { findOptimizer, optimizerKind } from '../checkpoint/optimizer-kind';
import { describePython, numberFrom, type PythonValue } from '../checkpoint/python-values';
import { notFiniteText, stateDictProblems, weightTensors } from '../checkpoint/state-dict';
import { TorchTensor } from '../checkpoint/tensor';
import { type CheckpointForm, checkpointForm, readTorchFile } from '../checkpoint/torch-file';
import { checkpointFields } from '../checkpoint/checkpoint-fields';
import type { PlainRecord } from '../checkpoint/training-checkpoint';
import type { TransformDescription } from '../config/data-settings';
import { optimizerForms } from '../engine/optimizers/table';
import { fitNames, type ModelReading, parameterShapes, saidOfModel } from '../evaluation/recognise';
import { savedInputs } from '../evaluation/saved-inputs';
import { UserError } from '../foundation/errors';
import { countNotFinite } from '../foundation/required';
import type { ModelConfig } from '../models/model';
import { type ModelDefinitions, ownModels } from '../models/model-table';
import { describeModules, type ModuleSummary } from './describe-modules';

/** A tensor of a checkpoint. */
export interface TensorSummary {
  readonly name: string;
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly bytes: number;
}

/** The model of Kumpas that a checkpoint's tensors are of. */
export interface ModelFit {
  readonly name: string;
  readonly config: ModelConfig;
  /** What the file does not tell and was taken as usual, as `num_heads 8`. */
  readonly assumptions: readonly string[];
  /** What a clip must be: numbers a frame, and the most frames that are seen; and what it goes through before the model sees it. */
  readonly clip: { readonly width: number; readonly maxFrames: number; readonly transforms: readonly TransformDescription[] };
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
export function inspectCheckpoint(file: string, given: PlainRecord = {}, reading: ModelReading = {}): Inspection {
  return readTorchFile(file, (value, source) => {
    const { tensors: all, key, prefix: wrappers, notes } = weightTensors(value, reading.key);
    const { epoch, bestMetric, config, args, scheduler, notes: ofFields } = checkpointFields(value);
    const {
      prefix,
      notes: ofFit,
      ...fit
    } = fitOf({ ...given, ...saidOfModel({ config, args }) }, shapesOf(all), reading.models ?? ownModels);
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

function fitOf(config: PlainRecord, shapes: ReadonlyMap<string, readonly number[]>, models: ModelDefinitions): Fit {
  try {
    const fit = fitNames(shapes, (inner) => models.recognise({ config, shapes: inner }));
    if (fit === undefined) return { model: undefined, refusal: undefined, prefix: commonModule(shapes.keys()), notes: [] };
    const { recognised, prefix, notes } = fit;
    const { model, assumptions } = recognised;
    const problems = stateDictProblems(fit.shapes, parameterShapes(recognised));
    const { clipWidth, transforms } = savedInputs(config, model, 'the file');
    const clip = { width: clipWidth, maxFrames: model.maxFrames, transforms };
    return { model: { name: model.definition.name, config: model.config, assumptions, clip, problems }, refusal: undefined, prefix, notes };
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

/** What a checkpoint says of its optimiser. */
export interface OptimizerSummary {
  /** As its keys tell. */
  readonly kind: string;
  /** Why no training goes on from it here; undefined where one does. */
  readonly otherwise: string | undefined;
  /** Where it is, as `optimizer_states.0`. */
  readonly key: string;
  /** Parameters that have a state. */
  readonly states: number;
  readonly parameters: number;
  /** Groups of them, each with a learning rate and a weight decay of its own. */
  readonly groups: number;
  readonly step: number | undefined;
  readonly learningRate: number | undefined;
  readonly weightDecay: number | undefined;
  readonly momentum: number | undefined;
}

/** The optimiser of a checkpoint; undefined where it has none. */
export function describeOptimizer(value: PythonValue, said?: 'adam' | 'adamw'): OptimizerSummary | undefined {
  const found = findOptimizer(value);
  if (found === undefined) return undefined;
  const kind = optimizerKind(found.value, optimizerForms, said);
  const state = itemOf(found.value, 'state');
  const groupList = itemOf(found.value, 'param_groups');
  const groups = Array.isArray(groupList) ? groupList : [];
  const [first] = state instanceof Map ? state.values() : [];
  const [group] = groups;
  return {
    kind: kind?.name ?? 'not known',
    otherwise:
      kind === undefined
        ? `"${found.key}" is ${describePython(found.value)}, no state of an optimizer`
        : (kind.otherwise ??
          severalOf(found.others.length + 1, 'optimizers') ??
          (isOfKumpas(value) ? undefined : severalOf(groups.length, 'groups of parameters'))),
    key: found.key,
    states: state instanceof Map ? state.size : 0,
    parameters: groups.reduce<number>((count, item) => count + lengthOf(itemOf(item, 'params')), 0),
    groups: groups.length,
    step: numberOf(itemOf(first, 'step')),
    learningRate: numberOf(itemOf(group, 'lr')),
    weightDecay: numberOf(itemOf(group, 'weight_decay')),
    momentum: numberOf(itemOf(group, 'momentum')),
  };
}

function severalOf(count: number, what: string): string | undefined {
  return count > 1 ? `it has ${count} ${what}, and Kumpas goes on with one` : undefined;
}

function itemOf(value: PythonValue | undefined, key: string): PythonValue | undefined {
  return value instanceof Map ? (value.get(key) ?? undefined) : undefined;
}

function lengthOf(value: PythonValue | undefined): number {
  return Array.isArray(value) ? value.length : 0;
}

function numberOf(value: PythonValue | undefined): number | undefined {
  return value instanceof TorchTensor && value.length === 1 ? value.toFloat32()[0] : numberFrom(value);
}
