import type { ParameterDeclaration } from '../../engine/parameters';

/** The sinusoidal positions of Vaswani et al. 2017 as a buffer `[1, length, width]`: sine at even, cosine at odd places. */
export function positionParameter(name: string, length: number, width: number): ParameterDeclaration {
  return { name, shape: [1, length, width], trainable: false, computed: true, initialise: () => sinusoidalPositions(length, width) };
}

function sinusoidalPositions(length: number, width: number): Float32Array {
  const positions = new Float32Array(length * width);
  for (let place = 0; place < width; place += 2) {
    const frequency = Math.exp((-Math.log(10_000) * place) / width);
    for (let position = 0; position < length; position++) {
      positions[position * width + place] = Math.sin(position * frequency);
      if (place + 1 < width) positions[position * width + place + 1] = Math.cos(position * frequency);
    }
  }
  return positions;
}
