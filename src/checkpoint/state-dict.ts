import { UserError } from '../foundation/errors';
import { countNotFinite } from '../foundation/required';
import { counted, listed } from '../foundation/text';
import { MalformedCheckpoint, printable } from './bytes';
import { AS_TENSORS, findWeights, isExtra } from './find-weights';
import { describePython, NumpyArray, PythonOrderedDict, type PythonValue } from './python-values';
import {
  type Dtype,
  finiteHalves,
  type HalfDtype,
  tensorOf,
  type TensorValues,
  toFloat32Values,
  type TorchStorage,
  TorchTensor,
} from './tensor';

/** One tensor of a model: its values as float32, row-major. */
export interface NamedTensorData {
  readonly shape: readonly number[];
  readonly values: Float32Array;
  /** How a file holds it: as floats unless said otherwise (batch counters are int64). */
  readonly storedAs?: WholeDtype;
  /** The whole numbers as a file held them: written again as they are, whatever float32 makes of them. */
  readonly exact?: TensorValues;
}

/** The types of whole numbers. */
type WholeDtype = 'int64' | 'int32' | 'int16' | 'int8' | 'uint8' | 'bool';

/** The types that a model's floats can be written in. */
export type WeightDtype = 'float32' | HalfDtype;

/** A model's parameters and buffers by name, in the order of PyTorch's state_dict. */
export type StateDict = ReadonlyMap<string, NamedTensorData>;

/** Reads tensors as float32. One that comes under several names is read once, and its values shared. */
export function readTensors(tensors: WeightTensors['tensors']): StateDict {
  const read = new Map<TorchTensor, NamedTensorData>();
  refuseRepetition(tensors);
  return new Map(
    [...tensors].map(([name, tensor]) => {
      const data = read.get(tensor) ?? tensorData(tensor);
      read.set(tensor, data);
      return [name, data];
    }),
  );
}

/** A model has every weight under every name: a few bytes of a file may not stand for gigabytes of it. */
function refuseRepetition(tensors: ReadonlyMap<string, TorchTensor>): void {
  let values = 0;
  const storages = new Map<TorchStorage, number>();
  for (const { length, storage } of tensors.values()) {
    values += length;
    storages.set(storage, storage.byteLength);
  }
  const stored = [...storages.values()].reduce((sum, bytes) => sum + bytes, 0);
  if (4 * values > 16 * stored + 2 ** 26)
    throw new MalformedCheckpoint(`its weights are ${values} values, made of ${stored} bytes again and again: it is forged.`);
}

/** The tensors of a model in what a file holds, unread. */
interface WeightTensors {
  /** By name, without the prefix. */
  readonly tensors: ReadonlyMap<string, TorchTensor>;
  /** The way to the key that holds them; undefined where the value is the state_dict itself. */
  readonly key: string | undefined;
  /** What wrappers put before every name. */
  readonly prefix: string;
  /** What other weights are there, and how to choose; a line each. */
  readonly notes: readonly string[];
}

/**
 * Finds the weights in what a PyTorch file holds, and reads none of them: see {@link findWeights}. What wrappers of models (`module.`, `_orig_mod.`,
 * `_fsdp_wrapped_module.`) put into the names goes.
 * @param wanted the key of those to take; undefined for the raw ones.
 * @throws MalformedCheckpoint where there are none.
 */
export function weightTensors(value: PythonValue, wanted?: string): WeightTensors {
  const { weights, key, notes } = findWeights(value, wanted);
  const named = withoutCounter(tensorsByName(weights, key));
  const prefix = wrapperPrefix([...named.keys()]);
  return { tensors: withoutWrappers(named, prefix), key, prefix, notes };
}

/**
 * A state_dict as PyTorch's: an OrderedDict of tensors.
 * @param dtype the type of its floats; whole numbers keep theirs.
 * @throws MalformedCheckpoint where the type is too narrow for a value, which would become infinite.
 */
export function stateDictToPython(model: StateDict, dtype: WeightDtype = 'float32'): PythonOrderedDict {
  const dict = new PythonOrderedDict();
  for (const [name, tensor] of stateDictTensors(model, dtype)) dict.set(name, tensor);
  return dict;
}

/** The tensors of a state_dict by name, as {@link stateDictToPython} writes them. */
export function stateDictTensors(model: StateDict, dtype: WeightDtype = 'float32'): Map<string, TorchTensor> {
  return new Map([...model].map(([name, data]) => [name, tensorFrom(name, data, dtype)]));
}

function tensorFrom(name: string, { shape, values, storedAs, exact }: NamedTensorData, dtype: WeightDtype): TorchTensor {
  if (storedAs !== undefined) return tensorOf(storedAs, shape, exact ?? wholeNumbers(storedAs, values));
  return dtype === 'float32' ? tensorOf(dtype, shape, values) : tensorOf(dtype, shape, finiteHalves(name, dtype, values));
}

function wholeNumbers(dtype: WholeDtype, values: Float32Array): TensorValues {
  switch (dtype) {
    case 'int64':
      return BigInt64Array.from(values, (value) => BigInt(Math.round(value)));
    case 'int32':
      return Int32Array.from(values, Math.round);
    case 'int16':
      return Int16Array.from(values, Math.round);
    case 'int8':
      return Int8Array.from(values, Math.round);
    case 'uint8':
    case 'bool':
      return Uint8Array.from(values, Math.round);
  }
}

/**
 * Checks that a state_dict is the one a model expects; all that is wrong is told at once.
 * @param expected every parameter's and buffer's shape by name.
 * @throws UserError naming the file, the missing and unexpected names, and wrong shapes with what was expected.
 */
export function checkStateDict(model: StateDict, expected: ReadonlyMap<string, readonly number[]>, file: string): void {
  const problems = stateDictProblems(new Map([...model].map(([name, { shape }]) => [name, shape])), expected);
  if (problems.length > 0) throw new UserError(`${file}: its weights do not fit the model: ${printable(problems.join('; '))}.`);
}

/** What {@link checkStateDict} finds wrong between the shapes of a state_dict and those that a model expects; the names in the list are bounded in number. */
export function stateDictProblems(
  shapes: ReadonlyMap<string, readonly number[]>,
  expected: ReadonlyMap<string, readonly number[]>,
): string[] {
  const missing = [...expected.keys()].filter((name) => !shapes.has(name));
  const unexpected = [...shapes.keys()].filter((name) => !expected.has(name));
  const misshapen = [...expected].flatMap(([name, shape]) => {
    const found = shapes.get(name);
    return found && !equalShapes(found, shape) ? [`${name} has shape [${found.join(', ')}], expected [${shape.join(', ')}]`] : [];
  });
  return [
    ...(missing.length > 0 ? [`missing: ${listed(missing, MOST_LISTED)}`] : []),
    ...(unexpected.length > 0 ? [`unexpected: ${listed(unexpected, MOST_LISTED)}`] : []),
    ...misshapen.slice(0, MOST_LISTED),
    ...(misshapen.length > MOST_LISTED ? [`and ${misshapen.length - MOST_LISTED} more of wrong shape`] : []),
  ];
}

/** A name without what wrappers put before it. */
export function withoutWrapper(name: string): string {
  const wrapper = WRAPPER_PREFIXES.find((prefix) => name.startsWith(prefix));
  return wrapper === undefined ? name : withoutWrapper(name.slice(wrapper.length));
}

/** Those of torch.nn.DataParallel, torch.compile, FSDP, its activation checkpoints and Lightning's Fabric. */
const WRAPPER_PREFIXES = ['module.', '_orig_mod.', '_fsdp_wrapped_module.', '_checkpoint_wrapped_module.', '_forward_module.'];
/** Those that may stand within a name too, where a part of the model is wrapped; no module of anybody's own is called so. */
const INNER_WRAPPERS = /(?<=^|\.)(?:_orig_mod|_fsdp_wrapped_module|_checkpoint_wrapped_module)\./g;
/** How many models torch.optim.swa_utils.AveragedModel has averaged, which stands beside the names that begin with `module.`. */
const AVERAGED_COUNTER = 'n_averaged';

const MOST_WRAPPERS = 4;
const MOST_LISTED = 20;

function tensorsByName(weights: ReadonlyMap<PythonValue, PythonValue>, key: string | undefined): Map<string, TorchTensor> {
  const place = key === undefined ? 'the state_dict' : `"${key}"`;
  const tensors = new Map<string, TorchTensor>();
  for (const [name, value] of weights) {
    if (typeof name !== 'string')
      throw new MalformedCheckpoint(`${place} has a key that is ${describePython(name)}; expected the names of tensors.`);
    if (!isExtra(name)) tensors.set(name, requireTensor(value, name));
  }
  return tensors;
}

function withoutCounter(tensors: Map<string, TorchTensor>): Map<string, TorchTensor> {
  const others = [...tensors].filter(([name]) => name !== AVERAGED_COUNTER);
  return others.length > 0 && others.every(([name]) => name.startsWith('module.')) ? new Map(others) : tensors;
}

/** Under the names of the model itself; where two would be called the same, they keep what stands within them. */
function withoutWrappers(tensors: ReadonlyMap<string, TorchTensor>, prefix: string): Map<string, TorchTensor> {
  const outer = [...tensors].map(([name, tensor]): [string, TorchTensor] => [name.slice(prefix.length), tensor]);
  const inner = new Map(outer.map(([name, tensor]) => [name.replaceAll(INNER_WRAPPERS, ''), tensor]));
  return inner.size === tensors.size ? inner : new Map(outer);
}

/** What all names begin with, as far as wrappers put it there. */
function wrapperPrefix(names: readonly string[]): string {
  let prefix = '';
  for (let depth = 0; depth < MOST_WRAPPERS; depth++) {
    const inner = prefix;
    const next = WRAPPER_PREFIXES.find((candidate) => names.every((name) => name.startsWith(inner + candidate)));
    if (next === undefined) break;
    prefix += next;
  }
  return prefix;
}

function requireTensor(value: PythonValue, name: string): TorchTensor {
  if (value instanceof TorchTensor) return value;
  const advice = value instanceof NumpyArray ? ` ${AS_TENSORS}` : '';
  throw new MalformedCheckpoint(`the weight "${name}" is ${describePython(value)}; expected a tensor.${advice}`);
}

function tensorData(tensor: TorchTensor): NamedTensorData {
  const { dtype, shape } = tensor;
  if (!isWhole(dtype)) return { shape, values: tensor.toFloat32() };
  const exact = tensor.values();
  return { shape, values: toFloat32Values(dtype, exact), storedAs: dtype, exact };
}

function isWhole(dtype: Dtype): dtype is WholeDtype {
  return !dtype.includes('float');
}

function equalShapes(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((size, axis) => size === b[axis]);
}

const MOST_NAMED = 3;

/**
 * Refuses weights with a value that is NaN or infinite: a model of such weights gives no numbers.
 * @param weights values by the name of their tensor.
 * @param place how the message names the file.
 * @throws UserError of one line that names the tensors, and how many values of each are not finite.
 */
export function refuseNotFinite(weights: Iterable<readonly [string, Float32Array]>, place: string): void {
  const broken = [...weights].flatMap(([name, values]): string[] => {
    const count = countNotFinite(values);
    return count === 0 ? [] : [notFiniteText(name, count, values.length)];
  });
  if (broken.length === 0) return;
  const more = broken.length > MOST_NAMED ? `, and ${broken.length - MOST_NAMED} more tensors` : '';
  const named = printable(broken.slice(0, MOST_NAMED).join(', '));
  throw new UserError(
    `${place}: its weights are damaged: values that are not finite (NaN or infinite) in ${named}${more}; take a checkpoint from before`,
  );
}

/** `embedding.weight (1 of 2496 values)`. */
export function notFiniteText(name: string, count: number, values: number): string {
  return `${name} (${count} of ${counted(values, 'value')})`;
}
