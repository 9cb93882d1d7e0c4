import { KEYPOINT_WIDTH } from '../../config/data-settings';
import { UserError } from '../../foundation/errors';
import { elementAt } from '../../foundation/required';
import type { Clip } from '../clip';
import { isMissing, SHOULDERS } from '../keypoints';
import type { TransformKind } from './transform';

const create: TransformKind['create'] = ({ name, by, ...further }, width) => {
  if (by !== 'shoulders' || Object.keys(further).length > 0)
    throw new UserError(`the transform ${name} knows by: shoulders and nothing else, found ${JSON.stringify({ by, ...further })}`);
  if (width !== KEYPOINT_WIDTH)
    throw new UserError(`normalize by shoulders needs key points, ${KEYPOINT_WIDTH} numbers a frame; these clips have ${width}`);
  return { isPartOfModel: true, apply: normalizeByShoulders };
};

/** Key points in the signer's own measure, wherever the camera stood: `{ name: 'normalize', by: 'shoulders' }`. */
export const normalize: TransformKind = {
  create,
  python: {
    name: 'normalize',
    lines: [
      'def normalize(X):  # float32 [frames, 156]',
      '    points = X.reshape(len(X), 78, 2).astype("float64")',
      '    there = points.any(-1)  # a missing key point is (0, 0)',
      '    left, right = points[:, 11], points[:, 12]  # the shoulders',
      '    seen = there[:, 11] & there[:, 12] & (left != right).any(-1)',
      '    if not seen.any():',
      '        return X',
      '    middle = (left + right) / 2',
      '    middle[~seen] = middle[seen].mean(0)',
      '    distance = np.linalg.norm(left - right, axis=-1)[seen].mean()',
      '    points = np.where(there[..., None], (points - middle[:, None]) / distance, 0)',
      '    return points.reshape(X.shape).astype("float32")',
    ],
  },
};

/**
 * Puts the point between the shoulders at (0, 0), frame by frame, and takes the shoulders' mean distance over the clip as 1. A frame in which a shoulder is
 * missing is moved by the mean of the other frames' points; a missing key point stays (0, 0); a clip that shows both shoulders in no frame stays as it is.
 *
 * The distance is the clip's, because it is the person's and the camera's: a frame's own shrinks where the person turns aside.
 */
function normalizeByShoulders({ values, frames }: Clip): Clip {
  const shoulders = Array.from({ length: frames }, (_, frame) => shouldersOf(values, frame * KEYPOINT_WIDTH));
  const seen = shoulders.filter((pair) => pair !== undefined);
  if (seen.length === 0) return { values, frames };
  const usual = { x: mean(seen.map(({ x }) => x)), y: mean(seen.map(({ y }) => y)) };
  const distance = mean(seen.map((pair) => pair.distance));
  const normalized = new Float32Array(values.length);
  shoulders.forEach((pair, frame) => {
    const { x, y } = pair ?? usual;
    const end = (frame + 1) * KEYPOINT_WIDTH;
    for (let at = frame * KEYPOINT_WIDTH; at < end; at += 2) {
      if (isMissing(values, at)) continue;
      normalized[at] = ((values[at] ?? NaN) - x) / distance;
      normalized[at + 1] = ((values[at + 1] ?? NaN) - y) / distance;
    }
  });
  return { values: normalized, frames };
}

/** The point between the shoulders, and how far they are apart. */
interface Shoulders {
  readonly x: number;
  readonly y: number;
  readonly distance: number;
}

/** @returns undefined where one of the two is missing, or both lie on one spot. */
function shouldersOf(values: Float32Array, frameAt: number): Shoulders | undefined {
  const [left, right] = [frameAt + 2 * SHOULDERS.left, frameAt + 2 * SHOULDERS.right];
  if (isMissing(values, left) || isMissing(values, right)) return undefined;
  const [leftX, leftY] = [elementAt(values, left), elementAt(values, left + 1)];
  const [rightX, rightY] = [elementAt(values, right), elementAt(values, right + 1)];
  const distance = Math.hypot(leftX - rightX, leftY - rightY);
  return distance === 0 ? undefined : { x: (leftX + rightX) / 2, y: (leftY + rightY) / 2, distance };
}

function mean(numbers: readonly number[]): number {
  return numbers.reduce((sum, number) => sum + number, 0) / numbers.length;
}
