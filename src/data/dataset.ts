import { KEYPOINT_FOLDERS, type ClipFolders, type DataSource } from '../config/data-settings';
import { widthOfLayout } from '../config/keypoint-layout';
import { elementAt, required } from '../foundation/required';
import { inspectClip, UNREAD_CLIP, type InspectedClip } from './clip';
import type { ClipFormat } from './clip-checks';
import {
  digestOfValues,
  fingerprint,
  type ClipEntry,
  type ClipSet,
  type Dataset,
  type FingerprintedClip,
  type LabelNames,
  type UnreadableClip,
} from './clip-set';
import { DataError, type DataProblem } from './data-error';
import { dataWarnings, idProblems, judgeClassUse, overlapProblems, type ClassUse, type OddClips } from './dataset-checks';
import { mapConcurrently, NO_SUCH_FILE, Turns } from './file-reading';
import { findLabelledClips, type LabelledClips } from './labelled-clips';
import { nameClasses, type ClassCounts } from './labels';
import { layoutOfClips, type WantedKeypoints } from './layout-of-clips';
import { missingProblem, type LocatedClip } from './locate-clips';
import type { ValidationShare } from './validation-share';

export interface DatasetOptions extends ClassCounts {
  /** The key in the `.npz` files that holds the values. */
  readonly key: string;
  /** Numbers a frame; of key points, where the data says no other layout. */
  readonly width: number;
  /** Where the clips are key points: which ones. */
  readonly keypoints?: WantedKeypoints | undefined;
  /** Where the clips are pictures: the side that they are brought to, in pixels. */
  readonly pictureSide?: number;
  /** The most memory that the clips' values may take; a larger set is read from its files as it is needed. */
  readonly memoryBudgetBytes: number;
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
  /** Is told how many clips have been read and checked, of how many. */
  readonly onProgress?: (done: number, total: number) => void;
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
  const loaded = await loadClips(all, format, {
    ...options,
    passOver: (index) => unreadable[index]?.leftOut === true,
  });
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
    leftOut: loaded.problems.filter(({ file }) => !members.some(({ clip }) => clip.file === file)),
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

/** What reading a clip left: its length, its values' digest, and the values where memory allows. */
interface LoadedClip {
  readonly frames: number;
  readonly digest: string;
  /** Whether a generator made it. */
  readonly synthetic: boolean;
}

interface LoadedClips {
  /** In the order of the clips asked for; undefined for one that cannot be used. */
  readonly clips: readonly (LoadedClip | undefined)[];
  /** Every clip's values in the same order, none for one that cannot be used; undefined where they take more than the budget. */
  readonly values: readonly (Float32Array | undefined)[] | undefined;
  readonly problems: readonly DataProblem[];
  readonly odd: OddClips;
}

const READS_AT_ONCE = 8;
const NOT_THERE: InspectedClip = { ...UNREAD_CLIP, problems: [NO_SUCH_FILE] };

/**
 * Reads and checks every clip, and keeps the values as long as all of them fit `memoryBudgetBytes`.
 * @param options.passOver says of the place of a clip whether it is not read.
 */
async function loadClips(
  located: readonly LocatedClip[],
  format: ClipFormat,
  {
    memoryBudgetBytes,
    onProgress,
    passOver,
  }: Pick<DatasetOptions, 'memoryBudgetBytes' | 'onProgress'> & { readonly passOver: (index: number) => boolean },
): Promise<LoadedClips> {
  const kept = new ValueStore(memoryBudgetBytes);
  const turns = new Turns();
  let done = 0;
  const inspected = await mapConcurrently(located, READS_AT_ONCE, async ({ file, missing }, index) => {
    const inspect = async (): Promise<InspectedClip> => (missing === undefined ? inspectClip(file, format, turns) : NOT_THERE);
    const { clip, ...found } = passOver(index) ? UNREAD_CLIP : await inspect();
    if (clip) kept.keep(index, clip.values);
    onProgress?.(++done, located.length);
    const { synthetic } = found;
    return { file, ...found, loaded: clip && { frames: clip.frames, digest: digestOfValues(clip.values), synthetic } };
  });
  const problems = located.flatMap((clip, index) => problemsOf(clip, elementAt(inspected, index).problems));
  return {
    clips: inspected.map(({ loaded }) => loaded),
    values: kept.all(),
    problems,
    odd: {
      outsideUnit: inspected.filter(({ outsideUnit }) => outsideUnit).map(({ file }) => file),
      allZero: inspected.filter(({ allZero }) => allZero).map(({ file }) => file),
      constant: inspected.filter(({ constant }) => constant).map(({ file }) => file),
      remarks: inspected.flatMap(({ file, remarks }) => remarks.map((problem) => ({ file, problem }))),
    },
  };
}

/** The values of all clips, or of none once they take more than the budget. */
class ValueStore {
  private values: Float32Array[] | undefined = [];
  private bytes = 0;

  constructor(private readonly budget: number) {}

  keep(index: number, values: Float32Array): void {
    this.bytes += values.byteLength;
    if (this.bytes > this.budget) this.values = undefined;
    if (this.values) this.values[index] = values;
  }

  all(): readonly (Float32Array | undefined)[] | undefined {
    return this.values;
  }
}

function problemsOf(clip: LocatedClip, problems: InspectedClip['problems']): DataProblem[] {
  return problems.map((problem) => ({ file: clip.file, problem: problem === NO_SUCH_FILE ? missingProblem(clip) : problem }));
}
