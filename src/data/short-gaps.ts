import { elementAt } from '../foundation/required';

/**
 * Fills gaps of each key point that are at most so long, on a straight line between the frames before and after, as the PyTorch pipeline does. What is missing at a clip's
 * beginning or end stays missing.
 * @param values `[frames, points × dimensions]`, changed in place.
 * @param mask `[frames, points]`, 1 where a point was found; those that are filled in get 1.
 * @param longest in frames.
 * @returns how many key points were filled in.
 */
export function fillShortGaps(
  { frames, points, dimensions }: { readonly frames: number; readonly points: number; readonly dimensions: number },
  values: Float32Array,
  mask: Uint8Array,
  longest: number,
): number {
  let filled = 0;
  for (let point = 0; point < points; point++) {
    let before: number | undefined;
    for (let frame = 0; frame < frames; frame++) {
      if (mask[frame * points + point] === 0) continue;
      const gap = before === undefined ? 0 : frame - before - 1;
      if (before !== undefined && gap > 0 && gap <= longest) {
        for (let missing = before + 1; missing < frame; missing++) {
          const share = (missing - before) / (frame - before);
          for (let axis = 0; axis < dimensions; axis++) {
            const valueAt = (place: number): number => elementAt(values, (place * points + point) * dimensions + axis);
            values[(missing * points + point) * dimensions + axis] = (1 - share) * valueAt(before) + share * valueAt(frame);
          }
          mask[missing * points + point] = 1;
          filled++;
        }
      }
      before = frame;
    }
  }
  return filled;
}
