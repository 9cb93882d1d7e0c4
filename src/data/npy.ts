import { endianness } from 'node:os';
import { UserError } from '../foundation/errors';
import { parseNpyHeader } from './npy-header';

/** What holds the values of each type. Half-precision numbers are widened, booleans are bytes, text is `U` (unicode) or `S` (UTF-8 bytes). */
interface ValuesOfType {
  bool: Uint8Array;
  int8: Int8Array;
  int16: Int16Array;
  int32: Int32Array;
  int64: BigInt64Array;
  uint8: Uint8Array;
  uint16: Uint16Array;
  uint32: Uint32Array;
  uint64: BigUint64Array;
  float16: Float32Array;
  float32: Float32Array;
  float64: Float64Array;
  text: string[];
}

type NpyType = keyof ValuesOfType;
type TypedValues = { [T in NpyType]: { readonly dtype: T; readonly values: ValuesOfType[T] } }[NpyType];

/** An array as NumPy saved it, its values in C order. A 0-d array has the shape `[]` and one value. */
export type NpyArray = TypedValues & { readonly shape: readonly number[] };

const MAX_TEXTS = 1_000_000;
const hostIsLittleEndian = endianness() === 'LE';

/**
 * Reads a `.npy` buffer: numbers of either byte order, booleans, unicode and byte strings; C or Fortran order.
 * @throws UserError where it is malformed, cut off, or holds something else (objects, complex numbers, dates).
 */
export function parseNpy(bytes: Uint8Array): NpyArray {
  const { descr, fortranOrder, shape, dataOffset } = parseNpyHeader(bytes);
  const type = parseTypeString(descr);
  const count = shape.includes(0) ? 0 : shape.reduce((product, length) => product * length, 1);
  const found = bytes.byteLength - dataOffset;
  if (count * type.itemBytes !== found) {
    throw new UserError(`[${shape.join(', ')}] of ${descr} takes ${count * type.itemBytes} bytes, the array has ${found}`);
  }
  if (type.code === 'U' || type.code === 'S') {
    if (count > MAX_TEXTS) throw new UserError(`${count} texts (at most ${MAX_TEXTS} are read)`);
  }
  let data = new Uint8Array(bytes.subarray(dataOffset));
  if (fortranOrder && shape.length > 1) data = toRowMajor(data, shape, type.itemBytes);
  if (type.swapBytes > 1 && type.littleEndian !== hostIsLittleEndian) swapBytes(data, type.swapBytes);
  return { shape, ...decode(type, data, count) };
}

/**
 * The values as float32, whatever they were saved as; booleans are 0 and 1.
 * @throws UserError where the array holds text.
 */
export function toFloat32(array: NpyArray): Float32Array {
  if (array.dtype === 'text') throw new UserError('text where numbers were expected');
  if (array.dtype === 'float32' || array.dtype === 'float16') return array.values;
  if (array.dtype === 'int64' || array.dtype === 'uint64') return Float32Array.from(array.values, Number);
  return new Float32Array(array.values);
}

interface TypeString {
  readonly code: string;
  readonly itemBytes: number;
  /** The unit whose bytes are in one order or the other. */
  readonly swapBytes: number;
  readonly littleEndian: boolean;
}

function parseTypeString(descr: string): TypeString {
  const match = /^([<>|=])([biufUS])(\d{1,8})$/.exec(descr);
  const [, order, kind, digits] = match ?? [];
  if (order === undefined || kind === undefined || digits === undefined) throw unreadable(descr);
  const length = Number(digits);
  const littleEndian = order === '<' || (order !== '>' && hostIsLittleEndian);
  if (kind === 'U') return { code: 'U', itemBytes: 4 * length, swapBytes: 4, littleEndian };
  if (kind === 'S') return { code: 'S', itemBytes: length, swapBytes: 1, littleEndian };
  return { code: `${kind}${length}`, itemBytes: length, swapBytes: length, littleEndian };
}

function unreadable(descr: string): UserError {
  return new UserError(`type ${JSON.stringify(descr.slice(0, 40))} is not read; save it as numbers, booleans or text (float32 is best)`);
}

function decode(type: TypeString, data: Uint8Array<ArrayBuffer>, count: number): TypedValues {
  const { buffer } = data;
  switch (type.code) {
    case 'b1':
      return { dtype: 'bool', values: data };
    case 'i1':
      return { dtype: 'int8', values: new Int8Array(buffer) };
    case 'i2':
      return { dtype: 'int16', values: new Int16Array(buffer) };
    case 'i4':
      return { dtype: 'int32', values: new Int32Array(buffer) };
    case 'i8':
      return { dtype: 'int64', values: new BigInt64Array(buffer) };
    case 'u1':
      return { dtype: 'uint8', values: data };
    case 'u2':
      return { dtype: 'uint16', values: new Uint16Array(buffer) };
    case 'u4':
      return { dtype: 'uint32', values: new Uint32Array(buffer) };
    case 'u8':
      return { dtype: 'uint64', values: new BigUint64Array(buffer) };
    case 'f2':
      return { dtype: 'float16', values: Float32Array.from(new Uint16Array(buffer), widenHalf) };
    case 'f4':
      return { dtype: 'float32', values: new Float32Array(buffer) };
    case 'f8':
      return { dtype: 'float64', values: new Float64Array(buffer) };
    case 'U':
    case 'S':
      return { dtype: 'text', values: Array.from({ length: count }, (_, index) => readText(type, data, index)) };
    default:
      throw unreadable(type.code);
  }
}

function readText(type: TypeString, data: Uint8Array<ArrayBuffer>, index: number): string {
  const start = index * type.itemBytes;
  if (type.code === 'S') return Buffer.from(data.buffer, start, type.itemBytes).toString('utf8').replace(/\0+$/, '');
  const letters = new Uint32Array(data.buffer, start, type.itemBytes / 4);
  let text = '';
  for (const letter of letters) {
    if (letter > 0x10ffff) throw new UserError('text with a letter that unicode does not have');
    text += String.fromCodePoint(letter);
  }
  return text.replace(/\0+$/, '');
}

/** IEEE 754 binary16, in its bits, as a number. */
function widenHalf(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 0x1f) return fraction === 0 ? sign * Infinity : NaN;
  return sign * (1024 + fraction) * 2 ** (exponent - 25);
}

function swapBytes(data: Uint8Array<ArrayBuffer>, unit: number): void {
  const buffer = Buffer.from(data.buffer);
  if (unit === 2) buffer.swap16();
  else if (unit === 4) buffer.swap32();
  else buffer.swap64();
}

/** Items in Fortran order (the first index moves fastest) put in C order (the last does). */
function toRowMajor(data: Uint8Array<ArrayBuffer>, shape: readonly number[], itemBytes: number): Uint8Array<ArrayBuffer> {
  const result = new Uint8Array(data.length);
  const strides: number[] = [];
  let stride = itemBytes;
  for (const length of shape) {
    strides.push(stride);
    stride *= length;
  }
  const index = new Uint32Array(shape.length);
  let source = 0;
  for (let target = 0; target < data.length; target += itemBytes) {
    for (let byte = 0; byte < itemBytes; byte++) result[target + byte] = data[source + byte] ?? 0;
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      const next = (index[axis] ?? 0) + 1;
      source += strides[axis] ?? 0;
      if (next < (shape[axis] ?? 0)) {
        index[axis] = next;
        break;
      }
      index[axis] = 0;
      source -= next * (strides[axis] ?? 0);
    }
  }
  return result;
}
