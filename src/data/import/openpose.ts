import path from 'node:path';
import { z } from 'zod';
import { UserError } from '../../foundation/errors';
import { readRegularText } from '../../foundation/regular-file';
import { elementAt } from '../../foundation/required';
import { counted } from '../../foundation/text';
import { baseName, folderOf, gapsIn, placeOf, type FolderListing } from './folder-listing';
import { LandmarkClip } from './landmarks';
import type { LandmarkFormat, SourceClip } from './landmark-format';
import { fillOpenPose, openPosePart } from './openpose-points';
import { parseJson } from './mediapipe-json';

/** What OpenPose calls the file of a frame: `NAME_000000000012_keypoints.json`. */
const FRAME_FILE = /^(.*?)_?(\d{3,})_keypoints\.json$/i;
const MOST_BYTES = 4 * 1024 * 1024;
const MOST_FRAMES = 100_000;

/** OpenPose's own output: a JSON file a frame, people with `pose_keypoints_2d`, hands and face, in pixels. */
export const openPose: LandmarkFormat = {
  name: 'openpose',
  title: "OpenPose's JSON, a file a frame",
  recognise: (listing) => {
    const clips = [...listing.byFolder].flatMap(([folder, files]) => clipsIn(listing, folder, files));
    if (clips.length === 0) return Promise.resolve(undefined);
    return Promise.resolve({ clips, found: "OpenPose's JSON, a file a frame: body 25 (or COCO 18), hands 21 each, face 70, in pixels" });
  },
};

/** The clips of a folder: those that the names of its frames begin with; where that is one, the folder itself. */
function clipsIn(listing: FolderListing, folder: string, files: readonly string[]): SourceClip[] {
  const frames = new Map<string, string[]>();
  for (const file of files) {
    const prefix = FRAME_FILE.exec(path.posix.basename(file))?.[1];
    if (prefix !== undefined) frames.set(prefix, [...(frames.get(prefix) ?? []), file]);
  }
  return [...frames].map(([prefix, own]) => {
    const isWholeFolder = frames.size === 1 && folder !== '';
    return {
      name: isWholeFolder
        ? folder
        : [folder, prefix === '' ? path.basename(path.resolve(listing.folder)) : prefix].filter((part) => part !== '').join('/'),
      files: own,
      signFolder: isWholeFolder ? folderOf(folder) : folder,
      read: () => readFrames(listing, own),
    };
  });
}

const personSchema = z.looseObject({});
const frameSchema = z.looseObject({ people: z.array(personSchema) });
const numbersSchema = z.array(z.number());

function readFrames(listing: FolderListing, files: readonly string[]): LandmarkClip {
  if (files.length > MOST_FRAMES) throw new UserError(`${files.length} frames (at most ${MOST_FRAMES} are read)`);
  const clip = new LandmarkClip(files.length);
  clip.pixels = 'unknown';
  let crowded = 0;
  let largest = 0;
  files.forEach((file, frame) => {
    const { people } = parseJson(readRegularText(placeOf(listing, file), MOST_BYTES), frameSchema, `${baseName(file)}.json`);
    if (people.length > 1) crowded++;
    const sets = people.map(setsOf);
    const surest = sets.toSorted((one, other) => confidenceOf(other) - confidenceOf(one))[0];
    for (const [name, numbers] of surest ?? []) {
      const set = openPosePart(name);
      if (set === undefined) continue;
      fillOpenPose(clip, set, frame, Math.floor(numbers.length / 3), (place) => {
        const [x, y, confidence] = [elementAt(numbers, 3 * place), elementAt(numbers, 3 * place + 1), elementAt(numbers, 3 * place + 2)];
        largest = Math.max(largest, x, y);
        return [x, y, NaN, confidence];
      });
    }
  });
  // OpenPose's --keypoint_scale 3 gives shares of the picture.
  if (largest <= 1) clip.pixels = undefined;
  if (crowded > 0) clip.notes.push(`${counted(crowded, 'frame')} with several people; the one that OpenPose is surest of is taken`);
  const gaps = gapsIn(files.map((file) => Number(FRAME_FILE.exec(path.posix.basename(file))?.[2])));
  if (gaps !== undefined) clip.notes.push(gaps);
  return clip;
}

/** A person's sets of numbers, x, y and confidence in turn. */
function setsOf(person: z.infer<typeof personSchema>): [string, number[]][] {
  return Object.entries(person).flatMap(([name, value]): [string, number[]][] => {
    const numbers = openPosePart(name) === undefined || name.endsWith('3d') ? undefined : numbersSchema.safeParse(value);
    return numbers?.success === true && numbers.data.length > 0 ? [[name, numbers.data]] : [];
  });
}

/** How sure OpenPose is of a person: the sum of its points' confidences. */
function confidenceOf(sets: readonly (readonly [string, readonly number[]])[]): number {
  return sets.reduce((sum, [, numbers]) => sum + numbers.reduce((part, value, place) => (place % 3 === 2 ? part + value : part), 0), 0);
}
