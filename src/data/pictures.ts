import { readdir, stat } from 'node:fs/promises';
import path from 'node:path';
import { messageOf } from '../foundation/errors';
import { elementAt } from '../foundation/required';
import { counted } from '../foundation/text';
import { FileError } from './data-error';
import { mapConcurrently, readBoundedFile } from './file-reading';
import { openNpz } from './npz';

/** How a clip of pictures is read. */
interface PictureFormat {
  /** The array of an `.npz`: uint8 `[frames, height, width, 3]`. */
  readonly key: string;
  /** Side in pixels that pictures are brought to. */
  readonly side: number;
}

const READ_PICTURE = /\.(jpe?g|png|webp)$/i;
/** Pictures that are not read: a clip that has them would lack frames without them. */
const OTHER_PICTURE = /\.(bmp|gif|tiff?|heic|heif|avif|jp2|ppm)$/i;
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
 * Reads a clip of pictures, brought to a size: an `.npz` of frames, or a folder of `.jpg`, `.png` and `.webp` files in the order of their names (numbers in them counted).
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

/** Whether a file of that name is a picture, of a kind that is read or not. */
export function isPictureFile(name: string): boolean {
  return (READ_PICTURE.test(name) || OTHER_PICTURE.test(name)) && !name.startsWith('.');
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
  const others = files.filter((file) => OTHER_PICTURE.test(file));
  if (others[0] !== undefined) {
    const found = `${others.length} of its ${counted(files.length, 'picture')} are of a kind that is not read (the first: ${path.basename(others[0])})`;
    throw new FileError(folder, `${found}; save them as .png, .jpg or .webp`);
  }
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
    throw new FileError(file, `the picture cannot be read (${elementAt(messageOf(error).split('\n'), 0)})`, { cause: error });
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

/** A picture of 8 bits a channel: red, green and blue in turn, row by row. */
interface Picture {
  readonly height: number;
  readonly width: number;
  readonly pixels: Uint8Array;
}

/** Bits behind the point of a weight, as Pillow has them. */
const PRECISION = 22;

/**
 * Brings a picture to a size, bilinear with antialiasing: to the last bit what Pillow's `resize(…, BILINEAR)` gives, with which torchvision resizes pictures
 * (src/libImaging/Resample.c): weights of 22 bits, first along the rows, then along the columns, rounded to 8 bits after each.
 */
export function resizePicture({ height, width, pixels }: Picture, toHeight: number, toWidth: number): Uint8Array {
  if (pixels.length !== height * width * 3) throw new RangeError(`${pixels.length} bytes are no picture of ${width} × ${height}`);
  const narrowed =
    width === toWidth
      ? pixels
      : resample(pixels, weightsOf(width, toWidth), { lines: height, lineStep: width * 3, step: 3, toLineStep: toWidth * 3, toStep: 3 });
  if (height === toHeight) return narrowed;
  const row = toWidth * 3;
  return resample(narrowed, weightsOf(height, toHeight), { lines: toWidth, lineStep: 3, step: row, toLineStep: 3, toStep: row });
}

interface Weights {
  /** Of each new place, the first old one that counts. */
  readonly first: Int32Array;
  readonly counts: Int32Array;
  /** `most` for each new place. */
  readonly values: Int32Array;
  readonly most: number;
}

const known = new Map<string, Weights>();

function weightsOf(from: number, to: number): Weights {
  const key = `${from} ${to}`;
  const weights = known.get(key) ?? computeWeights(from, to);
  known.set(key, weights);
  return weights;
}

function computeWeights(from: number, to: number): Weights {
  const scale = from / to;
  const support = Math.max(scale, 1);
  const most = Math.ceil(support) * 2 + 1;
  const weights = { first: new Int32Array(to), counts: new Int32Array(to), values: new Int32Array(to * most), most };
  for (let place = 0; place < to; place++) {
    const centre = (place + 0.5) * scale;
    const first = Math.max(0, Math.trunc(centre - support + 0.5));
    const count = Math.min(from, Math.trunc(centre + support + 0.5)) - first;
    const shares = Array.from({ length: count }, (_, offset) => Math.max(0, 1 - Math.abs((offset + first - centre + 0.5) / support)));
    const sum = shares.reduce((total, share) => total + share, 0);
    weights.first[place] = first;
    weights.counts[place] = count;
    shares.forEach((share, offset) => (weights.values[place * most + offset] = Math.trunc(0.5 + (share / sum) * 2 ** PRECISION)));
  }
  return weights;
}

/** How lines lie in the old picture and in the new one, in bytes. */
interface Lines {
  readonly lines: number;
  readonly lineStep: number;
  readonly step: number;
  readonly toLineStep: number;
  readonly toStep: number;
}

function resample(
  pixels: Uint8Array,
  { first, counts, values, most }: Weights,
  { lines, lineStep, step, toLineStep, toStep }: Lines,
): Uint8Array {
  const places = first.length;
  const resized = new Uint8Array(lines * places * 3);
  const half = 1 << (PRECISION - 1);
  for (let place = 0; place < places; place++) {
    const count = elementAt(counts, place);
    const start = elementAt(first, place) * step;
    const weight = place * most;
    for (let line = 0; line < lines; line++) {
      let [red, green, blue] = [half, half, half];
      let source = line * lineStep + start;
      for (let offset = 0; offset < count; offset++) {
        const share = values[weight + offset] ?? NaN;
        red += (pixels[source] ?? NaN) * share;
        green += (pixels[source + 1] ?? NaN) * share;
        blue += (pixels[source + 2] ?? NaN) * share;
        source += step;
      }
      const target = line * toLineStep + place * toStep;
      resized[target] = Math.min(255, red >> PRECISION);
      resized[target + 1] = Math.min(255, green >> PRECISION);
      resized[target + 2] = Math.min(255, blue >> PRECISION);
    }
  }
  return resized;
}
