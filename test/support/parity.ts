import path from 'node:path';
import { expect } from '@jest/globals';
import { toFloat32 } from '../../src/data/npy';
import { openNpz } from '../../src/data/npz';

/** The folder of PyTorch's figures. */
export const parityFolder = path.resolve(__dirname, '../fixtures/parity');

/** The folder of PyTorch's checkpoints. */
export const torchFolder = path.resolve(__dirname, '../fixtures/torch');

/** Every numeric array of a `.npz`, as float32. */
export async function readArrays(file: string): Promise<Map<string, Float32Array>> {
  const npz = await openNpz(file);
  const arrays = new Map<string, Float32Array>();
  for (const key of npz.keys) arrays.set(key, toFloat32(await npz.read(key)));
  return arrays;
}

/** The array of that name. */
export function arrayNamed(arrays: ReadonlyMap<string, Float32Array>, name: string): Float32Array {
  const array = arrays.get(name);
  if (array === undefined) throw new Error(`no array ${name} among ${[...arrays.keys()].join(', ')}`);
  return array;
}

/** The largest difference of two arrays, relative to the largest expected value. */
export function relativeDifference(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  expect(actual).toHaveLength(expected.length);
  let difference = 0;
  let scale = 0;
  for (let place = 0; place < expected.length; place++) {
    difference = Math.max(difference, Math.abs((actual[place] ?? NaN) - (expected[place] ?? NaN)));
    scale = Math.max(scale, Math.abs(expected[place] ?? NaN));
  }
  return scale === 0 ? difference : difference / scale;
}

/** The length of the difference of two arrays, relative to the length of what was expected. */
export function relativeDistance(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  expect(actual).toHaveLength(expected.length);
  let distance = 0;
  let scale = 0;
  for (let place = 0; place < expected.length; place++) {
    distance += ((actual[place] ?? NaN) - (expected[place] ?? NaN)) ** 2;
    scale += (expected[place] ?? NaN) ** 2;
  }
  return Math.sqrt(distance / (scale === 0 ? 1 : scale));
}
