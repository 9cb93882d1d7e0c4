import { layoutInWords, layoutOf, widthOfLayout, type KeypointLayout } from '../config/keypoint-layout';
import { HOLISTIC_78, layoutOfOrder } from '../config/known-layouts';
import type { Clip } from '../data/clip';
import { checkValues, readMeta } from '../data/clip-checks';
import { FileError } from '../data/data-error';
import { toFloat32 } from '../data/npy';
import type { NpyArray } from '../data/npy-array';
import type { ArrayFile } from '../data/npz';
import { UserError } from '../foundation/errors';
import { elementAt } from '../foundation/required';
import { excerpt } from '../foundation/text';

/** A clip of key points that is to be shown. */
export interface ShownClip extends Clip {
  readonly layout: KeypointLayout;
  /** `[frames, points]`, 0 where a point was not found; one of which there are numbers all the same was filled in, and is drawn hollow. */
  readonly mask: ArrayLike<number> | undefined;
  /** When each frame was shown, in milliseconds. */
  readonly timestampsMs: readonly number[];
  /** Of the picture that the numbers are shares of: its width by its height; 1 for numbers that are pixels. */
  readonly aspect: number;
  /** What stands above it, and at its right end. */
  readonly name: string;
  readonly gloss: string | undefined;
}

/** What is in a clip. */
export interface ClipFacts {
  readonly file: string;
  /** As its meta, or the labels of the set that it lies in, say. */
  readonly gloss: string | undefined;
  readonly frames: number;
  readonly seconds: number;
  readonly framesPerSecond: number | undefined;
  /** Of its key points the layout's name, and in words; undefined where it has none, as a clip of features. */
  readonly keypoints: { readonly layout: string; readonly description: string } | undefined;
  /** Of each part the shares of points that were not found, and of those that the mask says were not seen though there are numbers. */
  readonly parts: readonly { readonly part: string; readonly missing: number; readonly masked: number }[];
  readonly arrays: readonly { readonly name: string; readonly type: NpyArray['dtype']; readonly shape: readonly number[] }[];
  readonly meta: unknown;
  /** The picture of it that was written. */
  readonly picture: string | undefined;
}

/** A clip as it is told of and shown. */
export interface ReadClip {
  readonly facts: ClipFacts;
  /** Undefined where it has no key points. */
  readonly shown: ShownClip | undefined;
}

/** What is asked of a clip that is to be shown. */
export interface ClipReading {
  /** The array that holds the key points. */
  readonly kp_key: string;
  /** Width by height of the picture that it was filmed in, as `16:9`; left out for what its meta says. */
  readonly aspect?: string | undefined;
}

/** What key points of so many numbers a frame are, as something beside the clip says; undefined where nothing does. */
export type LayoutBeside = (width: number) => Promise<KeypointLayout | undefined>;

/**
 * What is to be shown of a clip whose file is open, as one that lies in memory.
 * @throws FileError where it cannot be read.
 */
export async function shownClipOf(
  opened: ArrayFile,
  { kp_key: key, aspect: asked }: ClipReading,
  layoutBeside: LayoutBeside = () => Promise.resolve(undefined),
): Promise<ReadClip> {
  const { file } = opened;
  const arrays = await readArrays(opened, key);
  const meta = metaOf(arrays.get('meta'));
  const keypoints = await keypointsOf(file, key, arrays, meta, layoutBeside);
  const frames =
    keypoints?.frames ?? Math.max(0, ...[...arrays.values()].filter(({ shape }) => shape.length > 1).map(({ shape }) => shape[0] ?? 0));
  const timestampsMs = timestampsOf(arrays.get('timestamps_ms'), frames, meta);
  const gloss = glossOf(meta);
  const seconds = durationOf(timestampsMs);
  const facts: ClipFacts = {
    file,
    gloss,
    frames,
    seconds,
    framesPerSecond: frames < 2 || seconds === 0 ? undefined : frames / seconds,
    keypoints: keypoints && { layout: keypoints.layout.name, description: layoutInWords(keypoints.layout) },
    parts: keypoints === undefined ? [] : sharesOf(keypoints),
    arrays: [...arrays].map(([name, { dtype, shape }]) => ({ name, type: dtype, shape })),
    meta: Object.fromEntries(meta),
    picture: undefined,
  };
  const shown = keypoints && { ...keypoints, timestampsMs, aspect: aspectOf(asked, meta, keypoints.values), name: nameOfClip(file), gloss };
  return { facts, shown };
}

async function readArrays(opened: ArrayFile, key: string): Promise<Map<string, NpyArray>> {
  const arrays = new Map<string, NpyArray>();
  for (const name of opened.keys) {
    const array = await opened.read(name).catch((error: unknown) => {
      if (error instanceof FileError && name !== key) return undefined; // It is of no account here.
      throw error;
    });
    if (array !== undefined) arrays.set(name, array);
  }
  return arrays;
}

type Keypoints = Pick<ShownClip, 'values' | 'frames' | 'layout' | 'mask'>;

/** The key points of a clip; undefined where it has none under that key. @throws FileError where they are not as they must be. */
async function keypointsOf(
  file: string,
  key: string,
  arrays: ReadonlyMap<string, NpyArray>,
  meta: Meta,
  layoutBeside: LayoutBeside,
): Promise<Keypoints | undefined> {
  const array = arrays.get(key);
  const [, width] = array?.shape ?? [];
  if (array === undefined || width === undefined || width > MOST_NUMBERS) return undefined;
  const {
    values,
    frames,
    problems: [problem],
  } = checkValues(array, { key, width });
  if (values === undefined || problem !== undefined) throw new FileError(file, problem ?? `"${key}" holds no numbers`);
  const layout = (await layoutBeside(width)) ?? layoutOfClip(file, width, meta);
  return { values, frames, layout, mask: maskOf(arrays.get('mask'), frames * layout.points.length) };
}

type Meta = ReadonlyMap<string, unknown>;

function metaOf(array: NpyArray | undefined): Meta {
  const meta = array === undefined ? undefined : readMeta(array);
  return typeof meta === 'object' ? meta : new Map();
}

/** The sign that a clip's file says it shows; undefined where it says none. @throws FileError where its meta is damaged. */
export async function glossOfClip(file: ArrayFile): Promise<string | undefined> {
  return file.has('meta') ? glossOf(metaOf(await file.read('meta'))) : undefined;
}

function glossOf(meta: Meta): string | undefined {
  const gloss = ['gloss', 'sign', 'label'].map((key) => meta.get(key)).find((value) => typeof value === 'string' && value !== '');
  return typeof gloss === 'string' ? gloss : undefined;
}

/** A clip's name: that of its file, without what follows. */
export function nameOfClip(file: string): string {
  return file.slice(file.lastIndexOf('/') + 1).replace(/\.np[yz]$/i, '');
}

/** What their width, or the clip's meta, says; else points of which nothing is known. */
function layoutOfClip(file: string, width: number, meta: Meta): KeypointLayout {
  if (width === widthOfLayout(HOLISTIC_78)) return HOLISTIC_78;
  const known = layoutOfOrder(width, meta.get('order'));
  if (known !== undefined) return known;
  const dimensions = width % 2 === 0 ? 2 : 3;
  if (width % dimensions !== 0)
    throw new FileError(file, `frames of ${width} numbers are no key points (x, y), or (x, y, z); choose another array with --kp-key`);
  const points = Array.from({ length: width / dimensions }, (_, point) => `point_${point}`);
  return layoutOf({ name: 'unknown', dimensions, parts: [{ name: 'points', points }], mirror: [], bones: [] });
}

/** More than any skeleton has; features, which have 2048, are no key points. */
const MOST_NUMBERS = 2000;

function maskOf(array: NpyArray | undefined, length: number): ArrayLike<number> | undefined {
  return array === undefined || array.dtype === 'text' || array.values.length !== length ? undefined : toFloat32(array);
}

const USUAL_RATE = 30;

/** When frames were shown: as the clip says, where that never goes back, else at the rate that its meta names, else 30 a second. */
function timestampsOf(array: NpyArray | undefined, frames: number, meta: Meta): number[] {
  if (array !== undefined && array.dtype !== 'text' && array.values.length === frames) {
    const times = Array.from(array.values, Number);
    if (times.every((time, frame) => Number.isFinite(time) && (frame === 0 || time >= elementAt(times, frame - 1)))) return times;
  }
  const said = ['target_fps', 'fps'].map((key) => meta.get(key)).find((value) => typeof value === 'number' && value > 0);
  const rate = typeof said === 'number' ? said : USUAL_RATE;
  return Array.from({ length: frames }, (_, frame) => (1000 * frame) / rate);
}

/** In seconds, the last frame as long as the others are on average. */
function durationOf(timestampsMs: readonly number[]): number {
  const last = timestampsMs.length - 1;
  return last < 1 ? 0 : ((elementAt(timestampsMs, last) - elementAt(timestampsMs, 0)) * (last + 1)) / last / 1000;
}

function sharesOf({ values, frames, layout: { parts, points, dimensions }, mask }: Keypoints): ClipFacts['parts'] {
  return parts.map(({ name, first, count }) => {
    let [missing, masked] = [0, 0];
    for (let frame = 0; frame < frames; frame++) {
      for (let point = first; point < first + count; point++) {
        const place = frame * points.length + point;
        const isThere = values.subarray(place * dimensions, (place + 1) * dimensions).some((value) => value !== 0);
        if (!isThere) missing++;
        else if (mask?.[place] === 0) masked++;
      }
    }
    return { part: name, missing: missing / (frames * count), masked: masked / (frames * count) };
  });
}

const USUAL_ASPECT = 4 / 3;

/** The shape of the picture that numbers are shares of; numbers that are no shares are pixels, as wide as high. */
function aspectOf(asked: string | undefined, meta: Meta, values: Float32Array): number {
  if (asked !== undefined) {
    const [, width, height = '1'] = /^(\d+(?:\.\d+)?)(?:[:/x](\d+(?:\.\d+)?))?$/.exec(asked.trim()) ?? [];
    const aspect = Number(width) / Number(height);
    if (!(aspect > 0.1 && aspect < 10))
      throw new UserError(`--aspect: expected width by height, as 16:9 or 1.78, found "${excerpt(asked)}"`);
    return aspect;
  }
  if (values.some((value) => value > 2 || value < -1)) return 1;
  const [width, height] = [meta.get('width'), meta.get('height')];
  return typeof width === 'number' && typeof height === 'number' && width > 0 && height > 0 ? width / height : USUAL_ASPECT;
}
