/** What a `.npy` begins with. */
export const MAGIC = '\x93NUMPY';

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
/** Values and what they are. */
export type TypedValues = { [T in NpyType]: { readonly dtype: T; readonly values: ValuesOfType[T] } }[NpyType];

/** An array as NumPy saved it, its values in C order. A 0-d array has the shape `[]` and one value. */
export type NpyArray = TypedValues & { readonly shape: readonly number[] };
