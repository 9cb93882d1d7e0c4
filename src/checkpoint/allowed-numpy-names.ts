import type { Rebuild } from './allowed-python-names';
import { damagedPickle } from './pickle-stack';
import { NumpyArray, NumpyDtype, pythonFloat, pythonInt, PythonTuple, type PythonValue } from './python-values';
import { MalformedCheckpoint } from './malformed-checkpoint';
import { toFloat32Values } from './dtype';
import { MOST_DIMENSIONS } from './tensor';

/** NumPy's names that a checkpoint may hold: scalars, which training loops let slip into epochs and metrics, and arrays, whose values are passed over. */
export function allowedNumpyNames(): [string, Rebuild][] {
  return [
    ['numpy.dtype', ([code]) => numpyDtype(code)],
    ['numpy.ndarray', undefined],
    ['numpy.core.multiarray._reconstruct', () => new NumpyArray()],
    ['numpy._core.multiarray._reconstruct', () => new NumpyArray()],
    ['numpy.core.multiarray.scalar', scalar],
    ['numpy._core.multiarray.scalar', scalar],
  ];
}

/** Takes the byte order from a dtype's pickled state, `(version, order, …)`. */
export function setNumpyByteOrder(dtype: NumpyDtype, state: readonly PythonValue[]): void {
  dtype.bigEndian = state[1] === '>';
}

/** Takes shape and type from an array's pickled state, `(version, shape, dtype, …)`. */
export function setNumpyArray(array: NumpyArray, [, shape, dtype]: readonly PythonValue[]): void {
  if (!(shape instanceof PythonTuple) || !(dtype instanceof NumpyDtype)) throw damagedPickle('has a numpy array without a shape or type');
  if (shape.items.length > MOST_DIMENSIONS) throw damagedPickle(`has a numpy array of ${shape.items.length} dimensions`);
  array.shape = shape.items.map((size) => (typeof size === 'number' ? size : NaN));
  array.dtype = dtype.code;
}

function numpyDtype(code: PythonValue | undefined): NumpyDtype {
  if (typeof code !== 'string' || code.length > 8) throw damagedPickle('has a numpy.dtype without a type code');
  return new NumpyDtype(code);
}

function scalar([dtype, bytes]: readonly PythonValue[]): PythonValue {
  if (!(dtype instanceof NumpyDtype) || !(bytes instanceof Uint8Array)) throw damagedPickle('has a numpy scalar without a type or bytes');
  const read = SCALARS.get(dtype.code);
  if (!read) throw new MalformedCheckpoint(`it holds a numpy scalar of type ${dtype.code}: save plain Python numbers instead.`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.byteLength !== Number(dtype.code.slice(1)))
    throw damagedPickle(`has a numpy scalar of type ${dtype.code} in ${view.byteLength} bytes`);
  return read(view, !dtype.bigEndian);
}

type ScalarReader = (view: DataView, littleEndian: boolean) => PythonValue;

const SCALARS: ReadonlyMap<string, ScalarReader> = new Map<string, ScalarReader>([
  ['b1', (view) => view.getUint8(0) !== 0],
  ['i1', (view) => view.getInt8(0)],
  ['u1', (view) => view.getUint8(0)],
  ['i2', (view, little) => view.getInt16(0, little)],
  ['u2', (view, little) => view.getUint16(0, little)],
  ['i4', (view, little) => view.getInt32(0, little)],
  ['u4', (view, little) => view.getUint32(0, little)],
  ['i8', (view, little) => pythonInt(view.getBigInt64(0, little))],
  ['u8', (view, little) => pythonInt(view.getBigUint64(0, little))],
  ['f2', (view, little) => pythonFloat(toFloat32Values('float16', Uint16Array.of(view.getUint16(0, little)))[0] ?? 0)],
  ['f4', (view, little) => pythonFloat(view.getFloat32(0, little))],
  ['f8', (view, little) => pythonFloat(view.getFloat64(0, little))],
]);
