import type { tf } from './tensorflow';
import { elementAt } from '../foundation/required';
import type { RandomStream } from '../foundation/random';

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
  /** Whether it belongs to the training and not to the model, as a weight of a loss: it is neither counted in the gradient's norm nor clipped nor averaged. */
  readonly ofTraining?: true;
  /** How a checkpoint holds it: float32 unless said otherwise. */
  readonly storedAs?: 'int64';
}

/** The parameters that an average of the weights is kept of: those of the model that are trained. */
export function averagedParameters(declarations: readonly ParameterDeclaration[]): ParameterDeclaration[] {
  return declarations.filter(({ trainable, ofTraining }) => trainable && ofTraining !== true);
}

/** Values by state_dict name. */
export type ParameterValues = ReadonlyMap<string, Float32Array>;

/** Values of the moment when they were taken hold of, whatever became of them since. They take memory until they are read or let go of. */
export interface Held<Values> {
  /** Copies them out, once, a tensor at a time, and gives each as soon as it is copied: whoever asks may do other work before the next. */
  read(): Generator<Float32Array, Values, undefined>;
  release(): void;
}

/**
 * Draws parameters' first values, in the order of the declarations.
 * @param given values that some of them have already: these are not drawn.
 */
export function initialiseParameters(
  declarations: readonly ParameterDeclaration[],
  random: RandomStream,
  given: ParameterValues = new Map(),
): ParameterValues {
  return new Map(declarations.map(({ name, shape, initialise }) => [name, given.get(name) ?? initialise(random, sizeOfShape(shape))]));
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

/** Uniform in ±sqrt(6 / (fan_in + fan_out)): `torch.nn.init.xavier_uniform_` (Glorot & Bengio 2010). */
export function xavierUniform(fanIn: number, fanOut: number): ParameterDeclaration['initialise'] {
  const bound = Math.sqrt(6 / (fanIn + fanOut));
  return (random, size) => Float32Array.from({ length: size }, () => random.uniform(-bound, bound));
}

/**
 * A matrix `[rows, columns]` of orthonormal columns, or of orthonormal rows where it is wider than high, drawn evenly from all such: `torch.nn.init.orthogonal_`
 * (Saxe et al. 2014). Vectors drawn from a normal distribution are made orthonormal one after the other (Gram-Schmidt, done twice against rounding).
 */
export function orthogonal(rows: number, columns: number): ParameterDeclaration['initialise'] {
  return (random) => {
    const [count, length] = [Math.min(rows, columns), Math.max(rows, columns)];
    const vectors: Float64Array[] = [];
    for (let place = 0; place < count; place++) {
      const vector = Float64Array.from({ length }, () => random.normal());
      for (const other of [...vectors, ...vectors]) subtract(vector, other, dot(vector, other));
      const norm = Math.sqrt(dot(vector, vector));
      vectors.push(vector.map((value) => value / norm));
    }
    return Float32Array.from({ length: rows * columns }, (_, place) => {
      const [row, column] = [Math.floor(place / columns), place % columns];
      return rows >= columns ? elementAt(elementAt(vectors, column), row) : elementAt(elementAt(vectors, row), column);
    });
  };
}

function dot(one: Float64Array, other: Float64Array): number {
  return one.reduce((sum, value, place) => sum + value * elementAt(other, place), 0);
}

function subtract(vector: Float64Array, other: Float64Array, share: number): void {
  other.forEach((value, place) => (vector[place] = elementAt(vector, place) - share * value));
}
