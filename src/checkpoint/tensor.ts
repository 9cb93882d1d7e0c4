import { itemSizeOf, toFloat32Values, viewValues, type Dtype, type TensorValues } from './dtype';
import { MalformedCheckpoint } from './malformed-checkpoint';
import { elementAt } from '../foundation/required';

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
