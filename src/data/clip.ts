import { KEYPOINT_WIDTH } from '../config/data-settings';
import { elementAt, required } from '../foundation/required';
import { excerpt } from '../foundation/text';
import { checkMask, checkMeta, checkTimestamps, checkValues, type ClipFormat, isConstant, keypointDoubts, readMeta } from './clip-checks';
import { FileError } from './data-error';
import { Turns } from './file-reading';
import { commonFrame, FEATURE_WIDTH } from './keypoints';
import { VIDEO } from './clip-names';
import type { NpyArray } from './npy-array';
import { UnreadableType } from './npy-header';
import type { ArrayFile } from './npz';
import type { PackedClip } from './pack/packed-clip';
import { pictureClip, readPictures } from './pictures';
import { openClipArrays, placeOfPacked, sizeOfPlace } from './places';

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

/** What reading and checking a clip found out, without its values. */
export interface FoundClip extends Omit<InspectedClip, 'clip'> {
  /** Undefined where there are no values that could be used. */
  readonly content: { readonly frames: number; readonly digest: string } | undefined;
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
 * @param packed where it lies in its pack, where that is known already.
 * @throws FileError where the file or the values are not as they must be.
 */
export async function readClip(file: string, format: ClipFormat, turns = new Turns(), packed?: PackedClip): Promise<Clip> {
  const read = async (): Promise<Clip> => valuesOf(await openArrays(file, format, packed), format);
  const { pictureSide: side } = format;
  if (side !== undefined) return turns.alone(() => readPictureClip(file, format, side));
  return (await isLarge(file, packed)) ? turns.alone(read) : read();
}

/**
 * {@link readClip} of a clip that nobody has looked at yet: one whose `meta` says other key points than are expected is refused.
 * @throws FileError as {@link readClip}.
 */
export async function readChecked(file: string, format: ClipFormat): Promise<Clip> {
  const clip = await readClip(file, format);
  if (format.keypoints !== undefined) await refuseOtherKeypoints(await openArrays(file, format), format);
  return clip;
}

/**
 * {@link readChecked} of a file that is open, as one that lies in memory.
 * @throws FileError as {@link readClip}.
 */
export async function checkedClipOf(arrays: ArrayFile, format: ClipFormat): Promise<Clip> {
  const clip = await valuesOf(arrays, format);
  await refuseOtherKeypoints(arrays, format);
  return clip;
}

async function valuesOf(arrays: ArrayFile, format: ClipFormat): Promise<Clip> {
  const { values, frames, problems } = checkValues(await readValues(arrays, format), format);
  const [problem] = problems;
  if (values === undefined || problem !== undefined) throw new FileError(arrays.file, problem ?? `"${format.key}" holds no values`);
  return { values, frames };
}

async function refuseOtherKeypoints(arrays: ArrayFile, { keypoints, saidBy }: ClipFormat): Promise<void> {
  if (keypoints === undefined) return;
  const meta = await metaOf(arrays);
  const [problem] = meta === undefined ? [] : checkMeta(meta, keypoints);
  if (problem !== undefined) throw new FileError(arrays.file, saidBy === undefined ? problem : `${problem}, ${saidBy}`);
}

/** The fields of a clip's `meta`; undefined where it has none that can be read. */
async function metaOf(arrays: ArrayFile): Promise<ReadonlyMap<string, unknown> | undefined> {
  if (!arrays.has('meta')) return undefined;
  const meta = await arrays.read('meta').then(readMeta, () => undefined);
  return typeof meta === 'object' ? meta : undefined;
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
 * @param packed where it lies in its pack, where that is known already.
 */
export async function inspectClip(file: string, format: ClipFormat, turns = new Turns(), packed?: PackedClip): Promise<InspectedClip> {
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
  const place = packed ?? (await placeOfPacked(file));
  if (await isLarge(file, place))
    return turns.alone(() => orProblem(async () => inspectArrays(await openArrays(file, format, place), format)));
  return orProblem(async () => {
    const arrays = await openArrays(file, format, place);
    const unpacksToMuch = [key, ...CHECKED].some((name) => arrays.declaredBytes(name) > LARGE);
    return unpacksToMuch ? turns.alone(() => inspectArrays(arrays, format)) : inspectArrays(arrays, format);
  });
}

/** Opens the file of a clip: an `.npz`, or a `.npy` that holds nothing but the values. */
export async function openArrays(file: string, format: ClipFormat, packed?: PackedClip): Promise<ArrayFile> {
  refuseVideo(file, format);
  return openClipArrays(file, format.key, packed);
}

function refuseVideo(file: string, { key, keypoints, pictureSide }: ClipFormat): void {
  if (!VIDEO.test(file)) return;
  const expected = pictureSide === undefined ? (keypoints === undefined ? 'its features' : 'its key points') : 'its frames, as pictures or';
  const advice = keypoints === undefined ? 'docs/inception.md tells how to make one' : 'npm run data -- extract makes it';
  throw new FileError(file, `it is a video; expected ${expected} in an .npz, "${key}"; ${advice}`);
}

async function inspectArrays(file: ArrayFile, format: ClipFormat): Promise<InspectedClip> {
  const problems: string[] = [];
  const remarks: string[] = [];
  const array = await orSaid(readValues(file, format), () => problems);
  const listFor = ({ cause }: FileError): string[] => (cause instanceof UnreadableType ? remarks : problems);
  const readOther = (key: string): Promise<NpyArray | undefined> | undefined =>
    file.has(key) ? orSaid(file.read(key), listFor) : undefined;
  const checked = array && checkValues(array, format);
  problems.push(...(checked?.problems ?? []));
  const { values, frames } = checked ?? {};
  const { keypoints } = format;
  const isUsual = values === undefined || keypoints === undefined || checked?.insideUnit === true;
  const doubts = new Set(isUsual ? [] : keypointDoubts(values, keypoints).map(({ kind }) => kind));
  if (frames) {
    const mask = await readOther('mask');
    if (mask !== undefined) remarks.push(...checkMask(mask, frames, keypoints));
    const times = await readOther('timestamps_ms');
    if (times !== undefined) remarks.push(...checkTimestamps(times, frames));
  }
  const metaArray = await readOther('meta');
  const meta = metaArray && readMeta(metaArray);
  if (keypoints !== undefined && typeof meta === 'string') remarks.push(meta);
  if (keypoints !== undefined && typeof meta === 'object') problems.push(...checkMeta(meta, keypoints));
  return {
    clip: values && frames ? { values, frames } : undefined,
    problems,
    remarks,
    outsideUnit: doubts.has('outside-unit'),
    allZero: doubts.has('no-keypoints'),
    constant: values !== undefined && isConstant(values, format.width) && values.some((value) => value !== 0),
    // It says so where nobody signed it: a generator made it.
    synthetic: typeof meta === 'object' && meta.get('synthetic') === true,
  };
}

/** What is read; where it cannot be, that is said in a list. */
async function orSaid(read: Promise<NpyArray>, listFor: (error: FileError) => string[]): Promise<NpyArray | undefined> {
  try {
    return await read;
  } catch (error) {
    if (!(error instanceof FileError)) throw error;
    listFor(error).push(error.problem);
    return undefined;
  }
}

/** A clip of pictures as pixels from 0 to 255. */
async function readPictureClip(file: string, format: ClipFormat, side: number): Promise<Clip> {
  refuseVideo(file, format);
  const pixels = await readPictures(await pictureClip(file), { key: format.key, side });
  return { values: new Float32Array(pixels), frames: pixels.length / (side * side * 3) };
}

/** @throws FileError where the array is not there, or would take more as float32 than arrays of the file may. */
export async function readValues(npz: ArrayFile, format: ClipFormat): Promise<NpyArray> {
  const { key } = format;
  if (!npz.has(key))
    throw new FileError(npz.file, `no array "${key}"; the file holds: ${npz.contents}; ${await adviceWithout(npz, format)}`);
  const array = await npz.read(key);
  const bytes = array.values.length * Float32Array.BYTES_PER_ELEMENT;
  if (bytes > npz.allowance) {
    const size = `"${key}" is [${array.shape.join(', ')}], ${bytes} bytes as float32`;
    throw new FileError(npz.file, `${size}; of a file of its size at most ${npz.allowance} are read: is it a clip?`);
  }
  return array;
}

/** What to do about a file without the wanted array: one of its others may be meant, or another model. */
async function adviceWithout(npz: ArrayFile, { width, keypoints }: ClipFormat): Promise<string> {
  for (const key of npz.keys.slice(0, LOOKED_AT)) {
    const { shape } = await npz.read(key).catch(() => ({ shape: [] }));
    const found = shape.length === 2 ? elementAt(shape, 1) : undefined;
    const said = `"${excerpt(key)}" is [${shape.join(', ')}]`;
    if (found === width) return `${said}: choose it with ${keypoints === undefined ? '--feature-key' : '--kp-key'} ${excerpt(key)}`;
    if (found === KEYPOINT_WIDTH || found === FEATURE_WIDTH) return `${said}: ${required(commonFrame(found), 'what such frames are')}`;
  }
  return 'choose the right one with --kp-key or --feature-key, or make the file again';
}

/** Whether a file is so large that one at a time is read; a file that is not there is not. */
async function isLarge(file: string, packed: PackedClip | undefined): Promise<boolean> {
  return (await sizeOfPlace(file, packed)) > LARGE;
}
