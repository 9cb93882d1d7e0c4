import { MalformedCheckpoint } from './malformed-checkpoint';
import { elementAt } from '../foundation/required';

/** A tensor's type of number, under PyTorch's name. */
export type Dtype = 'float64' | 'float32' | 'float16' | 'bfloat16' | 'int64' | 'int32' | 'int16' | 'int8' | 'uint8' | 'bool';

/** Raw values in the host's byte order; float16 and bfloat16 as their bits, bool as 0 and 1. */
export type TensorValues = Float64Array | Float32Array | Uint16Array | BigInt64Array | Int32Array | Int16Array | Int8Array | Uint8Array;

interface DtypeFacts {
  readonly itemSize: 1 | 2 | 4 | 8;
  /** The class of `torch` whose name a pickle gives for a storage of this type. */
  readonly storageClass: string;
  readonly view: new (buffer: ArrayBuffer, byteOffset: number, length: number) => TensorValues;
}

const FACTS: Readonly<Record<Dtype, DtypeFacts>> = {
  float64: { itemSize: 8, storageClass: 'DoubleStorage', view: Float64Array },
  float32: { itemSize: 4, storageClass: 'FloatStorage', view: Float32Array },
  float16: { itemSize: 2, storageClass: 'HalfStorage', view: Uint16Array },
  bfloat16: { itemSize: 2, storageClass: 'BFloat16Storage', view: Uint16Array },
  int64: { itemSize: 8, storageClass: 'LongStorage', view: BigInt64Array },
  int32: { itemSize: 4, storageClass: 'IntStorage', view: Int32Array },
  int16: { itemSize: 2, storageClass: 'ShortStorage', view: Int16Array },
  int8: { itemSize: 1, storageClass: 'CharStorage', view: Int8Array },
  uint8: { itemSize: 1, storageClass: 'ByteStorage', view: Uint8Array },
  bool: { itemSize: 1, storageClass: 'BoolStorage', view: Uint8Array },
};

export const DTYPES = Object.keys(FACTS) as readonly Dtype[];

const BY_STORAGE_CLASS = new Map(DTYPES.map((dtype) => [FACTS[dtype].storageClass, dtype]));

/** Bytes a value takes. */
export function itemSizeOf(dtype: Dtype): 1 | 2 | 4 | 8 {
  return FACTS[dtype].itemSize;
}

/** `FloatStorage` for float32, as a pickle names it. */
export function storageClassOf(dtype: Dtype): string {
  return FACTS[dtype].storageClass;
}

/** The dtype of `FloatStorage` and its like; undefined for a name that is none of them. */
export function dtypeOfStorageClass(name: string): Dtype | undefined {
  return BY_STORAGE_CLASS.get(name);
}

/** Bytes of an aligned buffer as values of a type. */
export function viewValues(dtype: Dtype, bytes: Uint8Array<ArrayBuffer>): TensorValues {
  const { view: View, itemSize } = FACTS[dtype];
  return new View(bytes.buffer, bytes.byteOffset, Math.floor(bytes.length / itemSize));
}

/** The values as float32: halves widened exactly, doubles and whole numbers rounded to the nearest. Float32 comes back as it is, uncopied. */
export function toFloat32Values(dtype: Dtype, values: TensorValues): Float32Array {
  if (values instanceof Float32Array) return values;
  if (values instanceof BigInt64Array) return Float32Array.from(values, Number);
  if (values instanceof Uint16Array) return dtype === 'bfloat16' ? widenBfloat16(values) : widenFloat16(values);
  return new Float32Array(values);
}

/** A bfloat16 is the upper half of a float32. */
function widenBfloat16(halves: Uint16Array): Float32Array {
  const bits = new Uint32Array(halves.length);
  halves.forEach((half, index) => {
    bits[index] = half << 16;
  });
  return new Float32Array(bits.buffer);
}

/** IEEE 754 binary16: 1 sign bit, 5 of exponent (bias 15), 10 of fraction. */
function widenFloat16(halves: Uint16Array): Float32Array {
  const bits = new Uint32Array(halves.length);
  const floats = new Float32Array(bits.buffer);
  halves.forEach((half, index) => {
    const sign = (half & 0x8000) << 16;
    const exponent = half & 0x7c00;
    const fraction = half & 0x03ff;
    if (exponent === 0) floats[index] = (sign === 0 ? 1 : -1) * fraction * 2 ** -24;
    else if (exponent === 0x7c00) bits[index] = sign | 0x7f800000 | (fraction << 13);
    else bits[index] = sign | (((half & 0x7fff) << 13) + (112 << 23));
  });
  return floats;
}

/** The two types of half a float32's size. */
export type HalfDtype = 'float16' | 'bfloat16';

/** Float32 values as the bits of halves, rounded to the nearest, ties to even, as PyTorch's `tensor.to(dtype)` does. */
export function toHalves(dtype: HalfDtype, values: Float32Array): Uint16Array {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  const round = dtype === 'bfloat16' ? bfloat16Of : float16Of;
  return Uint16Array.from(bits, round);
}

/**
 * {@link toHalves} for the finite values of a tensor.
 * @throws MalformedCheckpoint that names the tensor, where a value is too large for the type and would become infinite.
 */
export function finiteHalves(name: string, dtype: HalfDtype, values: Float32Array): Uint16Array {
  const halves = toHalves(dtype, values);
  const exponent = dtype === 'bfloat16' ? 0x7f80 : 0x7c00;
  const overflown = halves.reduce((count, half) => count + ((half & exponent) === exponent ? 1 : 0), 0);
  if (overflown === 0) return halves;
  const largest = dtype === 'bfloat16' ? '3.4e38' : '65504';
  throw new MalformedCheckpoint(
    `${dtype} cannot hold its weights: ${overflown} of ${values.length} values of ${name} are larger than ${largest} and would become infinite; ` +
      `take ${dtype === 'float16' ? 'bfloat16 or float32' : 'float32'}.`,
  );
}

/** A bfloat16 is the upper half of a float32. */
function bfloat16Of(bits: number): number {
  if ((bits & 0x7fffffff) > INFINITY_BITS) return ((bits >>> 16) & 0x8000) | 0x7fc0;
  return ((bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16) & 0xffff;
}

/** IEEE 754 binary16: 1 sign bit, 5 of exponent (bias 15), 10 of fraction. */
function float16Of(bits: number): number {
  const sign = (bits >>> 16) & 0x8000;
  const magnitude = bits & 0x7fffffff;
  if (magnitude > INFINITY_BITS) return sign | 0x7e00;
  if (magnitude >= TOO_LARGE_FOR_FLOAT16) return sign | 0x7c00;
  if (magnitude < SMALLEST_NORMAL_FLOAT16) return sign | roundToEven(valueOf(magnitude) * 2 ** 24);
  return sign | ((magnitude - EXPONENT_SHIFT + 0x0fff + ((magnitude >>> 13) & 1)) >>> 13);
}

const INFINITY_BITS = 0x7f800000;
/** 2^16 as float32 bits; what lies between 65,520 and it becomes infinite by rounding. */
const TOO_LARGE_FOR_FLOAT16 = 0x47800000;
/** 2^-14 as float32 bits. */
const SMALLEST_NORMAL_FLOAT16 = 0x38800000;
/** The difference of the exponents' biases, 127 − 15, in the place of the exponent. */
const EXPONENT_SHIFT = 112 << 23;

const scratch = new Uint32Array(1);
const scratchFloat = new Float32Array(scratch.buffer);

function valueOf(bits: number): number {
  scratch[0] = bits;
  return elementAt(scratchFloat, 0);
}

function roundToEven(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor;
  if (rest !== 0.5) return rest < 0.5 ? floor : floor + 1;
  return floor % 2 === 0 ? floor : floor + 1;
}
