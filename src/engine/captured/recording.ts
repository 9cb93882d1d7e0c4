/** TensorFlow's numbers of the types that captured graphs name (tensorflow/core/framework/types.proto). */
export const DataType = {
  float32: 1,
  int32: 3,
  uint8: 4,
  string: 7,
  int64: 9,
  bool: 10,
  bfloat16: 14,
  float16: 19,
  resource: 20,
  variant: 21,
  uint64: 23,
} as const;

/** What a tensor is, without its values. */
export interface TensorType {
  /** One of TensorFlow's type numbers. */
  readonly dtype: number;
  readonly shape: readonly number[];
}

/** A tensor whose values are known: little-endian, row by row. */
export interface Constant extends TensorType {
  readonly bytes: Uint8Array;
}

export type AttributeValue =
  | { readonly kind: 'type'; readonly value: number }
  | { readonly kind: 'types'; readonly value: readonly number[] }
  | { readonly kind: 'int'; readonly value: number }
  | { readonly kind: 'ints'; readonly value: readonly number[] }
  | { readonly kind: 'float'; readonly value: number }
  | { readonly kind: 'floats'; readonly value: readonly number[] }
  | { readonly kind: 'bool'; readonly value: boolean }
  | { readonly kind: 'string'; readonly value: string }
  | { readonly kind: 'shape'; readonly value: readonly number[] }
  | { readonly kind: 'shapes'; readonly value: readonly (readonly number[])[] }
  | { readonly kind: 'tensor'; readonly value: Constant }
  | { readonly kind: 'function'; readonly value: FunctionDefinition };

export type Attributes = Readonly<Record<string, AttributeValue>>;

/** A function of a graph, which an operation such as a loop calls. Within it, outputs are named as TensorFlow names them there: `node:argument:place`. */
export interface FunctionDefinition {
  /** The types of its inputs, which its nodes know as `in0`, `in1` … */
  readonly inputs: readonly number[];
  readonly nodes: readonly FunctionNode[];
  readonly outputs: readonly { readonly dtype: number; readonly value: string }[];
}

export interface FunctionNode {
  readonly name: string;
  readonly operation: string;
  readonly inputs: readonly string[];
  readonly attributes: Attributes;
}

/** A tensor of a recording, by the order in which it came up. */
export type ValueNumber = number;

/** One TensorFlow operation of a recording. */
export interface Operation {
  readonly name: string;
  readonly attributes: Attributes;
  readonly inputs: readonly ValueNumber[];
  readonly outputs: readonly ValueNumber[];
  /** Where it must run; TensorFlow chooses where there is none. */
  readonly device?: string;
}

/** A computation as the TensorFlow operations it consists of, in an order in which they can run. */
export interface Recording {
  /** The type of every tensor. */
  readonly types: ReadonlyMap<ValueNumber, TensorType>;
  /** What the computation is given at each run, by name. */
  readonly given: ReadonlyMap<string, ValueNumber>;
  readonly constants: ReadonlyMap<ValueNumber, Constant>;
  readonly operations: readonly Operation[];
  /** What it gives, by name. */
  readonly results: ReadonlyMap<string, ValueNumber>;
}

/** The type of a tensor of a recording. @throws Error where there is none of that number. */
export function typeOf(types: Recording['types'], value: ValueNumber): TensorType {
  const type = types.get(value);
  if (type === undefined) throw new Error(`the recording has no tensor ${value}`);
  return type;
}

/** The operations that the results depend on, in the same order. */
export function neededOperations({ operations, results }: Recording): Operation[] {
  const needed = new Set(results.values());
  const kept = operations.toReversed().filter(({ inputs, outputs }) => {
    const wanted = outputs.some((output) => needed.has(output));
    if (wanted) for (const input of inputs) needed.add(input);
    return wanted;
  });
  return kept.reverse();
}

/**
 * A computation that cannot be recorded as a graph, or a graph that TensorFlow refuses. It is a mistake in the model's code, not in the user's data: the
 * message names the operation and says what to write instead.
 */
export class CaptureError extends Error {
  override readonly name: string = 'CaptureError';
}
