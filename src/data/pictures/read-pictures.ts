import { readdir, stat } from 'node:fs/promises';
import path from 'node:path';
import { messageOf } from '../../foundation/errors';
import { readBoundedFile } from '../bounded-file';
import { mapConcurrently } from '../concurrency';
import { FileError } from '../data-error';
import { openNpz } from '../npz';
import { resizePicture, type Picture } from './resize';

/** How a clip of pictures is read. */
export interface PictureFormat {
  /** The array of an `.npz`: uint8 `[frames, height, width, 3]`. */
  readonly key: string;
  /** Side in pixels that pictures are brought to. */
  readonly side: number;
}

const PICTURE_FILE = /\.(jpe?g|png)$/i;
const MOST_PIXELS = 64 * 1024 * 1024;
/** What may be made of a small file, and how many times its bytes of a larger one: a photograph has a pixel or two a byte, a plain drawing some hundred. */
const LEAST_PIXELS = 16 * 1024 * 1024;
const MOST_PIXELS_A_BYTE = 32;
/** The longest side in pixels: a camera's is a third of it, and what brings a picture to another size takes memory by it. */
const MOST_SIDE = 16_384;
const MOST_FILE_BYTES = 64 * 1024 * 1024;
/** At 299 pixels, 4 GB. */
const MOST_FRAMES = 16_000;
const DECODED_AT_ONCE = 4;

/**
 * Reads a clip of pictures, brought to a size: an `.npz` of frames, or a folder of `.jpg` and `.png` files in the order of their names (numbers in them counted).
 * @returns `[frames, side, side, 3]`
 * @throws FileError naming what cannot be used.
 */
export async function readPictures(clip: string, format: PictureFormat): Promise<Uint8Array> {
  return (await kindOf(clip)) === 'folder' ? readFolder(clip, format) : readFrames(clip, format);
}

/** The folder of pictures that a clip may be in place of its `.npz`. */
export async function pictureClip(npz: string): Promise<string> {
  const folder = npz.replace(/\.npz$/i, '');
  return (await kindOf(npz)) === 'nothing' && (await kindOf(folder)) === 'folder' ? folder : npz;
}

/** Whether a file of that name is a picture. */
export function isPictureFile(name: string): boolean {
  return PICTURE_FILE.test(name) && !name.startsWith('.');
}

/** The picture files in a folder, in their order. */
export async function pictureFiles(folder: string): Promise<string[]> {
  const names = (await readdir(folder)).filter(isPictureFile);
  const byNumber = new Intl.Collator('en', { numeric: true });
  return names.sort((one, other) => byNumber.compare(one, other)).map((name) => path.join(folder, name));
}

async function readFolder(folder: string, { side }: PictureFormat): Promise<Uint8Array> {
  const files = await pictureFiles(folder);
  if (files.length === 0) throw new FileError(folder, 'it holds no .jpg or .png picture');
  const pixels = framesOf(folder, files.length, side);
  await mapConcurrently(files, DECODED_AT_ONCE, async (file, frame) => {
    pixels.set(resizePicture(await decode(file), side, side), frame * side * side * 3);
  });
  return pixels;
}

/** Transparency is dropped and colour profiles are left alone, as Pillow's `convert('RGB')` does. */
async function decode(file: string): Promise<Picture> {
  const { default: sharp } = await import('sharp'); // With its native library: only when it is needed.
  const bytes = await readBoundedFile(file, MOST_FILE_BYTES, 'save it smaller');
  const mostPixels = Math.min(MOST_PIXELS, Math.max(LEAST_PIXELS, MOST_PIXELS_A_BYTE * bytes.length));
  try {
    const image = sharp(bytes, { limitInputPixels: mostPixels, ignoreIcc: true, failOn: 'error' });
    const { data, info } = await image.removeAlpha().toColourspace('srgb').raw({ depth: 'uchar' }).toBuffer({ resolveWithObject: true });
    refuseLong(file, info);
    return { height: info.height, width: info.width, pixels: data };
  } catch (error) {
    if (error instanceof FileError) throw error;
    if (messageOf(error).includes('exceeds pixel limit'))
      throw new FileError(file, `a picture of more than ${mostPixels} pixels in ${bytes.length} bytes; save it smaller`, { cause: error });
    throw new FileError(file, `the picture cannot be read (${messageOf(error).split('\n')[0] ?? ''})`, { cause: error });
  }
}

async function readFrames(file: string, { key, side }: PictureFormat): Promise<Uint8Array> {
  const npz = await openNpz(file);
  if (!npz.has(key))
    throw new FileError(file, `no array "${key}"; the file holds: ${npz.contents}; choose the right one with --frames-key`);
  const array = await npz.read(key);
  const [frames, height, width, channels, ...more] = array.shape;
  if (array.dtype !== 'uint8') throw new FileError(file, `"${key}" is ${array.dtype}; expected uint8, from 0 to 255`);
  if (frames === undefined || height === undefined || width === undefined || channels !== 3 || more.length > 0)
    throw new FileError(file, `"${key}" is [${array.shape.join(', ')}]; expected [frames, height, width, 3]`);
  if (frames === 0 || height === 0 || width === 0) throw new FileError(file, `"${key}" is [${array.shape.join(', ')}]: it has no pictures`);
  refuseLong(file, { height, width });
  const bytes = frames * side * side * 3;
  if (bytes > npz.allowance) {
    const advice = `in this size ${bytes} bytes; of a file of its size at most ${npz.allowance} are made: is it a clip?`;
    throw new FileError(file, `"${key}" is [${array.shape.join(', ')}], ${advice}`);
  }
  const pixels = framesOf(file, frames, side);
  const size = height * width * 3;
  for (let frame = 0; frame < frames; frame++) {
    const picture = { height, width, pixels: array.values.subarray(frame * size, (frame + 1) * size) };
    pixels.set(resizePicture(picture, side, side), frame * side * side * 3);
  }
  return pixels;
}

function refuseLong(file: string, { height, width }: { readonly height: number; readonly width: number }): void {
  if (Math.max(height, width) <= MOST_SIDE) return;
  throw new FileError(file, `a picture of ${width} × ${height} pixels (at most ${MOST_SIDE} a side are read); save it smaller`);
}

function framesOf(clip: string, frames: number, side: number): Uint8Array {
  if (frames > MOST_FRAMES) throw new FileError(clip, `${frames} pictures (at most ${MOST_FRAMES} are read)`);
  return new Uint8Array(frames * side * side * 3);
}

async function kindOf(name: string): Promise<'folder' | 'file' | 'nothing'> {
  try {
    return (await stat(name)).isDirectory() ? 'folder' : 'file';
  } catch {
    return 'nothing';
  }
}
