import { stat } from 'node:fs/promises';
import { areKeypoints, checkMask, checkMeta, checkTimestamps, checkValues, saysSynthetic, type ClipFormat } from './clip-checks';
import { FileError } from './data-error';
import { Turns } from './file-reading';
import type { NpyArray } from './npy';
import { openNpz, type NpzFile } from './npz';
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
  /** True where a number lies outside [0, 1]. */
  readonly outsideUnit: boolean;
  /** True where every number is 0: no key point in any frame. */
  readonly allZero: boolean;
  /** True where its `meta` says that a generator made it. */
  readonly synthetic: boolean;
}

/** Bytes from which on a file, or what it unpacks to, is large: usual clips have a hundredth of it. */
const LARGE = 8 * 1024 * 1024;

/** The arrays beside the values that are checked. */
const CHECKED = ['mask', 'timestamps_ms', 'meta'] as const;

/**
 * Reads the values of one clip.
 * @param turns what clips that are read at once share: a large one is read alone.
 * @throws FileError where the file or the values are not as they must be.
 */
export async function readClip(file: string, format: ClipFormat, turns = new Turns()): Promise<Clip> {
  const read = async (): Promise<Clip> => {
    const npz = await openNpz(file);
    const { values, frames, problems } = checkValues(await readValues(npz, format.key), format);
    const [problem] = problems;
    if (values === undefined || problem !== undefined) throw new FileError(file, problem ?? `"${format.key}" holds no values`);
    return { values, frames };
  };
  const { pictureSide: side, key } = format;
  if (side !== undefined) return turns.alone(() => readPictureClip(file, key, side));
  return (await isLarge(file)) ? turns.alone(read) : read();
}

/**
 * Reads one clip and checks all that it holds: the values, and `mask`, `timestamps_ms` and `meta` where they are there.
 * @param turns what clips that are read at once share: a large one is read alone.
 */
export async function inspectClip(file: string, format: ClipFormat, turns = new Turns()): Promise<InspectedClip> {
  const { pictureSide: side, key } = format;
  const nothing = { clip: undefined, problems: [], outsideUnit: false, allZero: false, synthetic: false };
  const orProblem = async (read: () => Promise<InspectedClip>): Promise<InspectedClip> => {
    try {
      return await read();
    } catch (error) {
      if (!(error instanceof FileError)) throw error;
      return { ...nothing, problems: [error.problem] };
    }
  };
  if (side !== undefined) return turns.alone(() => orProblem(async () => ({ ...nothing, clip: await readPictureClip(file, key, side) })));
  if (await isLarge(file)) return turns.alone(() => orProblem(async () => inspectArrays(await openNpz(file), format)));
  return orProblem(async () => {
    const npz = await openNpz(file);
    const unpacksToMuch = [key, ...CHECKED].some((name) => npz.declaredBytes(name) > LARGE);
    return unpacksToMuch ? turns.alone(() => inspectArrays(npz, format)) : inspectArrays(npz, format);
  });
}

async function inspectArrays(npz: NpzFile, format: ClipFormat): Promise<InspectedClip> {
  const problems: string[] = [];
  const attempt = async (read: () => Promise<NpyArray>): Promise<NpyArray | undefined> => {
    try {
      return await read();
    } catch (error) {
      if (!(error instanceof FileError)) throw error;
      problems.push(error.problem);
      return undefined;
    }
  };
  const array = await attempt(() => readValues(npz, format.key));
  const checked = array && checkValues(array, format);
  problems.push(...(checked?.problems ?? []));
  const readOther = async (key: string): Promise<NpyArray | undefined> => (npz.has(key) ? attempt(() => npz.read(key)) : undefined);
  const checkOther = async (key: string, check: (found: NpyArray) => string[]): Promise<void> => {
    const found = await readOther(key);
    if (found) problems.push(...check(found));
  };
  const { values, frames } = checked ?? {};
  if (frames) {
    await checkOther('mask', (mask) => checkMask(mask, frames, format.width));
    await checkOther('timestamps_ms', (times) => checkTimestamps(times, frames));
  }
  const meta = await readOther('meta');
  if (meta && areKeypoints(format)) problems.push(...checkMeta(meta));
  return {
    clip: values && frames ? { values, frames } : undefined,
    problems,
    outsideUnit: areKeypoints(format) && checked?.outsideUnit === true,
    allZero: areKeypoints(format) && checked?.allZero === true,
    synthetic: meta !== undefined && saysSynthetic(meta),
  };
}

/** A clip of pictures as pixels from 0 to 255. */
async function readPictureClip(file: string, key: string, side: number): Promise<Clip> {
  const pixels = await readPictures(await pictureClip(file), { key, side });
  return { values: new Float32Array(pixels), frames: pixels.length / (side * side * 3) };
}

/** @throws FileError where the array is not there, or would take more as float32 than arrays of the file may. */
async function readValues(npz: NpzFile, key: string): Promise<NpyArray> {
  if (!npz.has(key)) {
    const advice = 'choose the right one with --kp-key or --feature-key, or make the file again';
    throw new FileError(npz.file, `no array "${key}"; the file holds: ${npz.contents}; ${advice}`);
  }
  const array = await npz.read(key);
  const bytes = array.values.length * Float32Array.BYTES_PER_ELEMENT;
  if (bytes > npz.allowance) {
    const size = `"${key}" is [${array.shape.join(', ')}], ${bytes} bytes as float32`;
    throw new FileError(npz.file, `${size}; of a file of its size at most ${npz.allowance} are read: is it a clip?`);
  }
  return array;
}

/** Whether a file is so large that one at a time is read; a file that is not there is not. */
async function isLarge(file: string): Promise<boolean> {
  try {
    return (await stat(file)).size > LARGE;
  } catch {
    return false;
  }
}
