import type { tf } from './tensorflow';

/** Tensors under the names that a state_dict or a step's inputs give them. */
export type NamedTensors = Readonly<Record<string, tf.Tensor>>;

/** Values on the JavaScript side of a step: what goes in and what comes out. */
export interface HostArray {
  readonly shape: readonly number[];
  readonly values: Float32Array | Int32Array;
}

export type NamedArrays = Readonly<Record<string, HostArray>>;

/** The tensor of that name. @throws Error (a bug, not a user's mistake) where there is none. */
export function tensorNamed(tensors: NamedTensors, name: string): tf.Tensor {
  const tensor = tensors[name];
  if (tensor === undefined) throw new Error(`no tensor is named ${name}; there are: ${Object.keys(tensors).join(', ')}`);
  return tensor;
}

/** The values of that name. @throws Error where there are none. */
export function valuesNamed(arrays: NamedArrays, name: string): Float32Array | Int32Array {
  const array = arrays[name];
  if (array === undefined) throw new Error(`no array is named ${name}; there are: ${Object.keys(arrays).join(', ')}`);
  return array.values;
}

export function sizeOfShape(shape: readonly number[]): number {
  return shape.reduce((size, dimension) => size * dimension, 1);
}
