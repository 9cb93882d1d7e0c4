import type { NamedArrays } from '../named-tensors';
import { DataType, type TensorType } from './recording';

/** Inputs' types by name. */
export type InputTypes = ReadonlyMap<string, TensorType>;

/** The types of a run's inputs, in the order of their names. */
export function inputTypesOf(arrays: NamedArrays): InputTypes {
  const types = Object.entries(arrays).map(([name, { shape, values }]): [string, TensorType] => [
    name,
    { dtype: values instanceof Int32Array ? DataType.int32 : DataType.float32, shape },
  ]);
  return new Map(types.sort(([left], [right]) => (left < right ? -1 : 1)));
}

/** A text that is the same for inputs of the same names and types. */
export function keyOfTypes(types: InputTypes): string {
  return JSON.stringify([...types]);
}
