import { FACE_LANDMARKS, HOLISTIC_78 } from '../config/known-layouts';
import { fillShortGaps } from '../data/short-gaps';
import { elementAt } from '../foundation/required';

/** A part of MediaPipe Holistic's landmarks in the numbers of a frame. */
interface LandmarkPart {
  /** The place of its first number. */
  readonly start: number;
  readonly count: number;
  /** Numbers a landmark: x and y as shares of the picture, of the pose its visibility too. */
  readonly numbers: 2 | 3;
}

/** What MediaPipe finds in a frame, in the order in which the worker sends it; NaN where a part was not found. */
export const LANDMARKS = {
  pose: { start: 0, count: 33, numbers: 3 },
  leftHand: { start: 99, count: 21, numbers: 2 },
  rightHand: { start: 141, count: 21, numbers: 2 },
  face: { start: 183, count: 478, numbers: 2 },
} as const satisfies Readonly<Record<string, LandmarkPart>>;

/** Numbers a frame. */
export const LANDMARK_NUMBERS = 1139;

/** Landmarks of the pose that MediaPipe is less sure of than this are not taken. */
export const LEAST_VISIBILITY = 0.5;
/** Of how many frames a key point may be missing and be filled in. */
export const LONGEST_GAP = 5;

/** Key points of a clip: `[frames, 78]`, x and y of each in `values`. */
export interface Keypoints {
  readonly values: Float32Array;
  /** 1 where a key point was found, or filled in. */
  readonly mask: Uint8Array;
}

/** A point in shares of the picture; undefined where it was not found. */
export interface Point {
  readonly x: number;
  readonly y: number;
}

/** A landmark of a frame, whatever its visibility; undefined where its part was not found. */
export function landmarkAt(frame: Float32Array, { start, numbers }: LandmarkPart, landmark: number): Point | undefined {
  const at = start + landmark * numbers;
  const [x, y] = [elementAt(frame, at), elementAt(frame, at + 1)];
  return Number.isNaN(x) || Number.isNaN(y) ? undefined : { x, y };
}

/** Where each of the 78 key points comes from. */
const SOURCES: readonly (readonly [part: LandmarkPart, landmark: number])[] = [
  ...Array.from({ length: 25 }, (_, landmark) => [LANDMARKS.pose, landmark] as const),
  ...Array.from({ length: 21 }, (_, landmark) => [LANDMARKS.leftHand, landmark] as const),
  ...Array.from({ length: 21 }, (_, landmark) => [LANDMARKS.rightHand, landmark] as const),
  ...FACE_LANDMARKS.map((landmark) => [LANDMARKS.face, landmark] as const),
];

/**
 * The key points of a clip: of MediaPipe's landmarks the 78 of the usual layout, of the pose those that are visible enough; short gaps are filled along a line
 * between the frames around them, and what lies outside the picture is moved to its edge.
 * @param frames of each of the clip's frames its landmarks, {@link LANDMARK_NUMBERS} numbers.
 */
export function keypointsOf(frames: readonly Float32Array[]): Keypoints {
  const points = HOLISTIC_78.points.length;
  const values = new Float32Array(frames.length * points * 2);
  const mask = new Uint8Array(frames.length * points);
  SOURCES.forEach(([part, landmark], point) => {
    frames.forEach((frame, place) => {
      const found = isVisible(frame, part, landmark) ? landmarkAt(frame, part, landmark) : undefined;
      if (found === undefined) return;
      values.set([found.x, found.y], 2 * (place * points + point));
      mask[place * points + point] = 1;
    });
  });
  fillShortGaps({ frames: frames.length, points, dimensions: 2 }, values, mask, LONGEST_GAP);
  mask.forEach((isThere, at) => {
    if (isThere === 0) return;
    const [x, y] = [clamped(elementAt(values, 2 * at)), clamped(elementAt(values, 2 * at + 1))];
    values.set([x, y], 2 * at);
    // A point beyond the picture's very corner would look like one that was not found: (0, 0) means that.
    if (x === 0 && y === 0) mask[at] = 0;
  });
  return { values, mask };
}

function isVisible(frame: Float32Array, { start, numbers }: LandmarkPart, landmark: number): boolean {
  return numbers === 2 || elementAt(frame, start + landmark * numbers + 2) >= LEAST_VISIBILITY;
}

function clamped(share: number): number {
  return Math.min(1, Math.max(0, share));
}
