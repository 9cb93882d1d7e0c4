import { KEYPOINT_FOLDERS, type ClipFolders, type DataSource } from '../config/data-settings';
import { widthOfLayout } from '../config/keypoint-layout';
import { required } from '../foundation/required';
import type { ClipFormat } from './clip-checks';
import {
  fingerprint,
  type ClipEntry,
  type ClipSet,
  type Dataset,
  type FingerprintedClip,
  type LabelNames,
  type UnreadableClip,
} from './clip-set';
import { DataError } from './data-error';
import { dataWarnings, idProblems, judgeClassUse, overlapProblems, type ClassUse } from './dataset-checks';
import { findLabelledClips, type LabelledClips } from './labelled-clips';
import { nameClasses, type ClassCounts } from './labels';
import { layoutOfClips, type WantedKeypoints } from './layout-of-clips';
import { loadClips, type LoadedClip, type LoadOptions } from './load-clips';
import type { LocatedClip } from './locate-clips';
import type { ValidationShare } from './validation-share';

export interface DatasetOptions extends ClassCounts, Omit<LoadOptions, 'passOver'> {
  /** The key in the `.npz` files that holds the values. */
  readonly key: string;
  /** Numbers a frame; of key points, where the data says no other layout. */
  readonly width: number;
  /** Where the clips are key points: which ones. */
  readonly keypoints?: WantedKeypoints | undefined;
  /** Where the clips are pictures: the side that they are brought to, in pixels. */
  readonly pictureSide?: number;
  /** False where validation is all that is needed (an evaluation): training clips are not looked for. */
  readonly needTrain: boolean;
  /** True where clips that cannot be used are left out, and told with the dataset, instead of ending everything. */
  readonly leaveOutBroken?: boolean;
  /** Clips that an earlier part of a training could not read: where they are left out, batches are planned with them all the same. */
  readonly unreadable?: readonly UnreadableClip[];
  readonly layout?: ClipFolders;
  /** Where a share of the training clips validates. */
  readonly validationShare?: ValidationShare | undefined;
  /** The names of the classes that a model has already: names in the labels get its ids. */
  readonly namesOfModel?: LabelNames | undefined;
  /** Is told, a line each, what is odd in the data though it can be used. */
  readonly onWarning?: (warning: string) => void;
  /** Is told, a line each, what was made of the data. */
  readonly onNote?: (note: string) => void;
}

/**
 * Opens a set of clips: finds it, reads its labels, reads and checks every clip.
 * @throws DataError with everything that is wrong with it, file by file; with `leaveOutBroken` only where no validation clip is left, or labels are wrong.
 */
export async function openDataset(source: DataSource, options: DatasetOptions): Promise<Dataset> {
  const { layout = KEYPOINT_FOLDERS, needTrain, namesOfModel, validationShare } = options;
  const labelled = await findLabelledClips(source, { layout, needTrain, namesOfModel, validationShare });
  const { train = [], validation } = labelled;
  const all = [...train, ...validation];
  const names = nameClasses(
    all.map(({ label }) => label),
    labelled.names,
    options,
  );
  const format = await formatOf(all, labelled.folders, options);
  const splitOf = (index: number): Member['split'] => (index < train.length ? 'train' : 'validation');
  const unreadable = all.map(({ label }, index) =>
    options.unreadable?.find(({ split, name }) => split === splitOf(index) && name === label.name),
  );
  const loaded = await loadClips(all, labelled.folders, format, { ...options, passOver: (index) => unreadable[index]?.leftOut === true });
  const setProblems = [...idProblems(all, names, labelled.names), ...overlapProblems(train, validation)];
  const broken = new Set(loaded.problems.map(({ file }) => file));
  const someCanBeUsed = (clips: readonly LocatedClip[]): boolean => clips.some(({ file }) => !broken.has(file));
  const leaveOut = options.leaveOutBroken === true && someCanBeUsed(validation) && (train.length === 0 || someCanBeUsed(train));
  const use = labelled.problems.length > 0 || labelled.train === undefined ? NOTHING_JUDGED : judgeUse(labelled, names, options);
  const problems = [...labelled.problems, ...use.problems, ...setProblems, ...(leaveOut ? [] : loaded.problems)];
  if (problems.length > 0) throw new DataError(problems);

  const members = all.flatMap((clip, index): Member[] => {
    const split = splitOf(index);
    const [clipLoaded, before] = [loaded.clips[index], unreadable[index]];
    if (clipLoaded !== undefined && !broken.has(clip.file)) return [{ split, clip, loaded: clipLoaded, values: loaded.values?.[index] }];
    if (before === undefined) return [];
    return [{ split, clip, loaded: { ...before, synthetic: false }, values: new Float32Array(), isUnreadable: true }];
  });
  const setOf = (split: Member['split']): ClipSet => {
    const chosen = members.filter((member) => member.split === split);
    const gone = new Set(chosen.flatMap(({ isUnreadable }, index) => (isUnreadable === true ? [index] : [])));
    return {
      entries: chosen.map(entryOf),
      width: format.width,
      keypoints: format.keypoints,
      values: loaded.values === undefined ? undefined : chosen.map(({ clip, values }) => required(values, `the values of ${clip.file}`)),
      key: format.key,
      ...(options.pictureSide === undefined ? {} : { pictureSide: options.pictureSide }),
      digests: chosen.map((member) => member.loaded.digest),
      ...(gone.size === 0 ? {} : { unreadable: gone }),
    };
  };
  const fingerprinted = members.map(fingerprintedOf);
  const used = members.map(({ clip }) => clip);
  const usedFiles = new Set(used.map(({ file }) => file));
  for (const note of labelled.notes) options.onNote?.(note);
  for (const warning of use.warnings) options.onWarning?.(warning);
  for (const warning of dataWarnings(used, labelled.reference, fingerprinted, loaded.odd)) options.onWarning?.(warning);
  return {
    title: labelled.title,
    synthetic: members.some((member) => member.loaded.synthetic),
    train: labelled.train && setOf('train'),
    validation: setOf('validation'),
    labels: names,
    givenLabels: Object.keys(labelled.names).length === 0 ? undefined : { ...names, ...labelled.names },
    fingerprint: fingerprint(fingerprinted),
    validationFingerprint: fingerprint(fingerprinted.filter(({ split }) => split === 'validation')),
    leftOut: loaded.problems.filter(({ file }) => !usedFiles.has(file)),
  };
}

/** What the clips must be: of key points, as their data or a model says. */
async function formatOf(
  clips: readonly LocatedClip[],
  folders: readonly string[],
  { key, width, keypoints: wanted, pictureSide }: DatasetOptions,
): Promise<ClipFormat> {
  if (wanted === undefined) return { key, width, ...(pictureSide === undefined ? {} : { pictureSide }) };
  const { keypoints, saidBy } = await layoutOfClips(folders, clips, key, wanted);
  return { key, width: widthOfLayout(keypoints), keypoints, saidBy };
}

const NOTHING_JUDGED: ClassUse = { problems: [], warnings: [] };

function judgeUse({ train = [], validation, names: known }: LabelledClips, names: LabelNames, { numGloss, numCat }: ClassCounts): ClassUse {
  const isGiven = (kind: keyof LabelNames, count: number | null | undefined): boolean =>
    known[kind] !== undefined || typeof count === 'number';
  return judgeClassUse({ train, validation }, names, { gloss: isGiven('gloss', numGloss), category: isGiven('category', numCat) });
}

/** A clip that can be used, or one that could be at first. */
interface Member {
  readonly split: FingerprintedClip['split'];
  readonly clip: LocatedClip;
  readonly loaded: LoadedClip;
  /** Undefined where clips are read as they are needed. */
  readonly values: Float32Array | undefined;
  readonly isUnreadable?: true;
}

function entryOf({ clip: { label, file }, loaded }: Member): ClipEntry {
  const { name, gloss, category, occluded } = label;
  return { name, file, frames: loaded.frames, gloss, category, occluded };
}

function fingerprintedOf({ split, clip: { label }, loaded }: Member): FingerprintedClip {
  return { split, name: label.name, gloss: label.gloss, category: label.category, digest: loaded.digest };
}
