import { nameClasses, type ClassCounts } from './class-names';
import { judgeClassUse, type ClassUse } from './class-use';
import { loadClips, type LoadedClip } from './clip-loading';
import type { ClipEntry, ClipSet, Dataset, LabelNames } from './clip-set';
import { DataError, type DataProblem } from './data-error';
import { dataWarnings, idProblems, overlapProblems } from './dataset-checks';
import { KEYPOINT_LAYOUT, locateData, type DataLayout, type DataSource, type LocatedData, type SplitPaths } from './data-source';
import { fingerprint, type FingerprintedClip } from './fingerprint';
import { readLabelReference, type LabelReference } from './label-reference';
import { readLabels } from './labels';
import { locateClips, type LocatedClip } from './locate-clips';

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
  /** True where clips that cannot be used are left out, and told with the dataset, instead of ending everything. */
  readonly leaveOutBroken?: boolean;
  readonly layout?: DataLayout;
  /** Is told how many clips have been read and checked, of how many. */
  readonly onProgress?: (done: number, total: number) => void;
  /** Is told, a line each, what is odd in the data though it can be used. */
  readonly onWarning?: (warning: string) => void;
}

/**
 * Opens a set of clips: finds it, reads its labels, reads and checks every clip.
 * @throws DataError with everything that is wrong with it, file by file; with `leaveOutBroken` only where no validation clip is left, or labels are wrong.
 */
export async function openDataset(source: DataSource, options: DatasetOptions): Promise<Dataset> {
  const located = await locateData(source, options.layout ?? KEYPOINT_LAYOUT, options.needTrain);
  const { train, validation, reference, problems: tableProblems } = await readTables(located);
  const names = nameClasses(
    [...train, ...validation].map(({ label }) => label),
    reference?.names,
    options,
  );
  const all = [...train, ...validation];
  const loaded = await loadClips(all, options, options.memoryBudgetBytes, options.onProgress);
  const setProblems = [...all.flatMap((clip) => idProblems(clip, names)), ...overlapProblems(train, validation)];
  const broken = new Set(loaded.problems.map(({ file }) => file));
  const leaveOut = options.leaveOutBroken === true && validation.some(({ file }) => !broken.has(file));
  const use =
    tableProblems.length > 0 || located.train === undefined ? NOTHING_JUDGED : judgeUse(train, validation, names, reference, options);
  const problems = [...tableProblems, ...use.problems, ...setProblems, ...(leaveOut ? [] : loaded.problems)];
  if (problems.length > 0) throw new DataError(problems);

  const members = all.flatMap((clip, index): Member[] => {
    const clipLoaded = loaded.clips[index];
    if (clipLoaded === undefined || broken.has(clip.file)) return [];
    return [{ split: index < train.length ? 'train' : 'validation', clip, loaded: clipLoaded, values: loaded.values?.[index] }];
  });
  const setOf = (split: Member['split']): ClipSet => {
    const chosen = members.filter((member) => member.split === split);
    return {
      entries: chosen.map(entryOf),
      width: options.width,
      values: loaded.values === undefined ? undefined : chosen.map(({ values }) => values ?? new Float32Array()),
      key: options.key,
      ...(options.pictureSide === undefined ? {} : { pictureSide: options.pictureSide }),
    };
  };
  const fingerprinted = members.map(fingerprintedOf);
  const labelled = members.map(({ clip }) => clip);
  for (const warning of use.warnings) options.onWarning?.(warning);
  for (const warning of dataWarnings(labelled, reference, fingerprinted, loaded)) options.onWarning?.(warning);
  return {
    title: located.title,
    synthetic: members.some((member) => member.loaded.synthetic),
    train: located.train && setOf('train'),
    validation: setOf('validation'),
    labels: names,
    givenLabels: reference?.names,
    fingerprint: fingerprint(fingerprinted),
    validationFingerprint: fingerprint(fingerprinted.filter(({ split }) => split === 'validation')),
    leftOut: loaded.problems,
  };
}

const NOTHING_JUDGED: ClassUse = { problems: [], warnings: [] };

function judgeUse(
  train: readonly LocatedClip[],
  validation: readonly LocatedClip[],
  names: LabelNames,
  reference: LabelReference | undefined,
  { numGloss, numCat }: ClassCounts,
): ClassUse {
  const isGiven = (count: number | null | undefined): boolean => reference !== undefined || typeof count === 'number';
  return judgeClassUse({ train, validation }, names, { gloss: isGiven(numGloss), category: isGiven(numCat) });
}

/** A clip that can be used. */
interface Member {
  readonly split: FingerprintedClip['split'];
  readonly clip: LocatedClip;
  readonly loaded: LoadedClip;
  /** Undefined where clips are read as they are needed. */
  readonly values: Float32Array | undefined;
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
  const located = await locateClips(split.folder, split.labels, labels);
  return { clips: located.clips, problems: [...problems, ...located.problems] };
}

function entryOf({ clip: { label, file }, loaded }: Member): ClipEntry {
  const { name, gloss, category, occluded } = label;
  return { name, file, frames: loaded.frames, gloss, category, occluded };
}

function fingerprintedOf({ split, clip: { label }, loaded }: Member): FingerprintedClip {
  return { split, name: label.name, gloss: label.gloss, category: label.category, digest: loaded.digest };
}
