import type { RandomStream } from '../../foundation/random';
import { keypointCount, keypointGroups } from './skeleton';

/** What decides how a clip's key points go missing. */
export interface Circumstances {
  /** Something hides the person in part: much more is missing. */
  readonly occluded: boolean;
  readonly leftHanded: boolean;
  /** A hand that hangs at the hip is often not found. */
  readonly otherHandRests: boolean;
}

/**
 * Takes key points away as a landmark detector loses them: a hand or a single point for a run of frames, a resting hand for the whole clip. Runs are longer
 * than 5 frames, for in filmed clips shorter gaps have been interpolated.
 * @param values `[frames, 156]`, changed in place; a missing key point becomes (0, 0).
 */
export function loseKeypoints(values: Float32Array, frames: number, circumstances: Circumstances, random: RandomStream): void {
  const { occluded, leftHanded, otherHandRests } = circumstances;
  const [dominant, other] = leftHanded
    ? [keypointGroups.leftHand, keypointGroups.rightHand]
    : [keypointGroups.rightHand, keypointGroups.leftHand];
  const hide = (first: number, count: number, from: number, to: number): void => {
    for (let frame = from; frame < Math.min(to, frames); frame++) {
      const start = 2 * (frame * keypointCount + first);
      values.fill(0, start, start + 2 * count);
    }
  };
  const hideForAWhile = (first: number, count: number, longest: number): void => {
    const length = shortestRun + random.below(longest - shortestRun + 1);
    const from = random.below(Math.max(1, frames - length + 1));
    hide(first, count, from, from + length);
  };

  if (otherHandRests && random.uniform() < 0.95) hide(other, handPoints, 0, frames);
  if (random.uniform() < (occluded ? 0.7 : 0.08)) hideForAWhile(dominant, handPoints, 8);
  if (random.uniform() < (occluded ? 0.7 : 0.08)) hideForAWhile(other, handPoints, 12);
  if (random.uniform() < (occluded ? 0.5 : 0.03)) hideForAWhile(keypointGroups.face, facePoints, 12);
  const points = occluded ? 4 + random.below(8) : 1 + random.below(3);
  for (let point = 0; point < points; point++) hideForAWhile(random.below(keypointCount), 1, 14);
}

const shortestRun = 6;
const handPoints = 21;
const facePoints = 11;
