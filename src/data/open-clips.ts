import { KEYPOINT_WIDTH, type ClipFolders, type DataPaths, type DataSource, type TransformDescription } from '../config/data-settings';
import { widthOfLayout, type KeypointLayout } from '../config/keypoint-layout';
import { HOLISTIC_78 } from '../config/known-layouts';
import { cacheFolder, checksIn } from '../foundation/caches';
import { UserError } from '../foundation/errors';
import { memoryBudget, memoryFacts } from '../foundation/memory-limit';
import { elementAt } from '../foundation/required';
import { type Batch, bucketLengths, planEpoch } from './batch';
import { openBatches } from './batch-source';
import { readClip, type Clip } from './clip';
import type { Dataset, ClipEntry, ClipSet, LabelNames, UnreadableClip } from './clip-set';
import { openDataset } from './dataset';
import { demoTitle } from './demo/generate';
import { demoSetOfWidth } from './demo/sets';
import { demoLabels } from './demo/signs';
import { FEATURE_WIDTH } from './keypoints';
import { nameClasses } from './labels';
import type { WantedKeypoints } from './layout-of-clips';
import { modelTransforms, TransformPipeline } from './transforms/pipeline';
import type { ValidationShare } from './validation-share';

/** What is to be opened. */
export interface DataRequest {
  /** Undefined for the demo set. */
  readonly source: DataSource | undefined;
  readonly key: string;
  readonly layout: ClipFolders;
  /** Numbers a frame; of key points, where the data says no other layout. */
  readonly width: number;
  /** Where the clips are key points: which ones. */
  readonly keypoints?: WantedKeypoints | undefined;
  /** Where the clips are pictures: the side that they are brought to, in pixels; `width` is the size of such a picture then. */
  readonly pictureSide?: number;
  /** Class counts in place of those that the data tells. */
  readonly numGloss?: number | null;
  readonly numCat?: number | null;
  /** Where the counts come from the data: no fewer classes than these. */
  readonly atLeast?: { readonly gloss: number; readonly category: number };
  /** What the demo set is a function of. */
  readonly demoSeed: number;
  readonly memoryBudgetBytes: number;
  /** Kumpas's cache folder, where it is kept which clips of a set that does not fit have been checked; they are checked each time where it is left out. */
  readonly cacheFolder?: string | undefined;
  readonly needTrain: boolean;
  /** Where a share of the training clips validates in place of validation clips of their own. */
  readonly validationShare?: ValidationShare | undefined;
  /** True where clips that cannot be used are left out, and told with the dataset, instead of ending everything. */
  readonly leaveOutBroken?: boolean;
  /** Clips that an earlier part of a training could not read. */
  readonly unreadable?: readonly UnreadableClip[];
  /** The names of the classes that a model has already: names in the labels get its ids. */
  readonly namesOfModel?: LabelNames | undefined;
  readonly onProgress?: (done: number, total: number) => void;
  readonly onWarning?: (warning: string) => void;
  /** Is told, a line each, what was made of the data: which ids names got, or that there are no categories. */
  readonly onNote?: (note: string) => void;
}

/**
 * Opens people's clips, or the demo set where none are named.
 * @throws DataError with everything that is wrong with the clips.
 */
export async function openData(request: DataRequest): Promise<Dataset> {
  const { source, cacheFolder: cache, ...options } = request;
  if (source !== undefined) return openDataset(source, { ...options, checksCache: cache && checksIn(cache) });
  const { gloss, category } = demoLabels();
  refuseFewer('--num-gloss', request.numGloss, gloss.length, 'glosses');
  refuseFewer('--num-cat', request.numCat, category.length, 'categories');
  const { keypoints = 'of the data' } = request;
  const width = keypoints === 'of the data' ? request.width : widthOfLayout(keypoints.keypoints);
  const demo = demoSetOfWidth(width).dataset({ seed: request.demoSeed });
  return { ...demo, labels: nameClasses([], demo.labels, request) };
}

function refuseFewer(flag: string, asked: number | null | undefined, present: number, noun: string): void {
  if (typeof asked !== 'number' || asked >= present) return;
  throw new UserError(`${flag} ${asked}: the ${demoTitle} has ${present} ${noun}; give no fewer, or leave it out`);
}

/** What clips are opened. */
export interface OpenClipsOptions {
  /** A data folder, or its folders and CSV files each named; the synthetic demo set where it is left out. */
  readonly data?: string | DataPaths;
  /** Which clips of it; those for training where it is left out. */
  readonly split?: 'train' | 'validation';
  /** The share of the training clips that is the validation split, where the data has none of its own: the same clips as in a training of this seed. */
  readonly valShare?: number;
  /** Key points, 156 numbers a frame or as the data's `keypoints.json` says, where it is left out; or features, 2048 numbers. */
  readonly kind?: 'keypoints' | 'features';
  /** The array in each `.npz` that holds the values; `X` of key points and `X2048` of features where it is left out. */
  readonly key?: string;
  /** What each clip goes through when it is read or batched, as `{ name: 'normalize', by: 'shoulders' }`; of validation clips those alone that are part of a model. */
  readonly transforms?: readonly TransformDescription[];
  /** Bytes that the clips' values may take in memory; a larger set is read from its files as it is needed. */
  readonly memoryBudget?: number;
  /** Leaves out clips that cannot be used, which `onWarning` is told, in place of refusing the set. */
  readonly leaveOutBroken?: boolean;
  /** What the demo set, and what transforms draw, are a function of. */
  readonly seed?: number;
  readonly onProgress?: (done: number, total: number) => void;
  readonly onWarning?: (warning: string) => void;
}

const WIDTHS = { keypoints: KEYPOINT_WIDTH, features: FEATURE_WIDTH } as const;

/** A clip with its label. `values` are `[frames, width]`, row by row. */
export interface LabelledClip extends Clip, Omit<ClipEntry, 'frames'> {}

/** How clips are batched. */
export interface BatchesOptions {
  readonly batchSize: number;
  /** Epochs count from 1; with the seed, the order of the clips is a function of it. */
  readonly epoch?: number;
  /** False for the order of the set, within each length. */
  readonly shuffle?: boolean;
  /** Longer clips are cut to their first `maxFrames` frames. */
  readonly maxFrames?: number;
  /** The most lengths that clips are padded to. */
  readonly buckets?: number;
}

/**
 * Opens labelled clips: finds them, reads and checks every one, as a training does.
 *
 * ```ts
 * const clips = await openClips({ data: 'clips/', transforms: [{ name: 'normalize', by: 'shoulders' }] });
 * const first = await clips.read(0);
 * for await (const batch of clips.batches({ batchSize: 32, epoch: 1 })) learnFrom(batch.features);
 * ```
 * @throws DataError with everything that is wrong with them, UserError for an option that cannot be.
 */
export async function openClips(options: OpenClipsOptions = {}): Promise<Clips> {
  const {
    data,
    split = 'train',
    kind = 'keypoints',
    transforms = [],
    seed = 0,
    leaveOutBroken = false,
    valShare,
    onProgress,
    onWarning,
  } = options;
  const width = WIDTHS[kind];
  const usual = kind === 'keypoints' ? HOLISTIC_78 : undefined;
  const applied = split === 'train' ? transforms : modelTransforms(transforms, usual);
  if (valShare !== undefined && !(valShare > 0 && valShare < 1))
    throw new UserError(`openClips(): valShare must lie between 0 and 1, found ${valShare}`);
  TransformPipeline.of(applied, usual); // Refused before anything is read.
  const { layout, key } = demoSetOfWidth(width);
  const dataset = await openData({
    source: typeof data === 'string' ? { folder: data } : data,
    key: options.key ?? key,
    layout,
    width,
    ...(kind === 'keypoints' ? { keypoints: 'of the data' } : {}),
    demoSeed: seed,
    memoryBudgetBytes: options.memoryBudget ?? memoryBudget(memoryFacts()),
    cacheFolder: cacheFolder({}),
    needTrain: split === 'train' || valShare !== undefined,
    ...(valShare === undefined ? {} : { validationShare: { share: valShare, seed, refuseOwn: true } }),
    leaveOutBroken,
    ...(onProgress === undefined ? {} : { onProgress }),
    ...(onWarning === undefined ? {} : { onWarning }),
  });
  for (const { file, problem } of dataset.leftOut) onWarning?.(`left out: ${file}: ${problem}`);
  return new Clips(dataset, split, applied, seed);
}

/** The clips of one split, in the order of its labels; from {@link openClips}. Iterating over it gives every clip with its label. */
export class Clips implements AsyncIterable<LabelledClip> {
  /** What people call the data: the folder's path, or `synthetic demo set`. */
  readonly title: string;
  /** Whether a generator made clips of it. */
  readonly synthetic: boolean;
  /** The names behind the ids. */
  readonly labels: LabelNames;
  /** sha256 over names, labels and values of the data: the same data gives the same wherever it lies. */
  readonly fingerprint: string;
  /** Each clip's name, file, frames and ids. */
  readonly entries: readonly ClipEntry[];
  /** Numbers a frame, after the transforms. */
  readonly width: number;
  /** What the numbers of a frame are in the files; undefined for features. */
  readonly keypoints: KeypointLayout | undefined;
  private readonly set: ClipSet;
  private readonly pipeline: TransformPipeline;

  /** @internal */
  constructor(
    dataset: Dataset,
    split: 'train' | 'validation',
    private readonly transforms: readonly TransformDescription[],
    private readonly seed: number,
  ) {
    const set = dataset[split];
    if (set === undefined) throw new UserError(`${dataset.title}: there are no training clips`);
    this.set = set;
    this.title = dataset.title;
    this.synthetic = dataset.synthetic;
    this.labels = dataset.labels;
    this.fingerprint = split === 'train' ? dataset.fingerprint : dataset.validationFingerprint;
    this.entries = set.entries;
    this.keypoints = set.keypoints;
    this.pipeline = TransformPipeline.of(transforms, set.keypoints);
    this.width = this.pipeline.widthOf(set.width);
  }

  /** How many there are. */
  get length(): number {
    return this.entries.length;
  }

  /** Frames of each clip in its file, before any transform or cut. */
  get lengths(): number[] {
    return this.entries.map(({ frames }) => frames);
  }

  /**
   * One clip after its transforms.
   * @param epoch with the seed, what random transforms are a function of.
   * @throws RangeError where there is no such clip; UserError where it has become unreadable.
   */
  async read(index: number, epoch = 1): Promise<LabelledClip> {
    const entry = this.entries[index];
    if (entry === undefined) throw new RangeError(`there is no clip ${index}; they count from 0, and there are ${this.length}`);
    const { values: kept } = this.set;
    const clip = kept === undefined ? await readClip(entry.file, this.set) : { values: elementAt(kept, index), frames: entry.frames };
    return { ...entry, ...this.pipeline.apply(clip, index, { seed: this.seed, epoch }) };
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<LabelledClip, void, undefined> {
    for (const index of this.entries.keys()) yield await this.read(index);
  }

  /**
   * Every clip once, in batches of similar length, padded: their order is a function of (seed, epoch). A thread reads ahead where the clips are not in memory; it
   * ends with the loop, however that ends.
   */
  batches({
    batchSize,
    epoch = 1,
    shuffle = true,
    maxFrames = Infinity,
    buckets = 4,
  }: BatchesOptions): AsyncGenerator<Batch, void, undefined> {
    const { set, seed, pipeline: transforms } = this;
    const lengths = bucketLengths(set.entries, { maxBuckets: buckets, maxFrames, batchSize, transforms });
    const plans = planEpoch(set, { batchSize, maxFrames, seed, epoch, shuffle, bucketLengths: lengths, transforms });
    return openBatches(set, plans, { batchSize, transforms: this.transforms });
  }
}
