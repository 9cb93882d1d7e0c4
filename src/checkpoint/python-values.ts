import { required } from '../foundation/required';
import { MalformedCheckpoint } from './bytes';
import { TorchStorage, TorchTensor } from './tensor';

/**
 * What a pickle can hold here: plain data and tensors. An int is a whole `number` (`bigint` beyond 2⁵³), a float is any other `number` or, where it is whole, a
 * {@link PythonFloat}; a list is an array, a dict a Map, bytes are a Uint8Array.
 */
export type PythonValue =
  | null
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | PythonFloat
  | PythonTuple
  | PythonSet
  | PythonName
  | PythonNamespace
  | NumpyDtype
  | NumpyArray
  | TorchTensor
  | TorchStorage
  | PythonValue[]
  | PythonDict;

export type PythonDict = Map<PythonValue, PythonValue>;

/** A float of a whole value, which as a plain number would be an int. */
export class PythonFloat {
  constructor(readonly value: number) {}
}

export class PythonTuple {
  constructor(readonly items: readonly PythonValue[]) {}
}

export class PythonSet {
  constructor(readonly items: PythonValue[]) {}
}

/** A `collections.OrderedDict`; `attributes` are those set on the object itself, such as a state_dict's `_metadata`. */
export class PythonOrderedDict extends Map<PythonValue, PythonValue> {
  attributes: PythonDict | undefined;
}

/** The name of a class or function that the pickle mentions (`torch.float32`). It stays a name: nothing is ever called. */
export class PythonName {
  constructor(
    readonly module: string,
    readonly name: string,
  ) {}

  get full(): string {
    return `${this.module}.${this.name}`;
  }
}

/** An `argparse.Namespace`. */
export class PythonNamespace {
  attributes: PythonDict = new Map();
}

/** A `numpy.dtype`, such as `f8`; needed to read a numpy scalar. */
export class NumpyDtype {
  bigEndian = false;

  constructor(readonly code: string) {}
}

/** A `numpy.ndarray` beside the weights, as losses of epochs or the state of a random generator: what it is, without its values, which nothing here uses. */
export class NumpyArray {
  shape: readonly number[] = [];
  dtype = '';
}

/** A float in its canonical form: a number, or a {@link PythonFloat} where a number would be taken for an int. */
export function pythonFloat(value: number): number | PythonFloat {
  return Number.isInteger(value) ? new PythonFloat(value) : value;
}

/** An int in its canonical form: a number as far as numbers count exactly. */
export function pythonInt(value: bigint): number | bigint {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}

/** The number that an int or float is; undefined for anything else. */
export function numberFrom(value: PythonValue | undefined): number | undefined {
  if (typeof value === 'number') return value;
  if (typeof value === 'bigint') return Number(value);
  return value instanceof PythonFloat ? value.value : undefined;
}

const LONGEST_SHOWN_BITS = 128;

/** What a value is, in a few words for an error: `a dict of 3 items`. */
export function describePython(value: PythonValue | undefined): string {
  if (value === undefined) return 'nothing';
  if (value === null) return 'None';
  if (typeof value === 'string') return `the text ${JSON.stringify(value.length > 40 ? `${value.slice(0, 40)}…` : value)}`;
  if (typeof value === 'boolean') return value ? 'True' : 'False';
  if (typeof value === 'bigint' && BigInt.asIntN(LONGEST_SHOWN_BITS, value) !== value) return `a number of over ${LONGEST_SHOWN_BITS} bits`;
  if (typeof value === 'number' || typeof value === 'bigint') return `the number ${value.toString()}`;
  if (value instanceof PythonFloat) return `the number ${value.value}`;
  if (value instanceof Map) return `a dict of ${value.size} items`;
  if (Array.isArray(value)) return `a list of ${value.length}`;
  if (value instanceof PythonTuple || value instanceof PythonSet)
    return `a ${value instanceof PythonSet ? 'set' : 'tuple'} of ${value.items.length}`;
  if (value instanceof TorchTensor) return `a ${value.dtype} tensor of shape [${value.shape.join(', ')}]`;
  if (value instanceof PythonName) return value.full;
  if (value instanceof PythonNamespace) return 'an argparse.Namespace';
  if (value instanceof NumpyArray) return `a numpy array ${value.dtype} of shape [${value.shape.join(', ')}]`;
  return value instanceof NumpyDtype ? 'a numpy.dtype' : 'raw bytes';
}

/** What settings, schedules and configurations are made of: JSON's values, and numbers that may be infinite or NaN. */
export type PlainValue = null | boolean | number | string | readonly PlainValue[] | PlainRecord;

export interface PlainRecord {
  readonly [key: string]: PlainValue;
}

/**
 * A Python value as a plain one: tuples and sets become lists, namespaces records, whole numbers beyond 2⁵³ the nearest float. What has no plain form (a tensor,
 * bytes, a dtype) becomes a short description in text.
 * @throws MalformedCheckpoint for nesting deeper than 64, more than 200,000 values or 16 million letters, a key `__proto__`, or one that Python could not have.
 */
export function plainFromPython(value: PythonValue): PlainValue {
  return new PlainReader().plain(value, 0);
}

/** {@link plainFromPython} for a dict or namespace; undefined for any other value. */
export function plainRecordFromPython(value: PythonValue): PlainRecord | undefined {
  const items = value instanceof PythonNamespace ? value.attributes : value;
  return items instanceof Map ? new PlainReader().record(items, 0) : undefined;
}

/**
 * A plain value as Python's: records become dicts, arrays lists, whole numbers ints.
 * @param isFloat tells of a key whose numbers are floats, be they whole or not.
 */
export function pythonFromPlain(value: PlainValue, isFloat: (key: string) => boolean, key = ''): PythonValue {
  if (typeof value === 'number') return isFloat(key) ? pythonFloat(value) : value;
  if (value === null || typeof value !== 'object') return value;
  if (isList(value)) return value.map((item) => pythonFromPlain(item, isFloat, key));
  return new Map(Object.entries(value).map(([name, item]) => [name, pythonFromPlain(item, isFloat, name)]));
}

const DEEPEST_NESTING = 64;
const MOST_VALUES = 200_000;
const MOST_LETTERS = 16_000_000;

class PlainReader {
  /** Shared parts come once for every place that refers to them, so that a small pickle can stand for any number of values. */
  private count = 0;
  private letters = 0;
  private withinKey = false;

  plain(value: PythonValue, depth: number): PlainValue {
    if (depth > DEEPEST_NESTING) throw new MalformedCheckpoint(`its settings are nested deeper than ${DEEPEST_NESTING}.`);
    if (++this.count > MOST_VALUES) throw new MalformedCheckpoint(`its settings have more than ${MOST_VALUES} values.`);
    if (value === null || typeof value === 'boolean') return value;
    if (typeof value === 'string') return this.text(value);
    if (typeof value === 'number' || typeof value === 'bigint' || value instanceof PythonFloat)
      return required(numberFrom(value), 'the number of a number');
    if (this.withinKey && (Array.isArray(value) || value instanceof Map || value instanceof PythonNamespace))
      throw new MalformedCheckpoint(`it has settings under a key with ${describePython(value)} in it, which Python cannot have.`);
    if (Array.isArray(value)) return this.list(value, depth);
    if (value instanceof Map) return this.record(value, depth);
    if (value instanceof PythonNamespace) return this.record(value.attributes, depth);
    if (value instanceof PythonTuple || value instanceof PythonSet) return this.list(value.items, depth);
    return this.text(describe(value));
  }

  private text(text: string): string {
    this.letters += text.length;
    if (this.letters > MOST_LETTERS) throw new MalformedCheckpoint(`its settings have more than ${MOST_LETTERS} letters.`);
    return text;
  }

  record(items: PythonDict, depth: number): PlainRecord {
    const entries: [string, PlainValue][] = [];
    for (const [key, value] of items) {
      const name = typeof key === 'string' ? this.text(key) : this.nameOf(key, depth + 1);
      if (name === '__proto__') throw new MalformedCheckpoint('it has a setting named __proto__, which no honest checkpoint has.');
      entries.push([name, this.plain(value, depth + 1)]);
    }
    return Object.fromEntries(entries);
  }

  /** A key that is no text. Within it there can be no dict, whose own keys would be quoted once more at every level. */
  private nameOf(key: PythonValue, depth: number): string {
    this.withinKey = true;
    const name = JSON.stringify(this.plain(key, depth));
    this.withinKey = false;
    return name;
  }

  private list(items: readonly PythonValue[], depth: number): PlainValue[] {
    return items.map((item) => this.plain(item, depth + 1));
  }
}

function describe(value: Uint8Array | PythonName | NumpyDtype | NumpyArray | TorchTensor | TorchStorage): string {
  if (value instanceof PythonName) return value.full;
  if (value instanceof NumpyArray) return `numpy array ${value.dtype} [${value.shape.join(', ')}]`;
  if (value instanceof NumpyDtype) return `numpy.dtype(${value.code})`;
  if (value instanceof TorchTensor) return `tensor ${value.dtype} [${value.shape.join(', ')}]`;
  return value instanceof TorchStorage ? `storage ${value.dtype} [${value.length}]` : `${value.length} bytes`;
}

function isList(value: PlainValue): value is readonly PlainValue[] {
  return Array.isArray(value);
}
