import { landmarkAt, LANDMARKS, type Point } from './landmarks';

/** How much of a clip a hand is before the face. */
export interface Occlusion {
  /** Of the clip's frames, from 0 to 1. */
  readonly share: number;
  /** Frames one after the other, at most. */
  readonly longest_run: number;
}

/** The hand's landmarks whose middle is the palm's: the wrist and the fingers' first joints. */
const PALM = [0, 5, 9, 13, 17] as const;
const FINGERTIPS = [4, 8, 12, 16, 20] as const;

interface Ellipse {
  readonly centre: Point;
  readonly halfWidth: number;
  readonly halfHeight: number;
}

/**
 * How much of a clip a hand is before the face: in how many frames the palm's centre or a fingertip of either hand lies within the ellipse about the face. A face
 * that a hand covers is often not found; then the ellipse is where it was seen last.
 * @param frames of each of the clip's frames its landmarks.
 */
export function occlusionOf(frames: readonly Float32Array[]): Occlusion {
  let face: Ellipse | undefined;
  let [occluded, run, longest] = [0, 0, 0];
  for (const frame of frames) {
    face = faceOf(frame) ?? face;
    const covered = face !== undefined && isCovered(face, frame);
    run = covered ? run + 1 : 0;
    if (covered) occluded++;
    longest = Math.max(longest, run);
  }
  return { share: frames.length === 0 ? 0 : occluded / frames.length, longest_run: longest };
}

/** The ellipse that the box about a frame's face holds; undefined where no face was found. */
function faceOf(frame: Float32Array): Ellipse | undefined {
  let [left, right, top, bottom] = [Infinity, -Infinity, Infinity, -Infinity];
  for (let landmark = 0; landmark < LANDMARKS.face.count; landmark++) {
    const point = landmarkAt(frame, LANDMARKS.face, landmark);
    if (point === undefined) return undefined;
    [left, right] = [Math.min(left, point.x), Math.max(right, point.x)];
    [top, bottom] = [Math.min(top, point.y), Math.max(bottom, point.y)];
  }
  return { centre: { x: (left + right) / 2, y: (top + bottom) / 2 }, halfWidth: (right - left) / 2, halfHeight: (bottom - top) / 2 };
}

function isCovered(face: Ellipse, frame: Float32Array): boolean {
  return [LANDMARKS.leftHand, LANDMARKS.rightHand].some((hand) => {
    const palm = PALM.flatMap((landmark) => landmarkAt(frame, hand, landmark) ?? []);
    if (palm.length === 0) return false;
    const tips = FINGERTIPS.flatMap((landmark) => landmarkAt(frame, hand, landmark) ?? []);
    return [middleOf(palm), ...tips].some((point) => isWithin(face, point));
  });
}

function middleOf(points: readonly Point[]): Point {
  const sum = points.reduce((total, { x, y }) => ({ x: total.x + x, y: total.y + y }), { x: 0, y: 0 });
  return { x: sum.x / points.length, y: sum.y / points.length };
}

function isWithin({ centre, halfWidth, halfHeight }: Ellipse, { x, y }: Point): boolean {
  return ((x - centre.x) / halfWidth) ** 2 + ((y - centre.y) / halfHeight) ** 2 <= 1;
}
