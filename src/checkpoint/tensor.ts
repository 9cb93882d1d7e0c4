import { elementAt } from '../foundation/required';
import { MalformedCheckpoint } from './bytes';

/** A block of numbers that tensors view; it is read when it is first wanted. */
export class TorchStorage {
  /** How many tensors view it: one that has several keeps its bytes, one that has a single one hands them over. */
  viewers = 0;
  private kept: Uint8Array<ArrayBuffer> | undefined;

  /**
   * @param length in values.
   * @param load gives its bytes in the host's byte order, in a buffer of their own.
   */
  constructor(
    readonly dtype: Dtype,
    readonly length: number,
    private readonly load: () => Uint8Array<ArrayBuffer>,
  ) {}

  get byteLength(): number {
    return this.length * itemSizeOf(this.dtype);
  }

  /** The bytes; not to be changed where the storage has several viewers. */
  bytes(): Uint8Array<ArrayBuffer> {
    if (this.viewers < 2) return this.load();
    this.kept ??= this.load();
    return this.kept;
  }
}

/** As in PyTorch and NumPy. */
export const MOST_DIMENSIONS = 64;

/** A view of a storage, as PyTorch's: value `[i, j]` is at `offset + i * strides[0] + j * strides[1]`. */
export class TorchTensor {
  /** Number of values. */
  readonly length: number;

  /** @throws MalformedCheckpoint where the view reaches out of its storage, or has more dimensions than any. */
  constructor(
    readonly storage: TorchStorage,
    readonly offset: number,
    readonly shape: readonly number[],
    readonly strides: readonly number[],
  ) {
    if (shape.length > MOST_DIMENSIONS) throw new MalformedCheckpoint(`it has a tensor of ${shape.length} dimensions: it is forged.`);
    this.length = shape.reduce((product, size) => product * size, 1);
    if (strides.length !== shape.length)
      throw new MalformedCheckpoint(`a tensor of ${shape.length} dimensions has ${strides.length} strides.`);
    const last = shape.reduce((sum, size, axis) => sum + (size - 1) * elementAt(strides, axis), offset);
    if (!Number.isSafeInteger(this.length) || (this.length > 0 && last >= storage.length))
      throw new MalformedCheckpoint(`a tensor of shape [${shape.join(', ')}] reaches past its storage of ${storage.length} values.`);
    storage.viewers++;
  }

  get dtype(): Dtype {
    return this.storage.dtype;
  }

  /** Bytes of its values, which with strides and shared storages need not be those of its storage. */
  get byteLength(): number {
    return this.length * itemSizeOf(this.dtype);
  }

  /** The values in row-major order, in an array of the caller's own (a tensor made by {@link tensorOf} gives back the one it was made of). */
  values(): TensorValues {
    const { storage, offset, length, dtype } = this;
    const all = viewValues(dtype, storage.bytes());
    if (!isContiguous(this.shape, this.strides)) return this.gather(all);
    const whole = offset === 0 && length === storage.length && storage.viewers < 2;
    return whole ? all : all.slice(offset, offset + length);
  }

  /** {@link values} as float32 (see {@link toFloat32Values}). */
  toFloat32(): Float32Array {
    return toFloat32Values(this.dtype, this.values());
  }

  private gather(source: TensorValues): TensorValues {
    const gathered = viewValues(this.dtype, new Uint8Array(this.length * itemSizeOf(this.dtype)));
    this.walk((from, to) => {
      if (gathered instanceof BigInt64Array) gathered[to] = BigInt(elementAt<bigint | number>(source, from));
      else gathered[to] = Number(elementAt<bigint | number>(source, from));
    });
    return gathered;
  }

  /** Visits the view's values in row-major order, with a counter an axis. */
  private walk(visit: (from: number, to: number) => void): void {
    const { shape, strides } = this;
    const index = shape.map(() => 0);
    let from = this.offset;
    for (let to = 0; to < this.length; to++) {
      visit(from, to);
      for (let axis = shape.length - 1; axis >= 0; axis--) {
        const next = elementAt(index, axis) + 1;
        from += elementAt(strides, axis);
        if (next < elementAt(shape, axis)) {
          index[axis] = next;
          break;
        }
        index[axis] = 0;
        from -= next * elementAt(strides, axis);
      }
    }
  }
}

/**
 * A tensor of values at hand, row-major; they are not copied.
 * @throws RangeError where there are more or fewer values than the shape has, or they are of another type.
 */
export function tensorOf(dtype: Dtype, shape: readonly number[], values: TensorValues): TorchTensor {
  const bytes = new Uint8Array(values.buffer as ArrayBuffer, values.byteOffset, values.byteLength);
  const length = shape.reduce((product, size) => product * size, 1);
  if (values.length !== length || values.BYTES_PER_ELEMENT !== itemSizeOf(dtype))
    throw new RangeError(
      `A ${dtype} tensor of shape [${shape.join(', ')}] needs ${length} values, not ${values.length} of ${values.BYTES_PER_ELEMENT} bytes.`,
    );
  return new TorchTensor(new TorchStorage(dtype, length, () => bytes), 0, shape, contiguousStrides(shape));
}

/** The strides of a row-major tensor, as PyTorch computes them. */
export function contiguousStrides(shape: readonly number[]): number[] {
  const strides = shape.map(() => 1);
  for (let axis = shape.length - 2; axis >= 0; axis--)
    strides[axis] = elementAt(strides, axis + 1) * Math.max(elementAt(shape, axis + 1), 1);
  return strides;
}

/** The stride of an axis of one value is of no account. */
function isContiguous(shape: readonly number[], strides: readonly number[]): boolean {
  const expected = contiguousStrides(shape);
  return shape.every((size, axis) => size === 1 || strides[axis] === expected[axis]);
}

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
function viewValues(dtype: Dtype, bytes: Uint8Array<ArrayBuffer>): TensorValues {
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
