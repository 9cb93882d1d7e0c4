import type { RandomStream } from '../foundation/random';
import { sizeOfShape } from './named-tensors';

/** A weight or buffer of a model, under its state_dict name and in PyTorch's layout. */
export interface ParameterDeclaration {
  readonly name: string;
  readonly shape: readonly number[];
  /** False for a buffer: saved with the model, never trained. */
  readonly trainable: boolean;
  /** Its first values, drawn from the run's seed. */
  readonly initialise: (random: RandomStream, size: number) => Float32Array;
  /** Whether its first values are the right ones for any weights, so that a checkpoint may lack it. */
  readonly computed?: true;
  /** How a checkpoint holds it: float32 unless said otherwise. */
  readonly storedAs?: 'int64';
}

/** Values by state_dict name. */
export type ParameterValues = ReadonlyMap<string, Float32Array>;

/** Draws every parameter's first values, in the order of the declarations. */
export function initialiseParameters(declarations: readonly ParameterDeclaration[], random: RandomStream): ParameterValues {
  return new Map(declarations.map(({ name, shape, initialise }) => [name, initialise(random, sizeOfShape(shape))]));
}

/** Uniform in ±1/sqrt(fan_in): what PyTorch's Linear draws for its weight and its bias. */
export function uniformFanIn(fanIn: number): ParameterDeclaration['initialise'] {
  const bound = 1 / Math.sqrt(fanIn);
  return (random, size) => Float32Array.from({ length: size }, () => random.uniform(-bound, bound));
}

/** The standard normal distribution. */
export const standardNormal: ParameterDeclaration['initialise'] = (random, size) =>
  Float32Array.from({ length: size }, () => random.normal());

/** The same value everywhere. */
export function constantValue(value: number): ParameterDeclaration['initialise'] {
  return (_random, size) => new Float32Array(size).fill(value);
}
