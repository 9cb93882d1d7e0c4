import { isUnknownLayout, layoutInWords, widthOfLayout, type KeypointLayout } from '../config/keypoint-layout';
import { HOLISTIC_78, KNOWN_LAYOUTS } from '../config/known-layouts';
import { messageOf } from '../foundation/errors';
import { countNotFinite, elementAt } from '../foundation/required';
import { excerpt } from '../foundation/text';
import { metaOfLayout } from './keypoint-clip';
import { commonArray } from './keypoints';
import { toFloat32 } from './npy';
import type { NpyArray } from './npy-array';

/** What a clip's values must be. */
export interface ClipFormat {
  /** The key in the `.npz` that holds them. */
  readonly key: string;
  /** Numbers a frame: 156 for key points (78 × x, y). */
  readonly width: number;
  /** What these numbers are; undefined for features and pictures. */
  readonly keypoints?: KeypointLayout | undefined;
  /** Who says so, as `clips/keypoints.json says so`; undefined where nobody does, and they are taken to be the usual ones. */
  readonly saidBy?: string | undefined;
  /** Where the clips are pictures: the side that they are brought to, in pixels. */
  readonly pictureSide?: number;
}

/** More than an hour of video: nobody's clip of a sign. */
const MOST_FRAMES = 100_000;

/** A clip's values after their checks; `values` is undefined where they cannot be used at all. */
interface CheckedValues {
  readonly values: Float32Array | undefined;
  readonly frames: number;
  /** True where it is known that every number lies in [0, 1] and one of them is another than 0. */
  readonly insideUnit: boolean;
  readonly problems: readonly string[];
}

/** Checks the values themselves: numbers, `[frames, width]`, at least one frame, all finite. */
export function checkValues(array: NpyArray, format: ClipFormat): CheckedValues {
  const { key, width, keypoints } = format;
  const unusable = (problem: string): CheckedValues => ({
    values: undefined,
    frames: 0,
    insideUnit: false,
    problems: [problem],
  });
  const [frames, columns, ...more] = array.shape;
  const shape = `[${array.shape.join(', ')}]`;
  if (frames === undefined || columns === undefined || more.length > 0)
    return unusable(`"${key}" is ${shape}; expected [frames, ${width}]${saidOfShape(array.shape, format)}`);
  if (columns !== width)
    return unusable(`"${key}" is ${shape}, ${columns} numbers a frame; expected ${width}${saidOfShape(array.shape, format)}`);
  if (frames > MOST_FRAMES) return unusable(`"${key}" has ${frames} frames (at most ${MOST_FRAMES} are read); cut the clip`);
  if (frames === 0) return unusable(`"${key}" has no frames; remove the clip or make it again`);
  let values: Float32Array;
  try {
    values = toFloat32(array);
  } catch (error) {
    return unusable(`"${key}": ${messageOf(error)}`);
  }
  const insideUnit = liesInsideUnit(values);
  const notFinite = insideUnit ? 0 : countNotFinite(values);
  const problems: string[] = [];
  if (notFinite > 0) {
    const firstNotFinite = values.findIndex((value) => !Number.isFinite(value));
    const place = `frame ${Math.floor(firstNotFinite / width)}, number ${firstNotFinite % width}`;
    problems.push(
      `"${key}" holds ${notFinite} NaN or infinite numbers (the first: ${place}); a missing key point is ${keypoints?.dimensions === 3 ? '(0, 0, 0)' : '(0, 0)'}`,
    );
  }
  return { values, frames, insideUnit, problems };
}

/** The bits of the float32 1; those of greater numbers, infinities and NaN are greater, those of negative ones have their first bit set. */
const BITS_OF_ONE = 0x3f800000;

/**
 * Whether every number lies in [0, 1] and not all of them are 0, told from their bits in one pass without a branch, four at a time: a usual clip needs no other look at
 * all its numbers. −0 counts as negative here.
 */
function liesInsideUnit(values: Float32Array): boolean {
  const bits = new Int32Array(values.buffer, values.byteOffset, values.length);
  let any = 0;
  let outside = 0;
  let at = 0;
  for (; at < bits.length - 3; at += 4) {
    const a = Number(bits[at]);
    const b = Number(bits[at + 1]);
    const c = Number(bits[at + 2]);
    const d = Number(bits[at + 3]);
    any |= a | b | c | d;
    outside |= (BITS_OF_ONE - a) | (BITS_OF_ONE - b) | (BITS_OF_ONE - c) | (BITS_OF_ONE - d);
  }
  for (; at < bits.length; at++) {
    const number = Number(bits[at]);
    any |= number;
    outside |= BITS_OF_ONE - number;
  }
  return (any | outside) >= 0 && any !== 0;
}

/** What an array of another shape than that of clips looks like, and what is expected. */
function saidOfShape(shape: readonly number[], { width, keypoints, saidBy }: ClipFormat): string {
  const said = saidBy === undefined ? ' (docs/data.md)' : `, ${saidBy}`;
  const expected = keypoints === undefined ? '' : `: ${layoutInWords(keypoints)}${said}`;
  const [frames, ...rest] = shape;
  if (frames !== undefined && rest.length > 1 && rest.reduce((product, length) => product * length, 1) === width)
    return `${expected}; save X.reshape(len(X), ${width})`;
  const found = commonArray(shape);
  const advice = keypoints === undefined || saidBy !== undefined ? '' : layoutAdvice(rest);
  return found === undefined ? expected : `${expected}; this looks like ${found}${advice}`;
}

/** What to do where a known layout has frames of so many numbers. */
function layoutAdvice(frame: readonly number[]): string {
  const alike = [...KNOWN_LAYOUTS.values()].find((layout) => frame.length === 1 && widthOfLayout(layout) === frame[0]);
  if (alike === undefined) return '';
  return `; if it is ${alike.parts.map(({ name }) => name.replaceAll('_', ' ')).join(', ')} in this order, a file keypoints.json beside the folder of the clips says so: {"layout": "${alike.name}"}`;
}

/** Whether all frames are the same, where there are several. */
export function isConstant(values: Float32Array, width: number): boolean {
  for (let at = width; at < values.length; at++) if (values[at] !== values[at - width]) return false;
  return values.length > width;
}

/** Checks a `mask` `[frames, points]` (of features, `[frames, …]`): which key points are there. At least one must be. */
export function checkMask(array: NpyArray, frames: number, keypoints: KeypointLayout | undefined): string[] {
  const shape = `[${array.shape.join(', ')}]`;
  if (array.dtype === 'text') return ['"mask" is text; expected booleans'];
  if (array.shape[0] !== frames) return [`"mask" is ${shape}, the clip has ${frames} frames; expected as many`];
  if (keypoints === undefined) return [];
  const { length: points } = keypoints.points;
  if (array.shape.length !== 2 || array.shape[1] !== points) return [`"mask" is ${shape}; expected [${frames}, ${points}]`];
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

/** The fields of a `meta`, a 0-d text of JSON; a text that says why it has none. */
export function readMeta(array: NpyArray): ReadonlyMap<string, unknown> | string {
  if (array.dtype !== 'text' || array.values.length !== 1) return '"meta" is no single text; expected JSON in a 0-d array';
  let meta: unknown;
  try {
    meta = JSON.parse(elementAt(array.values, 0));
  } catch (error) {
    return `"meta" is no JSON (${messageOf(error)})`;
  }
  if (typeof meta !== 'object' || meta === null || Array.isArray(meta)) return '"meta" is no JSON object';
  return new Map(Object.entries(meta));
}

/** Checks the fields of `meta` against what key points are, their count and order. A field that is absent is not missed. */
export function checkMeta(fields: ReadonlyMap<string, unknown>, keypoints: KeypointLayout): string[] {
  const { dims_per_frame, ...further } = metaOfLayout(keypoints);
  return Object.entries({ dims_per_frame, ...(isUnknownLayout(keypoints) ? {} : further) }).flatMap(([field, expected]) => {
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

/** Something that is odd about a clip's key points, by its kind: what a model says of such a clip is not to be believed. */
export interface KeypointDoubt {
  readonly kind: 'no-keypoints' | 'outside-unit' | 'constant';
  readonly text: string;
}

/** What is odd about the key points of a clip, `[frames, width]` row by row. A depth, which counts from a point of the person's own, may be any. */
export function keypointDoubts(values: Float32Array, keypoints: KeypointLayout = HOLISTIC_78): KeypointDoubt[] {
  const { least, most } = rangeOf(values, keypoints.dimensions);
  if (least === 0 && most === 0) return [{ kind: 'no-keypoints', text: 'no key point in any frame: all numbers are 0' }];
  const doubts: KeypointDoubt[] = [];
  if (least < 0 || most > 1) {
    const pixels = most > 2 ? '; they look like pixels: divide x by the width of the picture and y by its height' : '';
    const range = `${Number(least.toPrecision(4))} to ${Number(most.toPrecision(4))}`;
    doubts.push({ kind: 'outside-unit', text: `numbers from ${range}, where key points lie between 0 and 1${pixels}` });
  }
  if (isConstant(values, widthOfLayout(keypoints))) doubts.push({ kind: 'constant', text: 'nothing moves: all frames are the same' });
  return doubts;
}

/** The least and the greatest of numbers and 0, depths left out. By places, and with nothing called for each: a set has hundreds of millions of numbers. */
function rangeOf(values: Float32Array, dimensions: number): { readonly least: number; readonly most: number } {
  let least = 0;
  let most = 0;
  for (let at = 0; at < values.length; at++) {
    if (dimensions === 3 && at % 3 === 2) continue;
    const value = Number(values[at]);
    if (value < least) least = value;
    if (value > most) most = value;
  }
  return { least, most };
}
