import { areKeypoints, checkMask, checkMeta, checkTimestamps, checkValues, saysSynthetic, type ClipFormat } from './clip-checks';
import { FileError } from './data-error';
import type { NpyArray } from './npy';
import { openNpz, type NpzFile } from './npz';
import { pictureClip, readPictures } from './pictures/read-pictures';

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
  /** True where its `meta` says that a generator made it. */
  readonly synthetic: boolean;
}

/**
 * Reads the values of one clip.
 * @throws FileError where the file or the values are not as they must be.
 */
export async function readClip(file: string, format: ClipFormat): Promise<Clip> {
  if (format.pictureSide !== undefined) return readPictureClip(file, format.key, format.pictureSide);
  const npz = await openNpz(file);
  const { values, frames, problems } = checkValues(await readValues(npz, format.key), format);
  const [problem] = problems;
  if (values === undefined || problem !== undefined) throw new FileError(file, problem ?? `"${format.key}" holds no values`);
  return { values, frames };
}

/** Reads one clip and checks all that it holds: the values, and `mask`, `timestamps_ms` and `meta` where they are there. */
export async function inspectClip(file: string, format: ClipFormat): Promise<InspectedClip> {
  const problems: string[] = [];
  const attempt = async <T>(read: () => Promise<T>): Promise<T | undefined> => {
    try {
      return await read();
    } catch (error) {
      if (!(error instanceof FileError)) throw error;
      problems.push(error.problem);
      return undefined;
    }
  };
  if (format.pictureSide !== undefined) {
    const { key, pictureSide: side } = format;
    return { clip: await attempt(() => readPictureClip(file, key, side)), problems, outsideUnit: false, synthetic: false };
  }
  const npz = await attempt(() => openNpz(file));
  if (npz === undefined) return { clip: undefined, problems, outsideUnit: false, synthetic: false };
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
    synthetic: meta !== undefined && saysSynthetic(meta),
  };
}

/** A clip of pictures as pixels from 0 to 255. */
async function readPictureClip(file: string, key: string, side: number): Promise<Clip> {
  const pixels = await readPictures(await pictureClip(file), { key, side });
  return { values: new Float32Array(pixels), frames: pixels.length / (side * side * 3) };
}

async function readValues(npz: NpzFile, key: string): Promise<NpyArray> {
  if (npz.has(key)) return npz.read(key);
  const keys = npz.keys.join(', ') || 'nothing';
  throw new FileError(
    npz.file,
    `no array "${key}"; the file holds: ${keys}; choose the right one with --kp-key or --feature-key, or make the file again`,
  );
}
