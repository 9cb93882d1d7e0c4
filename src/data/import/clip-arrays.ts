import { UserError } from '../../foundation/errors';
import { elementAt } from '../../foundation/required';
import { readBoundedFile } from '../file-reading';
import { parseNpy, toFloat32 } from '../npy';
import { parseNpyHeader } from '../npy-header';
import { MAX_BYTES, openNpz } from '../npz';
import { folderOf, placeOf, withoutEnding, type FolderListing } from './folder-listing';
import { describedShape, fillFrames, frameShapeOf, isOrderOpen, orderByValues } from './frame-shapes';
import { LandmarkClip, partNamed, type PartName } from './landmarks';
import type { LandmarkFormat, Reading } from './landmark-format';
import { isFrame, isOfObjects, shapeInFile } from './numpy-files';
import { isNumbers, readPythonObjects, type NumberArray, type PythonTree } from './python-objects';

/** An `.npy` or `.npz` a clip: `[frames, numbers]`, `[frames, points, 2 or 3]`, or Python's objects with the parts by their names. */
export const clipArrays: LandmarkFormat = {
  name: 'npy',
  title: 'an .npy or .npz a clip',
  recognise: async (listing) => {
    const files = listing.files.filter((file) => /\.np[yz]$/i.test(file));
    const first = files.find((file) => /\.npy$/i.test(file)) ?? files[0];
    const looks = first === undefined ? undefined : await looksOf(placeOf(listing, first));
    if (looks === undefined) return undefined;
    const clips = files.map((file) => ({
      name: withoutEnding(file),
      files: [file],
      signFolder: folderOf(file),
      read: (reading: Reading) => readClip(listing, file, reading),
    }));
    return { clips, ...looks };
  },
};

/** What a clip's file looks like; undefined where it is nothing that a clip of landmarks could be. */
async function looksOf(file: string): Promise<{ readonly found: string; readonly unknown?: string } | undefined> {
  if (/\.npz$/i.test(file)) return looksOfNpz(file);
  const shape = shapeInFile(file);
  if (shape === 'objects') return { found: 'an .npy a clip, of Python objects' };
  return shape === undefined || isFrame(shape) ? undefined : describedShape('an array a clip', shape.slice(1));
}

async function looksOfNpz(file: string): Promise<{ readonly found: string; readonly unknown?: string } | undefined> {
  try {
    const npz = await openNpz(file);
    const parts = npz.keys.filter((key) => partNamed(key) !== undefined);
    if (parts.length > 0) return { found: `an .npz a clip, with ${parts.join(', ')}` };
    const [key] = npz.keys.filter((name) => !IGNORED.has(name));
    const array = key === undefined ? undefined : await npz.read(key);
    if (array === undefined || array.dtype === 'text' || array.shape.length < 2) return undefined;
    return describedShape(`an .npz a clip, its array ${key ?? ''}`, array.shape.slice(1));
  } catch (error) {
    if (error instanceof UserError) return undefined;
    throw error;
  }
}

const MOST_FRAMES = 100_000;

async function readClip(listing: FolderListing, file: string, { order }: Reading): Promise<LandmarkClip> {
  const place = placeOf(listing, file);
  if (/\.npz$/i.test(file)) {
    const npz = await openNpz(place);
    const arrays: [string, PythonTree][] = [];
    for (const key of npz.keys.filter((name) => !IGNORED.has(name))) arrays.push([key, await numbersIn(npz.read(key))]);
    const isOfParts = arrays.some(([key]) => partNamed(key) !== undefined);
    const [only] =
      arrays.length === 1 && !isOfParts ? arrays : arrays.filter(([key]) => key === 'X' || key === 'keypoints' || key === 'landmarks');
    return clipOf(only?.[1] ?? new Map(arrays), order);
  }
  const bytes = await readBoundedFile(place, MAX_BYTES, 'cut the clip');
  const { descr, dataOffset } = parseNpyHeader(bytes);
  return clipOf(isOfObjects(descr) ? readPythonObjects(bytes.subarray(dataOffset)) : numbersOf(parseNpy(bytes)), order);
}

/** Arrays of Kumpas's own clips that say something about `X`. */
const IGNORED: ReadonlySet<string> = new Set(['mask', 'timestamps_ms', 'meta', 'X2048']);

async function numbersIn(array: Promise<Parameters<typeof toFloat32>[0]>): Promise<NumberArray | null> {
  const found = await array;
  return found.dtype === 'text' ? null : numbersOf(found);
}

function numbersOf(array: Parameters<typeof toFloat32>[0]): NumberArray {
  return { shape: array.shape, values: toFloat32(array) };
}

/** A clip of what a file holds: an array of frames, parts by their names, or frames one by one. */
function clipOf(tree: PythonTree, order: readonly PartName[] | undefined): LandmarkClip {
  if (isNumbers(tree)) return clipOfFrames(tree, order);
  if (tree instanceof Map) return clipOfParts(tree as ReadonlyMap<string, PythonTree>);
  if (tree === null || !Array.isArray(tree)) throw new UserError('it holds no landmarks');
  return clipOfList(tree as readonly PythonTree[], order);
}

function clipOfFrames({ shape, values }: NumberArray, order: readonly PartName[] | undefined): LandmarkClip {
  const [frames, ...frame] = shape;
  if (frames === undefined || frame.length === 0)
    throw new UserError(`its array is [${shape.join(', ')}]; expected [frames, numbers] or [frames, points, 2 or 3]`);
  const clip = new LandmarkClip(withinBounds(frames));
  const open = order === undefined ? isOrderOpen(frame) : undefined;
  const byValues = open === undefined ? undefined : orderByValues(values, open);
  const found = frameShapeOf(frame, order ?? byValues);
  if (byValues !== undefined) clip.notes.push(`its points lie as in the Kaggle contest, ${byValues.join(', ')}; --order says otherwise`);
  fillFrames(clip, values, found);
  return clip;
}

/** Parts by their names, each `[frames, landmarks, 2 to 4]` or `[frames, numbers]`. */
function clipOfParts(parts: ReadonlyMap<string, PythonTree>): LandmarkClip {
  const named = [...parts].flatMap(([name, array]): [PartName, NumberArray][] => {
    const part = partNamed(name);
    return part === undefined || !isNumbers(array) || array.values.length === 0 ? [] : [[part, array]];
  });
  if (named.length === 0)
    throw new UserError(
      `it holds ${[...parts.keys()].slice(0, 6).join(', ') || 'nothing'}; expected parts by names such as pose, left_hand, right_hand, face`,
    );
  const frames = Math.max(...named.map(([, { shape }]) => shape[0] ?? 0));
  const clip = new LandmarkClip(withinBounds(frames));
  for (const [part, { shape, values }] of named) {
    if (shape[0] !== frames) throw new UserError(`its parts differ in length: ${part} has ${shape[0] ?? 0} frames, another ${frames}`);
    fillFrames(clip, values, frameShapeOf(shape.slice(1), [part]));
  }
  return clip;
}

/** Frames one by one: each an array of all, or parts by names, or a list of parts; one in which nothing was found may be None. */
function clipOfList(frames: readonly PythonTree[], order: readonly PartName[] | undefined): LandmarkClip {
  const clip = new LandmarkClip(withinBounds(frames.length));
  frames.forEach((frame, place) => {
    if (frame === null) return;
    if (isNumbers(frame)) {
      if (frame.values.length > 0) fillFrames(clip, frame.values, frameShapeOf(frame.shape, order), place);
    } else if (frame instanceof Map) {
      for (const [name, array] of frame as ReadonlyMap<string, PythonTree>) {
        const part = partNamed(name);
        if (part !== undefined && isNumbers(array) && array.values.length > 0)
          fillFrames(clip, array.values, frameShapeOf(array.shape, [part]), place);
      }
    } else {
      fillPartsInOrder(clip, frame as readonly PythonTree[], order, place);
    }
  });
  return clip;
}

/** A frame that is a list of parts: which is which tells the given order, or how many points each has; of two hands the left comes first. */
function fillPartsInOrder(clip: LandmarkClip, parts: readonly PythonTree[], order: readonly PartName[] | undefined, frame: number): void {
  let hands = 0;
  parts.forEach((array, place) => {
    if (!isNumbers(array) || array.values.length === 0) return;
    const points = elementAt(array.shape, 0);
    const bySize: PartName = points === 33 ? 'pose' : points >= 468 ? 'face' : hands++ === 0 ? 'left_hand' : 'right_hand';
    fillFrames(clip, array.values, frameShapeOf(array.shape, [order?.[place] ?? bySize]), frame);
  });
}

function withinBounds(frames: number): number {
  if (frames > MOST_FRAMES) throw new UserError(`${frames} frames (at most ${MOST_FRAMES} are read)`);
  return frames;
}
