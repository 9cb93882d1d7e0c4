import { stat } from 'node:fs/promises';
import { KEYPOINT_WIDTH } from '../config/data-settings';
import { messageOf } from '../foundation/errors';
import { elementAt, required } from '../foundation/required';
import { excerpt } from '../foundation/text';
import { FileError } from './data-error';
import { Turns } from './file-reading';
import { commonArray, commonFrame, FEATURE_WIDTH, KEYPOINT_ORDER, KEYPOINTS, KEYPOINTS_IN_WORDS } from './keypoints';
import { NPY, VIDEO } from './labels';
import { type NpyArray, toFloat32 } from './npy';
import { UnreadableType } from './npy-header';
import { openNpy, openNpz, type ArrayFile } from './npz';
import { pictureClip, readPictures } from './pictures';

/** A clip's values, `[frames, width]` row by row. */
export interface Clip {
  readonly values: Float32Array;
  readonly frames: number;
}

/** Reads the values of a clip. */
export type ClipReader = (file: string) => Promise<Clip>;

/** A clip read with everything that is wrong with it. */
export interface InspectedClip {
  /** Undefined where there are no values that could be used. */
  readonly clip: Clip | undefined;
  readonly problems: readonly string[];
  /** What is odd about the arrays beside the values, which can be used all the same. */
  readonly remarks: readonly string[];
  /** True where a number lies outside [0, 1]. */
  readonly outsideUnit: boolean;
  /** True where every number is 0: no key point in any frame. */
  readonly allZero: boolean;
  /** True where all frames are the same, and not only zeros: nothing moves. */
  readonly constant: boolean;
  /** True where its `meta` says that a generator made it. */
  readonly synthetic: boolean;
}

/** Bytes from which on a file, or what it unpacks to, is large: usual clips have a hundredth of it. */
const LARGE = 8 * 1024 * 1024;

/** The arrays beside the values that are checked. */
const CHECKED = ['mask', 'timestamps_ms', 'meta'] as const;
/** Arrays that are looked at where the wanted one is not there. */
const LOOKED_AT = 8;

/**
 * Reads the values of one clip.
 * @param turns what clips that are read at once share: a large one is read alone.
 * @throws FileError where the file or the values are not as they must be.
 */
export async function readClip(file: string, format: ClipFormat, turns = new Turns()): Promise<Clip> {
  const read = async (): Promise<Clip> => {
    const arrays = await openArrays(file, format);
    const { values, frames, problems } = checkValues(await readValues(arrays, format), format);
    const [problem] = problems;
    if (values === undefined || problem !== undefined) throw new FileError(file, problem ?? `"${format.key}" holds no values`);
    return { values, frames };
  };
  const { pictureSide: side } = format;
  if (side !== undefined) return turns.alone(() => readPictureClip(file, format, side));
  return (await isLarge(file)) ? turns.alone(read) : read();
}

/** What is known of a clip before it is read. */
export const UNREAD_CLIP: InspectedClip = {
  clip: undefined,
  problems: [],
  remarks: [],
  outsideUnit: false,
  allZero: false,
  constant: false,
  synthetic: false,
};

/**
 * Reads one clip and checks all that it holds: the values, and `mask`, `timestamps_ms` and `meta` where they are there.
 * @param turns what clips that are read at once share: a large one is read alone.
 */
export async function inspectClip(file: string, format: ClipFormat, turns = new Turns()): Promise<InspectedClip> {
  const { pictureSide: side, key } = format;
  const nothing = UNREAD_CLIP;
  const orProblem = async (read: () => Promise<InspectedClip>): Promise<InspectedClip> => {
    try {
      return await read();
    } catch (error) {
      if (!(error instanceof FileError)) throw error;
      return { ...nothing, problems: [error.problem] };
    }
  };
  if (side !== undefined)
    return turns.alone(() => orProblem(async () => ({ ...nothing, clip: await readPictureClip(file, format, side) })));
  if (await isLarge(file)) return turns.alone(() => orProblem(async () => inspectArrays(await openArrays(file, format), format)));
  return orProblem(async () => {
    const arrays = await openArrays(file, format);
    const unpacksToMuch = [key, ...CHECKED].some((name) => arrays.declaredBytes(name) > LARGE);
    return unpacksToMuch ? turns.alone(() => inspectArrays(arrays, format)) : inspectArrays(arrays, format);
  });
}

/** Opens the file of a clip: an `.npz`, or a `.npy` that holds nothing but the values. */
async function openArrays(file: string, format: ClipFormat): Promise<ArrayFile> {
  refuseVideo(file, format);
  return NPY.test(file) ? openNpy(file, format.key) : openNpz(file);
}

function refuseVideo(file: string, { key, width, pictureSide }: ClipFormat): void {
  if (!VIDEO.test(file)) return;
  const expected =
    pictureSide === undefined ? (width === KEYPOINT_WIDTH ? 'its key points' : 'its features') : 'its frames, as pictures or';
  throw new FileError(file, `it is a video; expected ${expected} in an .npz, "${key}"; docs/data.md tells how to make one`);
}

async function inspectArrays(file: ArrayFile, format: ClipFormat): Promise<InspectedClip> {
  const problems: string[] = [];
  const remarks: string[] = [];
  const attempt = async (read: () => Promise<NpyArray>): Promise<NpyArray | undefined> => {
    try {
      return await read();
    } catch (error) {
      if (!(error instanceof FileError)) throw error;
      (error.cause instanceof UnreadableType ? remarks : problems).push(error.problem);
      return undefined;
    }
  };
  const readOther = async (key: string): Promise<NpyArray | undefined> => (file.has(key) ? attempt(() => file.read(key)) : undefined);
  const array = await readValues(file, format).catch((error: unknown) => {
    if (!(error instanceof FileError)) throw error;
    problems.push(error.problem);
    return undefined;
  });
  const checked = array && checkValues(array, format);
  problems.push(...(checked?.problems ?? []));
  const { values, frames } = checked ?? {};
  if (frames) {
    const mask = await readOther('mask');
    if (mask !== undefined) remarks.push(...checkMask(mask, frames, format.width));
    const times = await readOther('timestamps_ms');
    if (times !== undefined) remarks.push(...checkTimestamps(times, frames));
  }
  const metaArray = await readOther('meta');
  const meta = metaArray && readMeta(metaArray);
  if (areKeypoints(format) && typeof meta === 'string') remarks.push(meta);
  if (areKeypoints(format) && typeof meta === 'object') problems.push(...checkMeta(meta));
  return {
    clip: values && frames ? { values, frames } : undefined,
    problems,
    remarks,
    outsideUnit: areKeypoints(format) && checked?.outsideUnit === true,
    allZero: areKeypoints(format) && checked?.allZero === true,
    constant: checked?.allZero === false && values !== undefined && isConstant(values, format.width),
    // It says so where nobody signed it: a generator made it.
    synthetic: typeof meta === 'object' && meta.get('synthetic') === true,
  };
}

/** A clip of pictures as pixels from 0 to 255. */
async function readPictureClip(file: string, format: ClipFormat, side: number): Promise<Clip> {
  refuseVideo(file, format);
  const pixels = await readPictures(await pictureClip(file), { key: format.key, side });
  return { values: new Float32Array(pixels), frames: pixels.length / (side * side * 3) };
}

/** @throws FileError where the array is not there, or would take more as float32 than arrays of the file may. */
async function readValues(npz: ArrayFile, { key, width }: ClipFormat): Promise<NpyArray> {
  if (!npz.has(key))
    throw new FileError(npz.file, `no array "${key}"; the file holds: ${npz.contents}; ${await adviceWithout(npz, width)}`);
  const array = await npz.read(key);
  const bytes = array.values.length * Float32Array.BYTES_PER_ELEMENT;
  if (bytes > npz.allowance) {
    const size = `"${key}" is [${array.shape.join(', ')}], ${bytes} bytes as float32`;
    throw new FileError(npz.file, `${size}; of a file of its size at most ${npz.allowance} are read: is it a clip?`);
  }
  return array;
}

/** What to do about a file without the wanted array: one of its others may be meant, or another model. */
async function adviceWithout(npz: ArrayFile, width: number): Promise<string> {
  for (const key of npz.keys.slice(0, LOOKED_AT)) {
    const { shape } = await npz.read(key).catch(() => ({ shape: [] }));
    const found = shape.length === 2 ? elementAt(shape, 1) : undefined;
    const said = `"${excerpt(key)}" is [${shape.join(', ')}]`;
    if (found === width) return `${said}: choose it with ${width === KEYPOINT_WIDTH ? '--kp-key' : '--feature-key'} ${excerpt(key)}`;
    if (found === KEYPOINT_WIDTH || found === FEATURE_WIDTH) return `${said}: ${required(commonFrame(found), 'what such frames are')}`;
  }
  return 'choose the right one with --kp-key or --feature-key, or make the file again';
}

/** Whether a file is so large that one at a time is read; a file that is not there is not. */
async function isLarge(file: string): Promise<boolean> {
  try {
    return (await stat(file)).size > LARGE;
  } catch {
    return false;
  }
}

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
function checkValues(array: NpyArray, { key, width }: ClipFormat): CheckedValues {
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
    return unusable(`"${key}" is ${shape}; expected [frames, ${width}]${saidOfShape(array.shape, width)}`);
  if (columns !== width)
    return unusable(`"${key}" is ${shape}, ${columns} numbers a frame; expected ${width}${saidOfShape(array.shape, width)}`);
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

/** What an array of another shape than that of clips looks like, and what is expected. */
function saidOfShape(shape: readonly number[], width: number): string {
  const expected = width === KEYPOINT_WIDTH ? `: ${KEYPOINTS_IN_WORDS}` : '';
  const [frames, ...rest] = shape;
  if (frames !== undefined && rest.length > 1 && rest.reduce((product, length) => product * length, 1) === width)
    return `${expected}; save X.reshape(len(X), ${width})`;
  const found = commonArray(shape);
  return found === undefined ? expected : `${expected}; this looks like ${found}`;
}

/** Whether all frames are the same, where there are several. */
function isConstant(values: Float32Array, width: number): boolean {
  for (let at = width; at < values.length; at++) if (values[at] !== values[at - width]) return false;
  return values.length > width;
}

/** Checks a `mask` `[frames, 78]` (of other widths, `[frames, …]`): which key points are there. At least one must be. */
function checkMask(array: NpyArray, frames: number, width: number): string[] {
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
function checkTimestamps(array: NpyArray, frames: number): string[] {
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
function readMeta(array: NpyArray): ReadonlyMap<string, unknown> | string {
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
function checkMeta(fields: ReadonlyMap<string, unknown>): string[] {
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

/** True where a clip's values are key points, which `mask` and `meta` describe. */
function areKeypoints(format: ClipFormat): boolean {
  return format.width === KEYPOINT_WIDTH;
}
