import {
  describePython,
  numberFrom,
  NumpyArray,
  NumpyDtype,
  PythonFloat,
  pythonFloat,
  PythonName,
  PythonNamespace,
  PythonSet,
  PythonTuple,
  type PythonDict,
  type PythonValue,
} from './python-values';
import { MalformedCheckpoint } from './malformed-checkpoint';
import { TorchStorage, TorchTensor } from './tensor';
import { required } from '../foundation/required';

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
