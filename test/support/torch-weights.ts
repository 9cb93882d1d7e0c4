import { readWeights } from '../../src/checkpoint/training-checkpoint';
import type { ParameterValues } from '../../src/engine/parameters';

/** The weights of a `.pt` file by name. */
export function readWeightValues(file: string): ParameterValues {
  return new Map([...readWeights(file).model].map(([name, { values }]) => [name, values]));
}
