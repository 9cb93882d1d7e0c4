import { messageOf } from '../foundation/errors';
import { elementAt } from '../foundation/required';
import { excerpt } from '../foundation/text';
import { KEYPOINT_ORDER, KEYPOINT_WIDTH, KEYPOINTS } from './keypoints';
import { toFloat32, type NpyArray } from './npy';

/** What a clip's values must be. */
export interface ClipFormat {
  /** The key in the `.npz` that holds them. */
  readonly key: string;
  /** Numbers a frame: 156 for key points (78 × x, y). */
  readonly width: number;
  /** Where the clips are pictures: the side that they are brought to, in pixels. */
  readonly pictureSide?: number;
}

/** More than an hour of video: nobody's clip of a sign. */
const MOST_FRAMES = 100_000;
const EXPECTED_META = {
  dims_per_frame: KEYPOINT_WIDTH,
  keypoints_total: KEYPOINTS,
  order: KEYPOINT_ORDER,
} as const;

/** A clip's values after their checks; `values` is undefined where they cannot be used at all. */
interface CheckedValues {
  readonly values: Float32Array | undefined;
  readonly frames: number;
  readonly problems: readonly string[];
  /** True where a number lies outside [0, 1], as normalised key points do not. */
  readonly outsideUnit: boolean;
  /** True where every number is 0, as that of a missing key point is. */
  readonly allZero: boolean;
}

/** Checks the values themselves: numbers, `[frames, width]`, at least one frame, all finite. */
export function checkValues(array: NpyArray, { key, width }: ClipFormat): CheckedValues {
  const unusable = (problem: string): CheckedValues => ({
    values: undefined,
    frames: 0,
    problems: [problem],
    outsideUnit: false,
    allZero: false,
  });
  const [frames, columns, ...more] = array.shape;
  const shape = `[${array.shape.join(', ')}]`;
  if (frames === undefined || columns === undefined || more.length > 0)
    return unusable(`"${key}" is ${shape}; expected [frames, ${width}]`);
  if (columns !== width) return unusable(`"${key}" is ${shape}, ${columns} numbers a frame; expected ${width}`);
  if (frames > MOST_FRAMES) return unusable(`"${key}" has ${frames} frames (at most ${MOST_FRAMES} are read); cut the clip`);
  if (frames === 0) return unusable(`"${key}" has no frames; remove the clip or make it again`);
  let values: Float32Array;
  try {
    values = toFloat32(array);
  } catch (error) {
    return unusable(`"${key}": ${messageOf(error)}`);
  }
  let notFinite = 0;
  let firstNotFinite = 0;
  let outsideUnit = false;
  let allZero = true;
  for (let position = 0; position < values.length; position++) {
    const value = values[position] ?? NaN;
    if (value !== 0) allZero = false;
    if (Number.isFinite(value)) outsideUnit ||= value < 0 || value > 1;
    else if (notFinite++ === 0) firstNotFinite = position;
  }
  const problems: string[] = [];
  if (notFinite > 0) {
    const place = `frame ${Math.floor(firstNotFinite / width)}, number ${firstNotFinite % width}`;
    problems.push(`"${key}" holds ${notFinite} NaN or infinite numbers (the first: ${place}); a missing key point is (0, 0)`);
  }
  return { values, frames, problems, outsideUnit, allZero };
}

/** Checks a `mask` `[frames, 78]` (of other widths, `[frames, …]`): which key points are there. At least one must be. */
export function checkMask(array: NpyArray, frames: number, width: number): string[] {
  const shape = `[${array.shape.join(', ')}]`;
  if (array.dtype === 'text') return ['"mask" is text; expected booleans'];
  if (array.shape[0] !== frames) return [`"mask" is ${shape}, the clip has ${frames} frames; expected as many`];
  if (width !== KEYPOINT_WIDTH) return [];
  if (array.shape.length !== 2 || array.shape[1] !== KEYPOINTS) return [`"mask" is ${shape}; expected [${frames}, ${KEYPOINTS}]`];
  return holdsMore(array.values, 0) ? [] : ['"mask" says that no key point is visible in any frame; remove the clip or make it again'];
}

/** Whether any number is another than `nothing`. */
function holdsMore(values: Iterable<number | bigint>, nothing: number): boolean {
  for (const value of values) if (Number(value) !== nothing) return true;
  return false;
}

/** Checks `timestamps_ms` `[frames]`: finite, not negative, never going back. */
export function checkTimestamps(array: NpyArray, frames: number): string[] {
  if (array.dtype === 'text') return ['"timestamps_ms" is text; expected whole numbers'];
  if (array.shape.length !== 1 || array.shape[0] !== frames)
    return [`"timestamps_ms" is [${array.shape.join(', ')}]; expected [${frames}]`];
  const times = Array.from(array.values, Number);
  const problems: string[] = [];
  if (!times.every(Number.isFinite)) problems.push('"timestamps_ms" holds NaN or infinite numbers');
  const negative = times.findIndex((time) => time < 0);
  if (negative >= 0) problems.push(`"timestamps_ms" is negative (${elementAt(times, negative)} at frame ${negative})`);
  const back = times.findIndex((time, frame) => frame > 0 && time < elementAt(times, frame - 1));
  if (back >= 0)
    problems.push(`"timestamps_ms" goes back (${elementAt(times, back - 1)}, then ${elementAt(times, back)} at frame ${back})`);
  return problems;
}

/** Checks `meta`, a 0-d text of JSON, against what key points are: their count and order. A field that is absent is not missed. */
export function checkMeta(array: NpyArray): string[] {
  if (array.dtype !== 'text' || array.values.length !== 1) return ['"meta" is no single text; expected JSON in a 0-d array'];
  let meta: unknown;
  try {
    meta = JSON.parse(elementAt(array.values, 0));
  } catch (error) {
    return [`"meta" is no JSON (${messageOf(error)})`];
  }
  if (typeof meta !== 'object' || meta === null || Array.isArray(meta)) return ['"meta" is no JSON object'];
  const fields = new Map(Object.entries(meta));
  return Object.entries(EXPECTED_META).flatMap(([field, expected]) => {
    const found: unknown = fields.get(field);
    if (found === undefined || found === expected) return [];
    return [`"meta" says ${field} ${shown(found)}; expected ${JSON.stringify(expected)}`];
  });
}

/** A value of JSON for a message. A list or an object may be nested to any depth. */
function shown(value: unknown): string {
  if (typeof value === 'object' && value !== null) return Array.isArray(value) ? 'a list' : 'an object';
  return excerpt(JSON.stringify(value));
}

/** Whether a clip's `meta` says that nobody signed it: it was made by a generator. */
export function saysSynthetic(array: NpyArray): boolean {
  if (array.dtype !== 'text' || array.values.length === 0) return false;
  try {
    const meta: unknown = JSON.parse(elementAt(array.values, 0));
    return typeof meta === 'object' && meta !== null && 'synthetic' in meta && meta.synthetic === true;
  } catch {
    return false;
  }
}

/** True where a clip's values are key points, which `mask` and `meta` describe. */
export function areKeypoints(format: ClipFormat): boolean {
  return format.width === KEYPOINT_WIDTH;
}
