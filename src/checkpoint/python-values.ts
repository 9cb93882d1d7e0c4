import { type TorchStorage, TorchTensor } from './tensor';

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
