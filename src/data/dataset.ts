import { nameClasses, type ClassCounts } from './class-names';
import { loadClips, locateClips, type LoadedClip, type LocatedClip } from './clip-loading';
import type { ClipEntry, ClipSet, Dataset } from './clip-set';
import { DataError, type DataProblem } from './data-error';
import { dataWarnings, idProblems, overlapProblems } from './dataset-checks';
import { KEYPOINT_LAYOUT, locateData, type DataLayout, type DataSource, type LocatedData, type SplitPaths } from './data-source';
import { fingerprint, type FingerprintedClip } from './fingerprint';
import { readLabelReference, type LabelReference } from './label-reference';
import { readLabels } from './labels';

export interface DatasetOptions extends ClassCounts {
  /** The key in the `.npz` files that holds the values. */
  readonly key: string;
  /** Numbers a frame. */
  readonly width: number;
  /** Where the clips are pictures: the side that they are brought to, in pixels. */
  readonly pictureSide?: number;
  /** The most memory that the clips' values may take; a larger set is read from its files as it is needed. */
  readonly memoryBudgetBytes: number;
  /** False where validation is all that is needed (an evaluation): training clips are not looked for. */
  readonly needTrain: boolean;
  readonly layout?: DataLayout;
  /** Is told how many clips have been read and checked, of how many. */
  readonly onProgress?: (done: number, total: number) => void;
  /** Is told, a line each, what is odd in the data though it can be used. */
  readonly onWarning?: (warning: string) => void;
}

/**
 * Opens a set of clips: finds it, reads its labels, reads and checks every clip.
 * @throws DataError with everything that is wrong with it, file by file.
 */
export async function openDataset(source: DataSource, options: DatasetOptions): Promise<Dataset> {
  const located = await locateData(source, options.layout ?? KEYPOINT_LAYOUT, options.needTrain);
  const { train, validation, reference, problems: tableProblems } = await readTables(located);
  const names = nameClasses(
    [...train, ...validation].map(({ label }) => label),
    reference?.names,
    options,
  );
  const labelled = [...train, ...validation];
  const loaded = await loadClips(labelled, options, options.memoryBudgetBytes, options.onProgress);
  const setProblems = [...labelled.flatMap((clip) => idProblems(clip, names)), ...overlapProblems(train, validation)];
  const problems = [...tableProblems, ...setProblems, ...loaded.problems];
  if (problems.length > 0) throw new DataError(problems);

  const entries = labelled.map((clip, index) => entryOf(clip, loaded.clips[index]));
  const setOf = (from: number, to: number): ClipSet => ({
    entries: entries.slice(from, to),
    width: options.width,
    values: loaded.values?.slice(from, to),
    key: options.key,
    ...(options.pictureSide === undefined ? {} : { pictureSide: options.pictureSide }),
  });
  const fingerprinted = labelled.map(({ label }, index): FingerprintedClip => {
    const { name, gloss, category } = label;
    return { split: index < train.length ? 'train' : 'validation', name, gloss, category, digest: loaded.clips[index]?.digest ?? '' };
  });
  for (const warning of dataWarnings(labelled, reference, fingerprinted, loaded.outsideUnit)) options.onWarning?.(warning);
  return {
    title: located.title,
    synthetic: loaded.clips.some((clip) => clip?.synthetic === true),
    train: located.train && setOf(0, train.length),
    validation: setOf(train.length, labelled.length),
    labels: names,
    fingerprint: fingerprint(fingerprinted),
  };
}

interface Tables {
  readonly train: readonly LocatedClip[];
  readonly validation: readonly LocatedClip[];
  readonly reference: LabelReference | undefined;
  readonly problems: readonly DataProblem[];
}

async function readTables(located: LocatedData): Promise<Tables> {
  const train = await readSplit(located.train);
  const validation = await readSplit(located.validation);
  const named = located.reference === undefined ? undefined : await readLabelReference(located.reference);
  const problems = [...train.problems, ...validation.problems, ...(named?.problems ?? [])];
  return { train: train.clips, validation: validation.clips, reference: named?.reference, problems };
}

async function readSplit(split: SplitPaths | undefined): Promise<{ clips: readonly LocatedClip[]; problems: readonly DataProblem[] }> {
  if (split === undefined) return { clips: [], problems: [] };
  const { labels, problems } = await readLabels(split.labels);
  return { clips: locateClips(split.folder, split.labels, labels), problems };
}

function entryOf({ label, file }: LocatedClip, loaded: LoadedClip | undefined): ClipEntry {
  const { name, gloss, category, occluded } = label;
  return { name, file, frames: loaded?.frames ?? 0, gloss, category, occluded };
}
