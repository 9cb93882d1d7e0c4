import path from 'node:path';
import { UserError, messageOf } from '../../foundation/errors';
import { readRegularFile } from '../../foundation/regular-file';
import { elementAt, required } from '../../foundation/required';
import { parseNpy, toFloat32 } from '../npy';
import { folderOf, gapsIn, numberIn, placeOf, type FolderListing } from './folder-listing';
import { describedShape, fillFrames, frameShapeOf, isOrderOpen, orderByValues } from './frame-shapes';
import { LandmarkClip } from './landmarks';
import type { LandmarkFormat, Reading, SourceClip } from './landmark-format';
import { isFrame, shapeInFile } from './numpy-files';

/** A frame of 553 landmarks takes 13 KB. */
const MOST_FRAME_BYTES = 1024 * 1024;
const MOST_FRAMES = 100_000;

/** `MP_Data/<sign>/<clip>/<frame>.npy`, as hundreds of projects on MediaPipe Holistic keep what they recorded. */
export const frameArrays: LandmarkFormat = {
  name: 'holistic',
  title: 'a folder a clip, in it an .npy a frame',
  recognise: (listing) => {
    const folders = [...listing.byFolder].flatMap(([folder, files]): [string, string[]][] => {
      const frames = files.filter((file) => /\.npy$/i.test(file) && numberIn(path.posix.basename(file)) !== undefined);
      return frames.length === 0 ? [] : [[folder, frames]];
    });
    const shape = folders.map(([, files]) => shapeInFile(placeOf(listing, elementAt(files, 0)))).find((found) => found !== undefined);
    if (shape === undefined || shape === 'objects' || !isFrame(shape)) return Promise.resolve(undefined);
    return Promise.resolve({
      clips: folders.map(([folder, files]) => clipOf(listing, folder, files)),
      ...describedShape('a folder a clip and an .npy a frame', shape[0] === 1 ? shape.slice(1) : shape),
    });
  },
};

function clipOf(listing: FolderListing, folder: string, files: readonly string[]): SourceClip {
  return {
    name: folder === '' ? path.basename(path.resolve(listing.folder)) : folder,
    files,
    signFolder: folderOf(folder),
    read: (reading) => readFrames(listing, files, reading),
  };
}

function readFrames(listing: FolderListing, files: readonly string[], { order }: Reading): LandmarkClip {
  if (files.length > MOST_FRAMES) throw new UserError(`${files.length} frames (at most ${MOST_FRAMES} are read)`);
  const numbered = files
    .map((file) => ({ file, number: required(numberIn(path.posix.basename(file)), 'the number of a frame') }))
    .sort((one, other) => one.number - other.number);
  const twice = numbered.find(({ number }, place) => numbered[place + 1]?.number === number);
  if (twice !== undefined) throw new UserError(`two files are frame ${twice.number}; keep one of them`);
  const frames = numbered.map(({ file }) => readFrame(placeOf(listing, file), file));
  const first = elementAt(frames, 0);
  const other = frames.find(({ shape }) => shape.join() !== first.shape.join());
  if (other !== undefined)
    throw new UserError(
      `its frames differ: ${path.posix.basename(first.file)} is [${first.shape.join(', ')}], ${path.posix.basename(other.file)} is [${other.shape.join(', ')}]`,
    );
  const clip = new LandmarkClip(frames.length);
  const open = order === undefined ? isOrderOpen(first.shape) : undefined;
  const found =
    open === undefined
      ? order
      : orderByValues(
          frames.flatMap(({ values }) => Array.from(values)),
          open,
        );
  const shape = frameShapeOf(first.shape, found);
  frames.forEach(({ values }, frame) => {
    fillFrames(clip, values, shape, frame);
  });
  const gaps = gapsIn(numbered.map(({ number }) => number));
  if (gaps !== undefined) clip.notes.push(gaps);
  return clip;
}

interface Frame {
  readonly file: string;
  readonly shape: readonly number[];
  readonly values: Float32Array;
}

/** One frame; an axis of length 1 that some put around it is taken away. */
function readFrame(place: string, file: string): Frame {
  try {
    const array = parseNpy(readRegularFile(place, MOST_FRAME_BYTES));
    return { file, shape: array.shape[0] === 1 ? array.shape.slice(1) : array.shape, values: toFloat32(array) };
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    throw new UserError(`${path.posix.basename(file)}: ${messageOf(error).replace(`${place}: `, '')}`, { cause: error });
  }
}
