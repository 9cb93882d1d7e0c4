import { UserError } from '../foundation/errors';
import { describePython } from './describe-python';
import { MalformedCheckpoint, printable } from './malformed-checkpoint';
import { PythonOrderedDict, type PythonDict, type PythonValue } from './python-values';
import { tensorOf, TorchTensor } from './tensor';

/** One tensor of a model: its values as float32, row-major. */
export interface NamedTensorData {
  readonly shape: readonly number[];
  readonly values: Float32Array;
  /** How a file holds it: float32 unless said otherwise (batch counters are int64). */
  readonly storedAs?: 'int64';
}

/** A model's parameters and buffers by name, in the order of PyTorch's state_dict. */
export type StateDict = ReadonlyMap<string, NamedTensorData>;

/**
 * Finds the weights in what a PyTorch file holds (under `model`, `model_state_dict` or `state_dict`, or the state_dict itself) and reads them as float32. The
 * prefixes of wrapped models (`module.`, `_orig_mod.`) go. A tensor that comes under several names is read once, and its values shared.
 * @throws MalformedCheckpoint where there are none.
 */
export function readStateDict(value: PythonValue): StateDict {
  const weights = findWeights(value);
  const prefix = wrapperPrefix([...weights.keys()]);
  const read = new Map<PythonValue, NamedTensorData>();
  return new Map(
    [...weights].map(([name, tensor]) => {
      const data = read.get(tensor) ?? tensorData(tensor, name);
      read.set(tensor, data);
      return [name.slice(prefix.length), data];
    }),
  );
}

/** A state_dict as PyTorch's: an OrderedDict of tensors. */
export function stateDictToPython(model: StateDict): PythonOrderedDict {
  const dict = new PythonOrderedDict();
  for (const [name, { shape, values, storedAs }] of model) {
    const stored = storedAs === 'int64' ? BigInt64Array.from(values, (value) => BigInt(Math.round(value))) : values;
    dict.set(name, tensorOf(storedAs ?? 'float32', shape, stored));
  }
  return dict;
}

/**
 * Checks that a state_dict is the one a model expects; all that is wrong is told at once.
 * @param expected every parameter's and buffer's shape by name.
 * @throws UserError naming the file, the missing and unexpected names, and wrong shapes with what was expected.
 */
export function checkStateDict(model: StateDict, expected: ReadonlyMap<string, readonly number[]>, file: string): void {
  const missing = [...expected.keys()].filter((name) => !model.has(name));
  const unexpected = [...model.keys()].filter((name) => !expected.has(name));
  const misshapen = [...expected].flatMap(([name, shape]) => {
    const found = model.get(name)?.shape;
    return found && !equalShapes(found, shape) ? [`${name} has shape [${found.join(', ')}], expected [${shape.join(', ')}]`] : [];
  });
  const problems = [
    ...(missing.length > 0 ? [`missing: ${listed(missing)}`] : []),
    ...(unexpected.length > 0 ? [`unexpected: ${listed(unexpected)}`] : []),
    ...misshapen.slice(0, MOST_LISTED),
    ...(misshapen.length > MOST_LISTED ? [`and ${misshapen.length - MOST_LISTED} more of wrong shape`] : []),
  ];
  if (problems.length > 0) throw new UserError(`${file}: its weights do not fit the model: ${printable(problems.join('; '))}.`);
}

const WEIGHT_KEYS = ['model', 'model_state_dict', 'state_dict'];
/** Those of torch.nn.DataParallel and torch.compile. */
const WRAPPER_PREFIXES = ['module.', '_orig_mod.'];

const MOST_WRAPPERS = 4;
const MOST_LISTED = 20;

function listed(names: readonly string[]): string {
  return names.slice(0, MOST_LISTED).join(', ') + (names.length > MOST_LISTED ? ` and ${names.length - MOST_LISTED} more` : '');
}

function findWeights(value: PythonValue): ReadonlyMap<string, PythonValue> {
  if (!(value instanceof Map)) throw new MalformedCheckpoint(`it holds ${describePython(value)}; expected a dict with the weights.`);
  const present = WEIGHT_KEYS.filter((name) => value.has(name));
  const key = present.find((name) => value.get(name) instanceof Map) ?? present[0];
  if (key !== undefined) return requireTensorDict(value.get(key), key);
  if ([...value.values()].some((item) => item instanceof TorchTensor)) return requireTensorDict(value, undefined);
  const found = [...value.keys()].slice(0, 10).map((name) => (typeof name === 'string' ? name : describePython(name)));
  throw new MalformedCheckpoint(
    `it holds no weights: expected one of the keys ${WEIGHT_KEYS.join(', ')}, or a state_dict itself; found ${found.join(', ') || 'no keys'}.`,
  );
}

function requireTensorDict(value: PythonValue | undefined, key: string | undefined): ReadonlyMap<string, PythonValue> {
  const place = key === undefined ? 'the state_dict' : `"${key}"`;
  if (!(value instanceof Map)) throw new MalformedCheckpoint(`${place} is ${describePython(value)}; expected a state_dict.`);
  if (value.size === 0) throw new MalformedCheckpoint(`${place} is empty; expected weights.`);
  return stringKeyed(value, place);
}

function stringKeyed(dict: PythonDict, place: string): ReadonlyMap<string, PythonValue> {
  const entries = new Map<string, PythonValue>();
  for (const [name, value] of dict) {
    if (typeof name !== 'string')
      throw new MalformedCheckpoint(`${place} has a key that is ${describePython(name)}; expected the names of tensors.`);
    entries.set(name, value);
  }
  return entries;
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

function tensorData(value: PythonValue | undefined, name: string): NamedTensorData {
  if (!(value instanceof TorchTensor))
    throw new MalformedCheckpoint(`the weight "${name}" is ${describePython(value)}; expected a tensor.`);
  const data = { shape: value.shape, values: value.toFloat32() };
  return value.dtype === 'int64' ? { ...data, storedAs: value.dtype } : data;
}

function equalShapes(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((size, axis) => size === b[axis]);
}
