import { ByteCursor, MalformedCheckpoint, MemorySource } from '../../checkpoint/bytes';
import { readPickle, type PickleMeaning } from '../../checkpoint/pickle-read';
import { NumpyArray, NumpyDtype, PythonFloat, PythonName, PythonSet, PythonTuple, type PythonValue } from '../../checkpoint/python-values';
import { UserError } from '../../foundation/errors';
import { elementAt } from '../../foundation/required';
import { parseNpy, toFloat32 } from '../npy';

/** Numbers with a shape. */
export interface NumberArray {
  readonly shape: readonly number[];
  readonly values: ArrayLike<number>;
}

/** What Python's objects in an array come to: numbers, what has names, what follows each other; null is Python's None. */
export type PythonTree = NumberArray | ReadonlyMap<string, PythonTree> | readonly PythonTree[] | null;

/**
 * Reads the objects of an array that `numpy.save` pickled: numbers, lists, dicts and arrays. Nothing is imported or called: the few names of NumPy's own that such an
 * array mentions become its values, and any other is refused.
 * @throws UserError for other objects, or a damaged pickle.
 */
export function readPythonObjects(bytes: Uint8Array): PythonTree {
  try {
    return new TreeReader().read(readPickle(new ByteCursor(new MemorySource(bytes)), ARRAYS_ALONE));
  } catch (error) {
    if (error instanceof MalformedCheckpoint) throw new UserError(`its Python objects cannot be read: ${error.message}`, { cause: error });
    throw error;
  }
}

/** An array within a pickle, with what it holds. */
class PickledArray extends NumpyArray {
  /** Bytes of numbers, or a list of objects. */
  contents: Uint8Array | readonly PythonValue[] = [];
  bigEndian = false;
  fortranOrder = false;
}

const RECONSTRUCT = /^numpy\.(_core|core)\.multiarray\._reconstruct$/;
const SCALAR = /^numpy\.(_core|core)\.multiarray\.scalar$/;
const ALLOWED =
  /^(numpy\.(ndarray|dtype)|numpy\.(_core|core)\.multiarray\.(_reconstruct|scalar)|_codecs\.encode|collections\.OrderedDict)$/;

/** What NumPy's own names in a pickle stand for. */
const ARRAYS_ALONE: PickleMeaning = {
  admit: ({ full }) => {
    if (!ALLOWED.test(full))
      throw new MalformedCheckpoint(`it holds objects of ${full}, which are not read; save numbers, lists and dicts of them.`);
  },
  rebuild: ({ full }, args) => {
    if (RECONSTRUCT.test(full)) return new PickledArray();
    if (full === 'numpy.dtype') return new NumpyDtype(typeof args[0] === 'string' ? args[0] : '');
    if (full === 'collections.OrderedDict') return new Map();
    if (full === '_codecs.encode' && typeof args[0] === 'string') return new Uint8Array(Buffer.from(args[0], 'latin1'));
    const [dtype, bytes] = args;
    if (SCALAR.test(full) && dtype instanceof NumpyDtype && bytes instanceof Uint8Array)
      return new PythonFloat(elementAt(numbersOf(bytes, dtype.code, dtype.bigEndian, [], false), 0));
    throw new MalformedCheckpoint(`it calls ${full}, which no array of numbers does.`);
  },
  setState: (target, state) => {
    const items = state instanceof PythonTuple ? state.items : [];
    if (target instanceof NumpyDtype) target.bigEndian = items[1] === '>';
    if (!(target instanceof PickledArray)) return;
    const [, shape, dtype, fortran, contents] = items;
    if (!(shape instanceof PythonTuple) || !(dtype instanceof NumpyDtype))
      throw new MalformedCheckpoint('it has an array without a shape.');
    if (!(contents instanceof Uint8Array) && !Array.isArray(contents)) throw new MalformedCheckpoint('it has an array without values.');
    target.shape = shape.items.map(Number);
    target.dtype = dtype.code;
    target.bigEndian = dtype.bigEndian;
    target.fortranOrder = fortran === true;
    target.contents = contents;
  },
  persistent: () => {
    throw new MalformedCheckpoint('it refers to something outside of it.');
  },
};

/** The numbers of an array as its bytes: those of a `.npy` file with a header of its own. */
function numbersOf(bytes: Uint8Array, code: string, bigEndian: boolean, shape: readonly number[], fortranOrder: boolean): Float32Array {
  const lengths = shape.map((length) => `${length},`).join(' ');
  const dictionary = `{'descr': '${bigEndian ? '>' : '<'}${code}', 'fortran_order': ${fortranOrder ? 'True' : 'False'}, 'shape': (${lengths}), }`;
  const header = Buffer.from(`\x93NUMPY\x01\x00\0\0${dictionary}\n`, 'latin1');
  header.writeUInt16LE(header.length - 10, 8);
  return toFloat32(parseNpy(Buffer.concat([header, bytes])));
}

const DEEPEST = 16;
/** Twice what a pickle's million instructions can make; what it refers to again and again counts each time. */
const MOST_OBJECTS = 2_000_000;
/** More than a clip of 30,000 frames of everything that MediaPipe finds. */
const MOST_NUMBERS = 50_000_000;

/** Makes a tree of what a pickle holds, within bounds. */
class TreeReader {
  private objects = 0;
  private numbers = 0;

  /** @throws UserError for something that is no number, list, dict or array, for deep nesting, and for too much of it. */
  read(value: PythonValue, depth = 0): PythonTree {
    if (depth > DEEPEST) throw new UserError(`its Python objects are nested deeper than ${DEEPEST}`);
    if (++this.objects > MOST_OBJECTS) throw new UserError(`its Python objects are more than ${MOST_OBJECTS}`);
    if (value === null) return null;
    if (value instanceof PickledArray) return this.array(value, depth);
    if (Array.isArray(value)) return this.list(value, depth);
    if (value instanceof PythonTuple || value instanceof PythonSet) return this.list(value.items, depth);
    if (value instanceof Map) {
      const named = [...value].flatMap(([name, item]): [string, PythonTree][] =>
        typeof name === 'string' ? [[name, this.leaf(item, depth)]] : [],
      );
      return new Map(named);
    }
    const number = typeof value === 'number' ? value : value instanceof PythonFloat ? value.value : undefined;
    if (number !== undefined) return { shape: [], values: [number] };
    throw new UserError('its Python objects hold something that is no number, list, dict or array');
  }

  private array({ contents, shape, dtype, bigEndian, fortranOrder }: PickledArray, depth: number): PythonTree {
    if (contents instanceof Uint8Array) {
      this.count(contents.length / 4);
      return { shape, values: numbersOf(contents, dtype, bigEndian, shape, fortranOrder) };
    }
    return shape.length === 0 ? this.read(contents[0] ?? null, depth + 1) : this.list(contents, depth);
  }

  private list(items: readonly PythonValue[], depth: number): PythonTree {
    const read = items.map((item) => this.read(item, depth + 1));
    const joined = joinedArrays(read);
    if (isNumbers(joined)) this.count(joined.values.length);
    return joined;
  }

  /** An item of a dict; what is no landmark, as a text that names the sign, is nothing. */
  private leaf(value: PythonValue, depth: number): PythonTree {
    return typeof value === 'string' || typeof value === 'boolean' || value instanceof PythonName ? null : this.read(value, depth + 1);
  }

  private count(numbers: number): void {
    this.numbers += numbers;
    if (this.numbers > MOST_NUMBERS) throw new UserError(`its Python objects hold more than ${MOST_NUMBERS} numbers`);
  }
}

/** Items that are arrays of one shape as one array of them; others as they are. */
function joinedArrays(items: readonly PythonTree[]): PythonTree {
  const [first] = items;
  if (!isNumbers(first) || !items.every((item): item is NumberArray => isNumbers(item) && item.shape.join() === first.shape.join()))
    return items;
  const size = first.values.length;
  const values = new Float32Array(items.length * size);
  items.forEach((item, place) => {
    values.set(Array.from(item.values), place * size);
  });
  return { shape: [items.length, ...first.shape], values };
}

/** Whether a part of the tree is numbers. */
export function isNumbers(tree: PythonTree | undefined): tree is NumberArray {
  return tree !== undefined && tree !== null && !Array.isArray(tree) && 'shape' in tree;
}
