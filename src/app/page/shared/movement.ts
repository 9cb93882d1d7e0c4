import type { KeypointLayout } from '../../../config/keypoint-layout';
import { elementAt } from '../../../foundation/required';

/** The key points of a clip. */
export interface Keypoints {
  /** `[frames, points × dimensions]`; a point that is missing is 0 in all of its numbers. */
  readonly values: Float32Array;
  /** `[frames, points]`, 0 where a point was not seen; undefined where nobody says. */
  readonly mask: Uint8Array | undefined;
  readonly layout: KeypointLayout;
}

/** Where points are, frame by frame: the middle of those that are there. */
export interface Track {
  /** Shares of the picture's width, from its left; NaN in a frame in which none of the points is there. */
  readonly x: Float64Array;
  /** Shares of its height, from its top; NaN likewise. */
  readonly y: Float64Array;
}

/** Follows points through a clip. */
export function trackOf(keypoints: Keypoints, points: readonly number[]): Track {
  const frames = framesOf(keypoints);
  const track = { x: new Float64Array(frames).fill(NaN), y: new Float64Array(frames).fill(NaN) };
  for (let frame = 0; frame < frames; frame++) {
    const places = points.flatMap((point) => {
      const place = placeOf(keypoints, frame, point);
      return place === undefined ? [] : [place];
    });
    if (places.length === 0) continue;
    track.x[frame] = places.reduce((sum, [x]) => sum + x, 0) / places.length;
    track.y[frame] = places.reduce((sum, [, y]) => sum + y, 0) / places.length;
  }
  return track;
}

/** How far a track leads, in heights of the picture; what lies between two frames that are not neighbours is not known and counts nothing. @param aspect the picture's width by its height. */
export function pathLength({ x, y }: Track, aspect: number): number {
  let length = 0;
  for (let frame = 1; frame < x.length; frame++) {
    const step = Math.hypot((elementAt(x, frame) - elementAt(x, frame - 1)) * aspect, elementAt(y, frame) - elementAt(y, frame - 1));
    if (!Number.isNaN(step)) length += step;
  }
  return length;
}

/** Frames in which a track is nowhere: how many, and the longest row of them. */
export function gapsOf({ x }: Track): { readonly frames: number; readonly longest: number } {
  let [frames, row, longest] = [0, 0, 0];
  for (const place of x) {
    row = Number.isNaN(place) ? row + 1 : 0;
    frames += Number.isNaN(place) ? 1 : 0;
    longest = Math.max(longest, row);
  }
  return { frames, longest };
}

/** The mean distance of the shoulders, in heights of the picture: a measure of the person's own. Undefined where the layout has none, or they are never seen. */
export function shoulderWidth(keypoints: Keypoints, aspect: number): number | undefined {
  const [left, right] = ['left', 'right'].map((side, place) =>
    keypoints.layout.points.findIndex((name) => name === `${side}_shoulder` || name === `pose_${11 + place}`),
  );
  if (left === undefined || right === undefined || left < 0 || right < 0) return undefined;
  const widths: number[] = [];
  for (let frame = 0; frame < framesOf(keypoints); frame++) {
    const [one, other] = [placeOf(keypoints, frame, left), placeOf(keypoints, frame, right)];
    if (one !== undefined && other !== undefined) widths.push(Math.hypot((one[0] - other[0]) * aspect, one[1] - other[1]));
  }
  const mean = widths.reduce((sum, width) => sum + width, 0) / widths.length;
  return mean > 0 ? mean : undefined;
}

/** The grid that a heat map is counted on: over some bounds of the plane. */
export interface Grid {
  readonly columns: number;
  readonly rows: number;
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

/** How far a point warms the cells about it, in cells. */
const REACH = 2;

/** How often points have been in each cell, `[rows, columns]`, from 0 to 1 in the most frequented; a point warms the cells about it too (a Gaussian). */
export function heatOf(keypoints: Keypoints, points: readonly number[], { columns, rows, left, top, width, height }: Grid): Float32Array {
  const heat = new Float32Array(columns * rows);
  for (let frame = 0; frame < framesOf(keypoints); frame++)
    for (const point of points) {
      const place = placeOf(keypoints, frame, point);
      if (place === undefined) continue;
      const [column, row] = [((place[0] - left) / width) * columns - 0.5, ((place[1] - top) / height) * rows - 0.5];
      for (let y = Math.max(0, Math.ceil(row - REACH)); y <= Math.min(rows - 1, row + REACH); y++)
        for (let x = Math.max(0, Math.ceil(column - REACH)); x <= Math.min(columns - 1, column + REACH); x++)
          heat[y * columns + x] = elementAt(heat, y * columns + x) + Math.exp(-((x - column) ** 2 + (y - row) ** 2) / 1.5);
    }
  const most = heat.reduce((highest, warmth) => Math.max(highest, warmth), 0);
  return most === 0 ? heat : heat.map((warmth) => warmth / most);
}

function framesOf({ values, layout: { points, dimensions } }: Keypoints): number {
  return values.length / (points.length * dimensions);
}

/** Where a point is in a frame; undefined where it is missing. */
function placeOf(
  { values, layout: { points, dimensions } }: Keypoints,
  frame: number,
  point: number,
): readonly [number, number] | undefined {
  const at = (frame * points.length + point) * dimensions;
  const numbers = values.subarray(at, at + dimensions);
  return numbers.every((number) => number === 0) ? undefined : [elementAt(numbers, 0), elementAt(numbers, 1)];
}
