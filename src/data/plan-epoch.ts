import { RandomStream } from '../foundation/random';
import type { ClipSet } from './clip-set';

/** One batch before it is read. */
export interface BatchPlan {
  /** Positions of its clips in the set's entries, at most `batchSize`. */
  readonly indices: readonly number[];
  /** The bucket's length. */
  readonly frames: number;
}

export interface EpochOptions {
  readonly batchSize: number;
  /** Longer clips are cut to their first `maxFrames` frames. */
  readonly maxFrames: number;
  readonly seed: number;
  readonly epoch: number;
  /** False for an evaluation: the clips stay in the set's order within each bucket. */
  readonly shuffle: boolean;
  /** From `bucketLengths`, ascending; the last holds the set's longest clip. */
  readonly bucketLengths: readonly number[];
}

/** Tells this stream of random numbers from others of the same seed and epoch. */
const ORDER_STREAM = 0x6f726465;

/**
 * Divides a set into the batches of one epoch: every clip once, in the smallest bucket that holds it. Clips that do not fill a batch go on to the next longer
 * bucket, so that at most one batch is smaller than `batchSize`. A function of (seed, epoch): a resumed training goes on with `slice` of the same plans.
 * @throws RangeError where no bucket holds the longest clip.
 */
export function planEpoch(set: Pick<ClipSet, 'entries'>, options: EpochOptions): BatchPlan[] {
  const { entries } = set;
  const { batchSize, maxFrames, shuffle, bucketLengths } = options;
  const random = new RandomStream(options.seed, options.epoch, ORDER_STREAM);
  const order = shuffle ? random.permutation(entries.length) : entries.keys();
  const framesOf = (index: number): number => Math.min(entries[index]?.frames ?? 0, maxFrames);

  const buckets = bucketLengths.map((frames) => ({ frames, indices: new Array<number>() }));
  for (const index of order) {
    const bucket = buckets.find(({ frames }) => frames >= framesOf(index));
    if (bucket === undefined) throw new RangeError(`a clip has ${framesOf(index)} frames, the longest bucket ${bucketLengths.at(-1) ?? 0}`);
    bucket.indices.push(index);
  }

  const plans: BatchPlan[] = [];
  let left: number[] = [];
  for (const { frames, indices } of buckets) {
    const pool = [...left, ...indices];
    const full = pool.length - (pool.length % batchSize);
    for (let start = 0; start < full; start += batchSize) plans.push({ indices: pool.slice(start, start + batchSize), frames });
    left = pool.slice(full);
  }
  if (left.length > 0) {
    const longest = Math.max(...left.map(framesOf));
    plans.push({ indices: left, frames: bucketLengths.find((frames) => frames >= longest) ?? longest });
  }
  if (!shuffle) return plans;
  return Array.from(random.permutation(plans.length), (position) => plans[position]).filter((plan) => plan !== undefined);
}
