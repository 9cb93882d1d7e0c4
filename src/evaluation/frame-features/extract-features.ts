import path from 'node:path';
import { mapConcurrently } from '../../data/file-reading';
import { FileError, type DataProblem } from '../../data/data-error';
import type { NpyArray } from '../../data/npy';
import { openNpz } from '../../data/npz';
import { pictureFiles, readPictures } from '../../data/pictures';
import { messageOf, UserError } from '../../foundation/errors';
import { FileSystemProblem } from '../../foundation/file-system-problem';
import { type KeptFolder, makeFolders, makeFoldersWithin } from '../../foundation/folders';
import type { PictureFeatures } from './encode-pictures';
import { FEATURE_KEY, holdsFeatures, originOf, writeFeatures } from './feature-file';
import type { PictureClip } from './list-clips';

/** How far an extraction has come. */
export interface ExtractionProgress {
  readonly done: number;
  readonly clips: number;
  /** Pictures that went through the network so far. */
  readonly frames: number;
}

export interface ExtractionOptions {
  /** The array of an `.npz` that holds frames. */
  readonly framesKey: string;
  /** Where a clip's features are written. */
  readonly fileOf: (clip: PictureClip) => string;
  /** The folder that all of them lie in, where it is to be noticed that it was taken away. */
  readonly place?: KeptFolder;
  readonly onProgress?: (progress: ExtractionProgress) => void;
  /** Is told of each clip that cannot be used; the others go on. */
  readonly onProblem?: (problem: DataProblem) => void;
}

/** What came of an extraction. */
export interface ExtractionResult {
  readonly computed: number;
  /** Clips whose features were there already. */
  readonly skipped: number;
  readonly frames: number;
  readonly problems: readonly DataProblem[];
}

/** Clips that are read while one is computed. */
const READ_AHEAD = 2;

/** Computes the features of clips of pictures, one file a clip. What is done already is left alone, so an extraction that was stopped goes on where it was. */
export async function extractFeatures(
  clips: readonly PictureClip[],
  features: PictureFeatures,
  options: ExtractionOptions,
): Promise<ExtractionResult> {
  const problems: DataProblem[] = [];
  let [computed, skipped, frames, done] = [0, 0, 0, 0];
  await mapConcurrently(clips, READ_AHEAD, async (clip) => {
    try {
      const added = await extractClip(clip, features, options);
      if (added === undefined) skipped++;
      else computed++;
      frames += added ?? 0;
    } catch (error) {
      // What cannot be written is no fault of a clip's.
      if (!(error instanceof UserError) || error instanceof FileSystemProblem) throw error;
      const problem =
        error instanceof FileError ? { file: error.file, problem: error.problem } : { file: clip.path, problem: messageOf(error) };
      problems.push(problem);
      options.onProblem?.(problem);
    }
    options.onProgress?.({ done: ++done, clips: clips.length, frames });
  });
  return { computed, skipped, frames, problems };
}

/** @returns the pictures that were computed; undefined where the features are there. */
async function extractClip(
  clip: PictureClip,
  features: PictureFeatures,
  { framesKey, fileOf, place }: ExtractionOptions,
): Promise<number | undefined> {
  const { side, width } = features.encoder;
  const isFile = /\.npz$/i.test(clip.path);
  const file = fileOf(clip);
  if (path.resolve(file) === path.resolve(clip.path))
    throw new FileError(clip.path, 'its features would take the place of its pictures; name another folder');
  const origin = originOf(features.digest, isFile ? [clip.path] : await pictureFiles(clip.path));
  if (await holdsFeatures(file, origin)) return undefined;
  const pixels = await readPictures(clip.path, { key: framesKey, side });
  const others = isFile ? await otherArrays(clip.path, framesKey) : new Map<string, NpyArray>();
  const computed = features.encode(pixels);
  place?.requireThere();
  if (place === undefined) makeFolders(path.dirname(file));
  else makeFoldersWithin(place.folder, path.dirname(file));
  writeFeatures(file, computed, width, { others, origin });
  return computed.length / width;
}

async function otherArrays(file: string, framesKey: string): Promise<Map<string, NpyArray>> {
  const npz = await openNpz(file);
  const others = new Map<string, NpyArray>();
  for (const key of npz.keys) if (key !== framesKey && key !== FEATURE_KEY) others.set(key, await npz.read(key));
  return others;
}
