import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { HOLISTIC_78 } from '../../src/config/known-layouts';
import { toFloat32 } from '../../src/data/npy';
import type { NpyArray } from '../../src/data/npy-array';
import { formatNpy } from '../../src/data/npy-write';
import { openNpz } from '../../src/data/npz';

/** Files that other programs' own libraries wrote; `write.py` there says how. */
export const landmarkFixtures = path.join(__dirname, '../fixtures/landmarks');

type Part = 'pose' | 'face' | 'left_hand' | 'right_hand';
const OFFSETS: Readonly<Record<string, number>> = { pose: 0.1, face: 0.2, left_hand: 0.3, right_hand: 0.4 };
/** A pose is spread over the picture, a face is small. */
const STEPS: Readonly<Record<string, number>> = { pose: 0.01, face: 0.0001, left_hand: 0.001, right_hand: 0.001 };

/** x, y and z of a landmark: a function of its part, its number and its frame, the same as in `write.py`. */
export function placeOf(part: string, landmark: number, frame: number): [number, number, number] {
  const [offset, step] = [OFFSETS[part] ?? NaN, STEPS[part] ?? NaN];
  return [offset + landmark * step + frame / 100, 0.9 - offset - (landmark * step) / 2, -landmark / 1000];
}

/** Which landmarks of a clip are there. */
export type IsFound = (part: string, frame: number, landmark: number) => boolean;

/** The left hand is out of sight in the second frame. */
export const leftHandLeaves: IsFound = (part, frame) => !(part === 'left_hand' && frame === 1);

/** The numbers of a clip of 78 points, `[frames, 156]`, 0 where a point is missing. */
export function expectedValues(frames: number, isFound: IsFound = leftHandLeaves): number[] {
  return Array.from({ length: frames }, (_, frame) =>
    HOLISTIC_78.points.flatMap((point) => {
      const [part = '', number = ''] = point.split(/_(?=\d+$)/);
      return isFound(part, frame, Number(number)) ? placeOf(part, Number(number), frame).slice(0, 2) : [0, 0];
    }),
  ).flat();
}

const COUNTS: Readonly<Record<Part, number>> = { pose: 33, face: 468, left_hand: 21, right_hand: 21 };

/** A frame as MediaPipe's own lists of landmarks have it, part by part; of a part that was not found zeros. */
export function frameNumbers(parts: readonly Part[], frame: number, numbers: number, isFound: IsFound = leftHandLeaves): number[] {
  return parts.flatMap((part) =>
    Array.from({ length: COUNTS[part] }, (_, landmark) => {
      const visible = part === 'pose' && numbers === 4 ? [0.9] : [];
      const count = part === 'pose' ? numbers : Math.min(3, numbers);
      return isFound(part, frame, landmark)
        ? [...placeOf(part, landmark, frame).slice(0, Math.min(3, count)), ...visible]
        : new Array<number>(count).fill(0);
    }).flat(),
  );
}

export const ALL_PARTS: readonly Part[] = ['pose', 'face', 'left_hand', 'right_hand'];

/** Writes numbers as an `.npy`, and the folders above it. */
export function writeNpy(file: string, shape: readonly number[], values: readonly number[]): void {
  mkdirSync(path.dirname(file), { recursive: true });
  const array: NpyArray = { dtype: 'float32', shape, values: Float32Array.from(values) };
  writeFileSync(file, formatNpy(array));
}

/** Writes `MP_Data/<sign>/<clip>/<frame>.npy`, 1662 numbers a frame. */
export function writeMpData(folder: string, signs: readonly string[], clips: number, frames: number): void {
  for (const sign of signs)
    for (let clip = 0; clip < clips; clip++)
      for (let frame = 0; frame < frames; frame++)
        writeNpy(path.join(folder, sign, String(clip), `${frame}.npy`), [1662], frameNumbers(ALL_PARTS, frame, 4));
}

/** Writes a text, and the folders above it. */
export function writeText(file: string, text: string): void {
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, text);
}

/** What a written clip holds. */
export async function readWritten(
  file: string,
): Promise<{ values: number[]; mask: number[]; moments: number[]; meta: Record<string, unknown> }> {
  const npz = await openNpz(file);
  const [values, mask, moments, meta] = [
    await npz.read('X'),
    await npz.read('mask'),
    await npz.read('timestamps_ms'),
    await npz.read('meta'),
  ];
  if (meta.dtype !== 'text') throw new Error('meta is no text');
  return {
    values: [...toFloat32(values)],
    mask: [...toFloat32(mask)],
    moments: [...toFloat32(moments)],
    meta: JSON.parse(meta.values[0] ?? '') as Record<string, unknown>,
  };
}
