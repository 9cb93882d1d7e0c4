import { RandomStream } from '../foundation/random';
import { elementAt, required } from '../foundation/required';
import type { Clip } from './clip';
import type { ClipEntry, ClipSet } from './clip-set';
import type { EpochRandomness, TransformPipeline } from './transforms/pipeline';

/** One batch before it is read. */
export interface BatchPlan {
  /** Positions of its clips in the set's entries, at most `batchSize`. */
  readonly indices: readonly number[];
  /** The bucket's length. */
  readonly frames: number;
  /** Its rows; `batchSize` of them where it does not say. */
  readonly size?: number;
  /** See {@link Batch}. */
  readonly packedRows?: number;
  /** With each clip's position, what the random transforms of its clips are a function of; absent in an evaluation, where nothing is drawn. */
  readonly randomness?: EpochRandomness;
  /** Of each of the `indices`, how often its clip was drawn before in this epoch; absent where none was. */
  readonly draws?: readonly number[];
}

/** What the random transforms of the clip in a row of a planned batch are a function of, with its position; undefined where nothing is drawn. */
export function randomnessOfRow({ randomness, draws }: BatchPlan, row: number): EpochRandomness | undefined {
  return randomness && draws ? { ...randomness, draw: elementAt(draws, row) } : randomness;
}

/** A planned batch of some of its clips alone: what is drawn for them stays as it was. */
export function planOfRows(plan: BatchPlan, keeps: (index: number, row: number) => boolean): BatchPlan {
  const { indices, draws, ...others } = plan;
  const isKept = (_: unknown, row: number): boolean => keeps(elementAt(indices, row), row);
  return { ...others, indices: indices.filter(isKept), ...(draws === undefined ? {} : { draws: draws.filter(isKept) }) };
}

export interface EpochOptions {
  readonly batchSize: number;
  /** Longer clips are cut to their first `maxFrames` frames. */
  readonly maxFrames: number;
  readonly seed: number;
  readonly epoch: number;
  /** False for an evaluation: the clips stay in the set's order within each bucket. */
  readonly shuffle: boolean;
  /** With `balanced`, in place of every clip once, as many clips are drawn, those of each gloss as often. */
  readonly sampling?: 'shuffle' | 'balanced';
  /** From `bucketLengths`, ascending; the last holds the set's longest clip. */
  readonly bucketLengths: readonly number[];
  /** What the clips go through, where that may change how many frames they have. */
  readonly transforms?: TransformPipeline;
  /** Whether the model that is trained leaves padding out. */
  readonly leavesPaddingOut?: boolean;
}

/** Tells this stream of random numbers from others of the same seed and epoch. */
const ORDER_STREAM = 0x6f726465;

/**
 * Divides a set into the batches of one epoch: every clip once, or as balanced sampling draws them, in the smallest bucket that holds it. Clips that do not fill a batch go on to the next longer
 * bucket, so that at most one batch is smaller than `batchSize`. Where a model leaves padding out and its rows without a clip would be all the padding there is, that batch has only as many
 * rows as clips. A function of (seed, epoch): a resumed training goes on with `slice` of the same plans.
 * @throws RangeError where no bucket holds the longest clip.
 */
export function planEpoch(set: Pick<ClipSet, 'entries'>, options: EpochOptions): BatchPlan[] {
  const { entries } = set;
  const { batchSize, maxFrames, seed, epoch, shuffle, sampling, bucketLengths, transforms, leavesPaddingOut = false } = options;
  const random = new RandomStream(seed, epoch, ORDER_STREAM);
  const shuffled = (): Iterable<number> => (sampling === 'balanced' ? balancedOrder(entries, random) : random.permutation(entries.length));
  const order = shuffle ? shuffled() : entries.keys();
  const times = new Map<number, number>();
  const draws = Array.from(order, (index): Draw => {
    const draw = times.get(index) ?? 0;
    times.set(index, draw + 1);
    const { frames } = elementAt(entries, index);
    return { index, draw, frames: Math.min(transforms?.framesOf(frames, index, { seed, epoch, draw }) ?? frames, maxFrames) };
  });

  const buckets = bucketLengths.map((frames) => ({ frames, draws: new Array<Draw>() }));
  for (const draw of draws) {
    const bucket = buckets.find(({ frames }) => frames >= draw.frames);
    if (bucket === undefined)
      throw new RangeError(`a clip has ${draw.frames} frames, the longest bucket ${bucketLengths.at(-1) ?? 'none'}`);
    bucket.draws.push(draw);
  }

  const planOf = (clips: readonly Draw[], frames: number): BatchPlan => ({
    indices: clips.map(({ index }) => index),
    frames,
    ...(shuffle ? { randomness: { seed, epoch } } : {}),
    ...(clips.some(({ draw }) => draw > 0) ? { draws: clips.map(({ draw }) => draw) } : {}),
  });
  const plans: BatchPlan[] = [];
  let left: Draw[] = [];
  for (const bucket of buckets) {
    const pool = [...left, ...bucket.draws];
    const full = pool.length - (pool.length % batchSize);
    for (let start = 0; start < full; start += batchSize) plans.push(planOf(pool.slice(start, start + batchSize), bucket.frames));
    left = pool.slice(full);
  }
  if (left.length > 0) {
    const longest = Math.max(...left.map(({ frames }) => frames));
    const fitting = bucketLengths.find((frames) => frames >= longest);
    const plan = planOf(left, required(fitting, 'a bucket for the clips that are left'));
    // With or without those rows it is of a shape of its own; of clips of many lengths it might share another batch's.
    const fits = leavesPaddingOut && draws.every(({ frames }) => frames === bucketLengths[0]);
    plans.push(fits ? { ...plan, size: left.length } : plan);
  }
  if (!shuffle) return plans;
  return Array.from(random.permutation(plans.length), (position) => elementAt(plans, position));
}

/** A clip as it comes in an epoch: its position, how often it came before, and the frames that it has then. */
interface Draw {
  readonly index: number;
  readonly draw: number;
  readonly frames: number;
}

/**
 * Draws as many clips as there are: each time a gloss, all with equal probability, and of its clips the next one in an order that is drawn anew whenever it has
 * come to its end. So rare clips come again and again, and none before the others of its gloss.
 * @returns positions in `entries`.
 */
function balancedOrder(entries: readonly Pick<ClipEntry, 'gloss'>[], random: RandomStream): number[] {
  const byGloss = new Map<number, number[]>();
  entries.forEach(({ gloss }, index) => {
    const clips = byGloss.get(gloss);
    if (clips === undefined) byGloss.set(gloss, [index]);
    else clips.push(index);
  });
  const glosses = Array.from(byGloss.values(), (clips) => ({ clips, coming: new Array<number>() }));
  return entries.map(() => {
    const gloss = elementAt(glosses, random.below(glosses.length));
    if (gloss.coming.length === 0)
      gloss.coming = Array.from(random.permutation(gloss.clips.length), (place) => elementAt(gloss.clips, place));
    return required(gloss.coming.pop(), 'a clip of the gloss');
  });
}

/** What bucket lengths are chosen by. */
interface BucketOptions {
  /** The most lengths there may be: each is a graph of its own. */
  readonly maxBuckets: number;
  /** Longer clips are cut to their first `maxFrames` frames. */
  readonly maxFrames: number;
  readonly batchSize: number;
  /** What the clips go through, where that may change how many frames they have. */
  readonly transforms?: TransformPipeline;
}

const ROUNDING = 8;
/** A further bucket must save this share of all frames, or it is not worth its graph. */
const WORTHWHILE_SAVING = 0.02;

/**
 * Chooses the few lengths, ascending, that clips are padded to, so that least is padded: exactly the clips' length where all have one, else multiples of 8
 * (or `maxFrames`). Every bucket but the last holds enough clips for a batch. Where transforms make clips longer, they are chosen for clips as they are and
 * for the longest that they may become, and the last holds those: no clip is cut because it became longer.
 * @returns no length for no clips.
 */
export function bucketLengths(
  entries: readonly Pick<ClipEntry, 'frames'>[],
  { maxBuckets, maxFrames, batchSize, transforms }: BucketOptions,
): number[] {
  const cut = (frames: number): number => Math.min(frames, maxFrames);
  const longest = entries.map(({ frames }) => cut(transforms?.mostFrames(frames) ?? frames));
  const asTheyAre = entries.map(({ frames }) => cut(frames));
  const mayGrow = asTheyAre.some((length, index) => length < elementAt(longest, index));
  const lengths = mayGrow ? [...asTheyAre, ...longest] : longest;
  if (new Set(lengths).size <= 1) return lengths.slice(0, 1);
  const steps = lengthSteps(lengths, maxFrames);
  const choices = leastPadding(steps, maxBuckets, mayGrow ? 2 * batchSize : batchSize);
  const best = Math.min(...choices.map(({ padding }) => padding));
  const worthless = WORTHWHILE_SAVING * lengths.reduce((sum, length) => sum + length, 0);
  return choices.find(({ padding }) => padding <= best + worthless)?.lengths ?? steps.slice(-1).map(({ length }) => length);
}

/** The clips up to one possible bucket length. */
interface LengthStep {
  readonly length: number;
  /** Clips of at most this length. */
  readonly clips: number;
  /** Their frames. */
  readonly frames: number;
}

function lengthSteps(lengths: readonly number[], maxFrames: number): LengthStep[] {
  const steps: LengthStep[] = [];
  let clips = 0;
  let frames = 0;
  const byLength = lengths.toSorted((a, b) => a - b);
  byLength.forEach((length, index) => {
    clips++;
    frames += length;
    const rounded = roundUp(length, maxFrames);
    const next = byLength[index + 1];
    if (next === undefined || roundUp(next, maxFrames) !== rounded) steps.push({ length: rounded, clips, frames });
  });
  return steps;
}

function roundUp(length: number, maxFrames: number): number {
  return Math.min(Math.ceil(length / ROUNDING) * ROUNDING, maxFrames);
}

interface Choice {
  readonly lengths: number[];
  /** Frames padded in all. */
  readonly padding: number;
}

/** For 1, 2 … maxBuckets buckets, the choice that pads least (dynamic programming over where the last bucket starts). */
function leastPadding(steps: readonly LengthStep[], maxBuckets: number, batchSize: number): Choice[] {
  const stops: readonly LengthStep[] = [{ length: 0, clips: 0, frames: 0 }, ...steps];
  let shorter: (Choice | undefined)[] = stops.map((_, index) => (index === 0 ? { lengths: [], padding: 0 } : undefined));
  const choices: Choice[] = [];
  for (let buckets = 1; buckets <= maxBuckets; buckets++) {
    shorter = stops.map((end, last) => {
      const isLongest = last === stops.length - 1;
      let best: Choice | undefined;
      stops.slice(0, last).forEach((start, index) => {
        const before = shorter[index];
        const clips = end.clips - start.clips;
        if (before === undefined || (clips < batchSize && !isLongest)) return;
        const padding = before.padding + clips * end.length - (end.frames - start.frames);
        if (best === undefined || padding < best.padding) best = { lengths: [...before.lengths, end.length], padding };
      });
      return best;
    });
    const choice = shorter.at(-1);
    if (choice) choices.push(choice);
  }
  return choices;
}

/**
 * Clips of one length bucket, assembled for a step. The arrays have `size` rows; where fewer clips were left (`count < size`), the last rows are padding
 * with weight 0, and change neither loss nor gradients.
 */
export interface Batch {
  readonly size: number;
  /** Clips that count. */
  readonly count: number;
  /** Frames a row: the bucket's length. */
  readonly frames: number;
  readonly width: number;
  /** `[size, frames, width]`, zero where padded. */
  readonly features: Float32Array;
  /** `[size, frames]`, 1 for a frame of the clip, 0 for padding. A padded row has its first frame at 1, so that nothing divides by zero. */
  readonly mask: Float32Array;
  /** `[size]` gloss ids. */
  readonly gloss: Int32Array;
  /** `[size]` category ids. */
  readonly category: Int32Array;
  /** `[size]`, 1 for a clip, 0 for a padded row. */
  readonly weight: Float32Array;
  /** Positions of the clips in the set's entries, `count` of them. */
  readonly indices: readonly number[];
  /** How many frames are computed where padding is left out, at least as many as its clips have; where it does not say, its mask decides. */
  readonly packedRows?: number;
  /** Where clips are mixed with each other: what each has of another. `gloss` and `category` are those of the larger share. */
  readonly mixed?: MixedLabels;
}

/** The labels of clips that were mixed with others, a row for each clip of a batch. */
export interface MixedLabels {
  /** `[size]` gloss ids of the others. */
  readonly gloss: Int32Array;
  /** `[size]` category ids of the others. */
  readonly category: Int32Array;
  /** `[size]`: the share of the clip's own labels, 1 where it was not mixed. */
  readonly share: Float32Array;
}

/** What of a set a batch is assembled from. */
interface LabelledClips {
  readonly entries: readonly Pick<ClipEntry, 'gloss' | 'category'>[];
  /** Numbers a frame. */
  readonly width: number;
}

/**
 * Assembles a planned batch: clips padded with zeros, or cut, to the plan's length, and rows of weight 0 up to the plan's size.
 * @param rows of the batch where the plan does not say.
 * @param valuesOf gives the values of the clip at a position of the set, and at a row of the batch, `[frames, width]`.
 */
export function assembleBatch(
  plan: Pick<BatchPlan, 'indices' | 'frames' | 'size' | 'packedRows'>,
  rows: number,
  clips: LabelledClips,
  valuesOf: (index: number, row: number) => Float32Array,
): Batch {
  const { indices, frames, size: batchSize = rows, packedRows } = plan;
  const { width } = clips;
  const features = new Float32Array(batchSize * frames * width);
  const mask = new Float32Array(batchSize * frames);
  const gloss = new Int32Array(batchSize);
  const category = new Int32Array(batchSize);
  const weight = new Float32Array(batchSize);
  indices.forEach((index, row) => {
    const values = valuesOf(index, row).subarray(0, frames * width);
    features.set(values, row * frames * width);
    mask.fill(1, row * frames, row * frames + values.length / width);
    const entry = elementAt(clips.entries, index);
    gloss[row] = entry.gloss;
    category[row] = entry.category;
    weight[row] = 1;
  });
  for (let row = indices.length; row < batchSize; row++) mask[row * frames] = 1;
  const batch = { size: batchSize, count: indices.length, frames, width, features, mask, gloss, category, weight, indices };
  return packedRows === undefined ? batch : { ...batch, packedRows };
}

/**
 * {@link assembleBatch} of clips that go through transforms, those that mix clips with each other among them.
 * @param changed gives the clip at a position of the set, and at a row of the batch, after the transforms, as far as clips are mixed.
 */
export function transformedBatch(
  plan: BatchPlan,
  batchSize: number,
  { entries, width }: LabelledClips,
  { transforms, changed }: { readonly transforms: TransformPipeline; readonly changed: (index: number, row: number) => Clip },
): Batch {
  const clips = { entries, width: transforms.widthOf(width) };
  if (!transforms.mixes) return assembleBatch(plan, batchSize, clips, (index, row) => changed(index, row).values);
  const { indices, frames, randomness } = plan;
  const unmixed = indices.map((index, row) => cutClip(changed(index, row), frames));
  const mixed = indices.length === 0 ? [] : transforms.mixBatch(unmixed, indices, randomness);
  const batch = assembleBatch(plan, batchSize, clips, (_, row) => elementAt(mixed, row).clip.values);
  const labels = { gloss: batch.gloss.slice(), category: batch.category.slice(), share: new Float32Array(batch.size).fill(1) };
  mixed.forEach(({ partner, share }, row) => {
    labels.gloss[row] = elementAt(batch.gloss, partner);
    labels.category[row] = elementAt(batch.category, partner);
    labels.share[row] = share;
  });
  return { ...batch, mixed: labels };
}

/** A clip's first frames, as far as it has them; a view of it. */
export function cutClip({ values, frames }: Clip, most: number): Clip {
  return { values: values.subarray(0, (values.length / frames) * most), frames: Math.min(frames, most) };
}
