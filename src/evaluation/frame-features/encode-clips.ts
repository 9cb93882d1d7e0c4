import { createHash } from 'node:crypto';
import { existsSync, readdirSync, rmSync, statSync, type Dirent } from 'node:fs';
import path from 'node:path';
import { parseJson } from '../../foundation/json';
import type { Dataset } from '../../data/clip-set';
import { DataError, type DataProblem, FileError } from '../../data/data-error';
import { mapConcurrently } from '../../data/file-reading';
import { ANY_CLASS } from '../../data/class-ids';
import { labelsOfTable, readLabelsTable } from '../../data/labels';
import { locateClips } from '../../data/locate-clips';
import { locateData, type SplitPaths } from '../../data/locate-data';
import type { NpyArray } from '../../data/npy-array';
import { openNpz, formatNpz } from '../../data/npz';
import { openData, type DataRequest } from '../../data/open-clips';
import { pictureClip, isPictureFile, pictureFiles, readPictures } from '../../data/pictures';
import type { ParameterValues } from '../../engine/parameters';
import { replaceFile } from '../../foundation/atomic-file';
import { messageOf, UserError } from '../../foundation/errors';
import { FileSystemProblem } from '../../foundation/file-system-problem';
import { keepFolder, makeFolders, type KeptFolder, makeFoldersWithin } from '../../foundation/folders';
import type { Model } from '../../models/model';
import { PictureFeatures } from './picture-features';

/** {@link openEncodedData} with the picture encoder of a model. @throws Error where it has none: a bug. */
export async function openAsFeatures(
  request: DataRequest,
  { pictureEncoder }: Model,
  weights: ParameterValues,
  cache: string,
): Promise<Dataset> {
  if (pictureEncoder === undefined) throw new Error('the model has no encoder of pictures');
  const features = new PictureFeatures(pictureEncoder, weights, { mode: 'captured' });
  try {
    return await openEncodedData(request, features, cache);
  } finally {
    features.dispose();
  }
}

/**
 * Opens clips of pictures as clips of features: those are computed once and kept in a folder, where the next opening finds them.
 * @throws DataError with everything that is wrong with the clips; with `leaveOutBroken` only where that leaves none of a split, or labels are wrong.
 */
async function openEncodedData(request: DataRequest, features: PictureFeatures, cache: string): Promise<Dataset> {
  const { source } = request;
  if (source === undefined) return openData(request);
  const located = await locateData(source, request);
  const folderOf = ({ folder }: SplitPaths): string =>
    path.join(cache, features.digest, createHash('sha256').update(path.resolve(folder)).digest('hex').slice(0, 16));
  const ofLabels: DataProblem[] = [];
  const unusable = new Map<string, DataProblem>();
  for (const split of [located.train, located.validation]) {
    if (split === undefined) continue;
    const encoded = await encodeSplit(split, folderOf(split), request, features);
    ofLabels.push(...encoded.ofLabels);
    for (const [file, problem] of encoded.unusable) unusable.set(file, problem);
  }
  if (ofLabels.length > 0 || (unusable.size > 0 && request.leaveOutBroken !== true))
    throw new DataError([...ofLabels, ...unusable.values()]);
  // What an earlier opening kept of them is no longer theirs.
  for (const file of unusable.keys()) rmSync(file, { force: true });
  const saidOfPictures = (problems: readonly DataProblem[]): DataProblem[] =>
    problems.map((problem) => unusable.get(problem.file) ?? problem);
  const ofFeatures: DataRequest = {
    ...request,
    key: FEATURE_KEY,
    width: features.encoder.width,
    source: {
      keypoints_train: located.train && folderOf(located.train),
      keypoints_val: located.validation && folderOf(located.validation),
      labels_train_csv: located.train?.labels,
      labels_val_csv: located.validation?.labels,
      labels_reference: located.reference,
    },
  };
  try {
    const dataset = await openData(ofFeatures);
    return { ...dataset, title: located.title, leftOut: saidOfPictures(dataset.leftOut) };
  } catch (error) {
    throw error instanceof DataError ? new DataError(saidOfPictures(error.problems)) : error;
  }
}

/** What is wrong with a split's labels, and with its clips, by the files that their features would be kept in. */
interface EncodedSplit {
  readonly ofLabels: readonly DataProblem[];
  readonly unusable: ReadonlyMap<string, DataProblem>;
}

async function encodeSplit(
  split: SplitPaths,
  folder: string,
  { key, onProgress }: DataRequest,
  features: PictureFeatures,
): Promise<EncodedSplit> {
  // What is wrong with the table is said when the features are opened.
  const { labels } = labelsOfTable(await readLabelsTable(split.labels), split.labels, ANY_CLASS);
  const fileOf = ({ name }: Pick<PictureClip, 'name'>): string => path.join(folder, `${name}.npz`);
  const unusable = new Map<string, DataProblem>();
  const clips = [];
  const located = await locateClips(split.folder, split.labels, labels);
  for (const { label, file, missing } of located.clips) {
    const clip = await pictureClip(file);
    if (missing === undefined && existsSync(clip)) clips.push({ name: label.name, path: clip });
    else
      unusable.set(fileOf(label), {
        file: clip.replace(/\.npz$/, ''),
        problem: `no such clip, neither a folder of pictures nor an .npz, though ${path.basename(split.labels)} names it (line ${label.line}); ${missing?.advice ?? 'add it or remove the line'}`,
      });
  }
  makeFolders(folder);
  const place = keepFolder(folder);
  try {
    await encodeClips(clips, features, {
      framesKey: key,
      fileOf,
      place,
      onProblem: (problem, clip) => unusable.set(fileOf(clip), problem),
      onProgress: ({ done, clips: total }) => {
        onProgress?.(done, total);
      },
    });
    return { ofLabels: located.problems, unusable };
  } finally {
    place.release();
  }
}

/** A clip of pictures in a folder: an `.npz`, or a folder of pictures. */
export interface PictureClip {
  /** Its name without extension, with `/` between folders. */
  readonly name: string;
  readonly path: string;
}

const DEEPEST = 8;

/**
 * Every clip in a folder and in those within it, by name.
 * @throws UserError where the folder cannot be read.
 */
export function listPictureClips(folder: string): PictureClip[] {
  return listWithin(folder, '', 0).sort((one, other) => (one.name < other.name ? -1 : 1));
}

function listWithin(folder: string, name: string, depth: number): PictureClip[] {
  const entries = readEntries(folder);
  if (name !== '' && entries.some((entry) => entry.isFile() && isPictureFile(entry.name))) return [{ name, path: folder }];
  return entries.flatMap((entry) => {
    const [found, inner] = [path.join(folder, entry.name), path.posix.join(name, entry.name)];
    if (entry.name.startsWith('.')) return [];
    if (entry.isDirectory()) return depth < DEEPEST ? listWithin(found, inner, depth + 1) : [];
    return /\.npz$/i.test(entry.name) ? [{ name: inner.replace(/\.npz$/i, ''), path: found }] : [];
  });
}

function readEntries(folder: string): Dirent[] {
  try {
    if (!statSync(folder).isDirectory()) throw new UserError(`${folder}: expected a folder, found a file`);
    return readdirSync(folder, { withFileTypes: true });
  } catch (error) {
    if (error instanceof UserError) throw error;
    throw new UserError(`${folder}: cannot be read as a folder (${messageOf(error)})`, { cause: error });
  }
}

/** How far an extraction has come. */
interface ExtractionProgress {
  readonly done: number;
  readonly clips: number;
  /** Pictures that went through the network so far. */
  readonly frames: number;
}

interface ExtractionOptions {
  /** The array of an `.npz` that holds frames. */
  readonly framesKey: string;
  /** Where a clip's features are written. */
  readonly fileOf: (clip: PictureClip) => string;
  /** The folder that all of them lie in, where it is to be noticed that it was taken away. */
  readonly place?: KeptFolder;
  readonly onProgress?: (progress: ExtractionProgress) => void;
  /** Takes each clip that cannot be used; the others go on. */
  readonly onProblem?: (problem: DataProblem, clip: PictureClip) => void;
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
export async function encodeClips(
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
      options.onProblem?.(problem, clip);
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

/** The key of features in an `.npz`. */
const FEATURE_KEY = 'X2048';

/** Where features come from: while this is the same, they need not be computed anew. */
interface FeatureOrigin {
  readonly encoder: string;
  /** The newest change of the pictures, and their bytes in all. */
  readonly changed: number;
  readonly bytes: number;
}

/** Of the files that a clip consists of. */
function originOf(encoder: string, files: readonly string[]): FeatureOrigin {
  const states = files.map((file) => statSync(file));
  return {
    encoder,
    changed: Math.round(states.reduce((newest, { mtimeMs }) => Math.max(newest, mtimeMs), 0)),
    bytes: states.reduce((sum, { size }) => sum + size, 0),
  };
}

/** Whether a file holds features of that origin. One that is damaged or is none does not. */
export async function holdsFeatures(file: string, origin: FeatureOrigin): Promise<boolean> {
  try {
    const npz = await openNpz(file);
    const { features } = npz.has(FEATURE_KEY) && npz.has('meta') ? parseMeta(await npz.read('meta')) : {};
    return JSON.stringify(features) === JSON.stringify(origin);
  } catch {
    return false;
  }
}

/**
 * Writes features as a clip, whole or not at all, into a folder that is there, with what else the pictures' own `.npz` says of its frames.
 * @param others further arrays, as key points and timestamps.
 */
export function writeFeatures(
  file: string,
  features: Float32Array,
  width: number,
  { others, origin }: { others: ReadonlyMap<string, NpyArray>; origin: FeatureOrigin },
): void {
  const meta = { ...parseMeta(others.get('meta')), features: origin };
  const bytes = formatNpz({
    ...Object.fromEntries(others),
    [FEATURE_KEY]: { dtype: 'float32', shape: [features.length / width, width], values: features },
    meta: { dtype: 'text', shape: [], values: [JSON.stringify(meta)] },
  });
  replaceFile(file, (append) => {
    append(bytes);
  });
}

function parseMeta(array: NpyArray | undefined): Readonly<Record<string, unknown>> {
  if (array?.dtype !== 'text' || array.values[0] === undefined) return {};
  try {
    const parsed = parseJson(array.values[0]); // Deeper levels than it allows could not be written again.
    return typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed) ? { ...parsed } : {};
  } catch {
    return {};
  }
}
