import type { ParameterDeclaration } from './parameters';

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
      return (rows >= columns ? vectors[column]?.[row] : vectors[row]?.[column]) ?? 0;
    });
  };
}

function dot(one: Float64Array, other: Float64Array): number {
  return one.reduce((sum, value, place) => sum + value * (other[place] ?? 0), 0);
}

function subtract(vector: Float64Array, other: Float64Array, share: number): void {
  other.forEach((value, place) => (vector[place] = (vector[place] ?? 0) - share * value));
}
