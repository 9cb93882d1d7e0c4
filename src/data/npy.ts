import { hostIsLittleEndian } from '../foundation/byte-order';
import { UserError } from '../foundation/errors';
import { elementAt } from '../foundation/required';
import { excerpt } from '../foundation/text';
import type { NpyArray, TypedValues } from './npy-array';
import { parseNpyHeader, parseTypeString, unreadableType, type TypeString } from './npy-header';

const MAX_TEXTS = 1_000_000;
/** Some 260,000 letters: what is said of a clip takes a few hundred. */
const MAX_TEXT_BYTES = 1024 * 1024;
/** What pictures have. Each further axis scatters the values more, past what a processor's cache can hold. */
const MAX_FORTRAN_AXES = 4;
const LETTERS_AT_ONCE = 4096;

/**
 * Reads a `.npy` buffer: numbers of either byte order, booleans, unicode and byte strings; C or Fortran order. What lies behind the array is left alone, as NumPy
 * leaves it.
 * @param accept is told what the numbers will take, before memory is taken for them, and throws where that is too much.
 * @throws UserError where it is malformed, cut off, or holds something else (objects, complex numbers, dates).
 */
export function parseNpy(bytes: Uint8Array, accept?: (bytes: number) => void): NpyArray {
  const { descr, fortranOrder, shape, dataOffset } = parseNpyHeader(bytes);
  const type = parseTypeString(descr);
  const count = shape.includes(0) ? 0 : shape.reduce((product, length) => product * length, 1);
  const size = count * type.itemBytes;
  const found = bytes.byteLength - dataOffset;
  if (size > found) throw new UserError(`[${shape.join(', ')}] of ${excerpt(descr)} takes ${size} bytes, the array has ${found}`);
  if (type.code === 'U' || type.code === 'S') {
    if (count > MAX_TEXTS) throw new UserError(`${count} texts (at most ${MAX_TEXTS} are read)`);
    if (size > MAX_TEXT_BYTES) throw new UserError(`${size} bytes of text (at most ${MAX_TEXT_BYTES} are read)`);
  } else {
    accept?.(count * (type.code === 'f2' ? 4 : type.itemBytes));
  }
  if (fortranOrder && shape.filter((length) => length > 1).length > MAX_FORTRAN_AXES)
    throw new UserError(`Fortran order of ${shape.length} axes (at most ${MAX_FORTRAN_AXES} are read); save it in C order`);
  let data = new Uint8Array(bytes.subarray(dataOffset, dataOffset + size));
  if (fortranOrder && shape.length > 1) data = toRowMajor(data, shape, type.itemBytes);
  if (type.swapBytes > 1 && type.littleEndian !== hostIsLittleEndian) swapBytes(data, type.swapBytes);
  return { shape, ...decode(type, data, count) };
}

/**
 * The array whose values are the bytes given, in C order. They stay as they are, and are not copied unless the machine needs them in another place or order.
 * @param descr NumPy's type string, as `<f4`.
 */
export function arrayOfBytes(descr: string, shape: readonly number[], bytes: Uint8Array<ArrayBuffer>): NpyArray {
  const type = parseTypeString(descr);
  const swaps = type.swapBytes > 1 && type.littleEndian !== hostIsLittleEndian;
  const data = swaps || bytes.byteOffset % type.itemBytes !== 0 ? bytes.slice() : bytes;
  if (swaps) swapBytes(data, type.swapBytes);
  return { shape, ...decode(type, data, data.length / type.itemBytes) };
}

/** The bytes of numbers, little-endian; where that is the machine's own order, they are not copied. */
export function littleEndianBytes(values: NodeJS.TypedArray): Uint8Array {
  const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  if (hostIsLittleEndian || values.BYTES_PER_ELEMENT === 1) return bytes;
  const swapped = new Uint8Array(bytes);
  swapBytes(swapped, values.BYTES_PER_ELEMENT);
  return swapped;
}

/**
 * The values as float32, whatever they were saved as; booleans are 0 and 1.
 * @throws UserError where the array holds text.
 */
export function toFloat32(array: NpyArray): Float32Array {
  if (array.dtype === 'text') throw new UserError('text where numbers were expected');
  if (array.dtype === 'float32' || array.dtype === 'float16') return array.values;
  if (array.dtype !== 'int64' && array.dtype !== 'uint64') return new Float32Array(array.values);
  return narrowWhole(array.values);
}

/** 64-bit whole numbers from their halves: many times faster than from one bigint after the other. */
function narrowWhole(values: BigInt64Array | BigUint64Array): Float32Array {
  const halves = new Uint32Array(values.buffer, values.byteOffset, 2 * values.length);
  const signed = values instanceof BigInt64Array;
  const [low, high] = hostIsLittleEndian ? [0, 1] : [1, 0];
  const numbers = new Float32Array(values.length);
  for (let index = 0; index < values.length; index++) {
    const upper = halves[2 * index + high] ?? NaN;
    numbers[index] = (signed ? upper | 0 : upper) * 2 ** 32 + (halves[2 * index + low] ?? NaN);
  }
  return numbers;
}

function decode(type: TypeString, data: Uint8Array<ArrayBuffer>, count: number): TypedValues {
  const { buffer, byteOffset: at } = data;
  switch (type.code) {
    case 'b1':
      return { dtype: 'bool', values: data };
    case 'i1':
      return { dtype: 'int8', values: new Int8Array(buffer, at, count) };
    case 'i2':
      return { dtype: 'int16', values: new Int16Array(buffer, at, count) };
    case 'i4':
      return { dtype: 'int32', values: new Int32Array(buffer, at, count) };
    case 'i8':
      return { dtype: 'int64', values: new BigInt64Array(buffer, at, count) };
    case 'u1':
      return { dtype: 'uint8', values: data };
    case 'u2':
      return { dtype: 'uint16', values: new Uint16Array(buffer, at, count) };
    case 'u4':
      return { dtype: 'uint32', values: new Uint32Array(buffer, at, count) };
    case 'u8':
      return { dtype: 'uint64', values: new BigUint64Array(buffer, at, count) };
    case 'f2':
      return { dtype: 'float16', values: widenHalves(new Uint16Array(buffer, at, count)) };
    case 'f4':
      return { dtype: 'float32', values: new Float32Array(buffer, at, count) };
    case 'f8':
      return { dtype: 'float64', values: new Float64Array(buffer, at, count) };
    case 'U':
    case 'S':
      return { dtype: 'text', values: Array.from({ length: count }, (_, index) => readText(type, data, index)) };
    default:
      throw unreadableType(type.code);
  }
}

function readText(type: TypeString, data: Uint8Array<ArrayBuffer>, index: number): string {
  const start = index * type.itemBytes;
  if (type.code === 'S') {
    const letters = new Uint8Array(data.buffer, start, type.itemBytes);
    return Buffer.from(data.buffer, start, lengthWithoutPadding(letters)).toString('utf8');
  }
  const letters = new Uint32Array(data.buffer, start, type.itemBytes / 4);
  const used = letters.subarray(0, lengthWithoutPadding(letters));
  const parts: string[] = [];
  for (let from = 0; from < used.length; from += LETTERS_AT_ONCE) {
    const some = used.subarray(from, from + LETTERS_AT_ONCE);
    if (some.some((letter) => letter > 0x10ffff)) throw new UserError('text with a letter that unicode does not have');
    parts.push(String.fromCodePoint(...some));
  }
  return parts.join('');
}

/** NumPy fills texts with NULs up to the longest one's length. */
function lengthWithoutPadding(letters: Uint8Array | Uint32Array): number {
  let length = letters.length;
  while (length > 0 && letters[length - 1] === 0) length--;
  return length;
}

let numberOfHalf: Float32Array | undefined;

function widenHalves(halves: Uint16Array): Float32Array {
  const numbers = (numberOfHalf ??= Float32Array.from({ length: 0x10000 }, (_, bits) => widenHalf(bits)));
  const widened = new Float32Array(halves.length);
  for (let index = 0; index < halves.length; index++) widened[index] = numbers[halves[index] ?? NaN] ?? NaN;
  return widened;
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

/**
 * Items in Fortran order (the first index moves fastest) put in C order (the last does).
 * @param itemBytes bytes of an item, whatever it is.
 */
function toRowMajor(data: Uint8Array<ArrayBuffer>, shape: readonly number[], itemBytes: number): Uint8Array<ArrayBuffer> {
  const result = new Uint8Array(data.length);
  const unit = itemBytes % 4 === 0 ? 4 : itemBytes % 2 === 0 ? 2 : 1;
  if (unit === 4) reorder(new Uint32Array(data.buffer), new Uint32Array(result.buffer), shape, itemBytes / unit);
  else if (unit === 2) reorder(new Uint16Array(data.buffer), new Uint16Array(result.buffer), shape, itemBytes / unit);
  else reorder(data, result, shape, itemBytes);
  return result;
}

/** @param width units of an item. */
function reorder<T extends Uint8Array | Uint16Array | Uint32Array>(data: T, result: T, shape: readonly number[], width: number): void {
  const { lengths, strides } = axesOf(shape, width);
  const last = lengths.length - 1;
  const inner = lengths[last] ?? 1;
  const step = strides[last] ?? width;
  const index = new Uint32Array(lengths.length);
  let start = 0;
  let target = 0;
  while (target < data.length) {
    for (let item = 0, source = start; item < inner; item++, source += step)
      for (let part = 0; part < width; part++) result[target++] = data[source + part] ?? NaN;
    for (let axis = last - 1; axis >= 0; axis--) {
      const length = elementAt(lengths, axis);
      const stride = elementAt(strides, axis);
      const next = elementAt(index, axis) + 1;
      start += stride;
      index[axis] = next;
      if (next < length) break;
      index[axis] = 0;
      start -= length * stride;
    }
  }
}

/** Of each axis longer than 1 its length, and how far apart two neighbours along it lie. */
function axesOf(shape: readonly number[], width: number): { readonly lengths: Float64Array; readonly strides: Float64Array } {
  const axes: { length: number; stride: number }[] = [];
  let stride = width;
  for (const length of shape) {
    if (length > 1) axes.push({ length, stride });
    stride *= length;
  }
  return { lengths: Float64Array.from(axes, ({ length }) => length), strides: Float64Array.from(axes, (axis) => axis.stride) };
}
