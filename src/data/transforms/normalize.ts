import { widthOfLayout, type KeypointLayout } from '../../config/keypoint-layout';
import { UserError } from '../../foundation/errors';
import { numberAt } from '../../foundation/required';
import type { Clip } from '../clip';
import { isMissing } from '../keypoints';
import type { TransformKind } from './transform';

// Looked up once: in a loop over every key point an import costs more at each look-up than what it computes.
const [missing, number] = [isMissing, numberAt];

const create: TransformKind['create'] = ({ name, by, ...further }, keypoints) => {
  if (by !== 'shoulders' || Object.keys(further).length > 0)
    throw new UserError(`the transform ${name} knows by: shoulders and nothing else, found ${JSON.stringify({ by, ...further })}`);
  if (keypoints === undefined) throw new UserError('normalize by shoulders needs key points; these clips have none');
  const shoulders = shouldersOf(keypoints);
  return { isPartOfModel: true, apply: (clip) => normalizeByShoulders(clip, keypoints, shoulders) };
};

/** Key points in the signer's own measure, wherever the camera stood: `{ name: 'normalize', by: 'shoulders' }`. */
export const normalize: TransformKind = {
  create,
  python: (keypoints) => ({ name: 'normalize', lines: pythonLines(keypoints, shouldersOf(keypoints)) }),
};

function pythonLines(keypoints: KeypointLayout, { left, right }: Shoulders): string[] {
  const { points, dimensions } = keypoints;
  const places = dimensions === 2 ? '' : ', :2';
  const moved =
    dimensions === 2
      ? ['    points = np.where(there[..., None], (points - middle[:, None]) / distance, 0)']
      : [
          '    points[..., :2] -= middle[:, None]  # the depth is scaled alone',
          '    points = np.where(there[..., None], points / distance, 0)',
        ];
  return [
    `def normalize(X):  # float32 [frames, ${widthOfLayout(keypoints)}]`,
    `    points = X.reshape(len(X), ${points.length}, ${dimensions}).astype("float64")`,
    `    there = points.any(-1)  # a missing key point is ${dimensions === 2 ? '(0, 0)' : '(0, 0, 0)'}`,
    `    left, right = points[:, ${left}${places}], points[:, ${right}${places}]  # the shoulders`,
    `    seen = there[:, ${left}] & there[:, ${right}] & (left != right).any(-1)`,
    '    if not seen.any():',
    '        return X',
    '    middle = (left + right) / 2',
    '    middle[~seen] = middle[seen].mean(0)',
    '    distance = np.linalg.norm(left - right, axis=-1)[seen].mean()',
    ...moved,
    '    return points.reshape(X.shape).astype("float32")',
  ];
}

/** The places of the shoulders among a layout's points. */
interface Shoulders {
  readonly left: number;
  readonly right: number;
}

/** What the shoulders are called: by MediaPipe's landmarks, and by name. */
const SHOULDER_NAMES = [
  ['pose_11', 'pose_12'],
  ['left_shoulder', 'right_shoulder'],
] as const;

/** @throws UserError where the layout has no shoulders. */
function shouldersOf({ name, points }: KeypointLayout): Shoulders {
  for (const names of SHOULDER_NAMES) {
    const [left, right] = names.map((point) => points.indexOf(point));
    if (left !== undefined && right !== undefined && left >= 0 && right >= 0) return { left, right };
  }
  const wanted = SHOULDER_NAMES.map((names) => names.join(' and ')).join(', or ');
  throw new UserError(`normalize by shoulders needs the points ${wanted}; ${name} has neither; train with normalize none`);
}

/**
 * Puts the point between the shoulders at (0, 0), frame by frame, and takes the shoulders' mean distance over the clip as 1. A frame in which a shoulder is
 * missing is moved by the mean of the other frames' points; a missing key point stays (0, 0); a clip that shows both shoulders in no frame stays as it is. A depth
 * is measured from points of the person's own, as hips and wrists: it is scaled and not moved.
 *
 * The distance is the clip's, because it is the person's and the camera's: a frame's own shrinks where the person turns aside.
 */
function normalizeByShoulders({ values, frames }: Clip, layout: KeypointLayout, places: Shoulders): Clip {
  const { dimensions } = layout;
  const width = widthOfLayout(layout);
  const shoulders = Array.from({ length: frames }, (_, frame) => shouldersIn(values, frame * width, dimensions, places));
  const seen = shoulders.filter((pair) => pair !== undefined);
  if (seen.length === 0) return { values, frames };
  const usual = { x: mean(seen.map(({ x }) => x)), y: mean(seen.map(({ y }) => y)) };
  const distance = mean(seen.map((pair) => pair.distance));
  const normalized = new Float32Array(values.length);
  shoulders.forEach((pair, frame) => {
    const { x, y } = pair ?? usual;
    const end = (frame + 1) * width;
    for (let at = frame * width; at < end; at += dimensions) {
      if (missing(values, at, dimensions)) continue;
      normalized[at] = (number(values, at) - x) / distance;
      normalized[at + 1] = (number(values, at + 1) - y) / distance;
      if (dimensions === 3) normalized[at + 2] = number(values, at + 2) / distance;
    }
  });
  return { values: normalized, frames };
}

/** The point between the shoulders, and how far they are apart in the picture. */
interface ShouldersSeen {
  readonly x: number;
  readonly y: number;
  readonly distance: number;
}

/** @returns undefined where one of the two is missing, or both lie on one spot. */
function shouldersIn(values: Float32Array, frameAt: number, dimensions: 2 | 3, places: Shoulders): ShouldersSeen | undefined {
  const [left, right] = [frameAt + dimensions * places.left, frameAt + dimensions * places.right];
  if (missing(values, left, dimensions) || missing(values, right, dimensions)) return undefined;
  const [leftX, leftY] = [number(values, left), number(values, left + 1)];
  const [rightX, rightY] = [number(values, right), number(values, right + 1)];
  const distance = Math.hypot(leftX - rightX, leftY - rightY);
  return distance === 0 ? undefined : { x: (leftX + rightX) / 2, y: (leftY + rightY) / 2, distance };
}

function mean(numbers: readonly number[]): number {
  return numbers.reduce((sum, number) => sum + number, 0) / numbers.length;
}
