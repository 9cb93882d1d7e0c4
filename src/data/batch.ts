import { elementAt } from '../foundation/required';
import type { ClipEntry } from './clip-set';
import type { BatchPlan } from './plan-epoch';

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
}

/** What of a set a batch is assembled from. */
interface LabelledClips {
  readonly entries: readonly Pick<ClipEntry, 'gloss' | 'category'>[];
  /** Numbers a frame. */
  readonly width: number;
}

/**
 * Assembles a planned batch: clips padded with zeros, or cut, to the plan's length, and rows of weight 0 up to `batchSize`.
 * @param valuesOf gives the values of the clip at a position of the set, `[frames, width]`.
 */
export function assembleBatch(
  plan: Pick<BatchPlan, 'indices' | 'frames'>,
  batchSize: number,
  clips: LabelledClips,
  valuesOf: (index: number) => Float32Array,
): Batch {
  const { indices, frames } = plan;
  const { width } = clips;
  const features = new Float32Array(batchSize * frames * width);
  const mask = new Float32Array(batchSize * frames);
  const gloss = new Int32Array(batchSize);
  const category = new Int32Array(batchSize);
  const weight = new Float32Array(batchSize);
  indices.forEach((index, row) => {
    const values = valuesOf(index).subarray(0, frames * width);
    features.set(values, row * frames * width);
    mask.fill(1, row * frames, row * frames + values.length / width);
    const entry = elementAt(clips.entries, index);
    gloss[row] = entry.gloss;
    category[row] = entry.category;
    weight[row] = 1;
  });
  for (let row = indices.length; row < batchSize; row++) mask[row * frames] = 1;
  return { size: batchSize, count: indices.length, frames, width, features, mask, gloss, category, weight, indices };
}

/** The frames of a padded batch that are worth computing, as places in `[size · frames]`. */
interface PackedRows {
  /** `[rows]`: the position of each packed row. Rows that only fill up name a padded position. */
  readonly positions: Int32Array;
  /** `[size · frames]`: the packed row of each position, 0 for padding. */
  readonly rows: Int32Array;
}

/** Row counts are rounded up to so many steps, because each count is a graph of its own. */
const STEPS = 8;

/**
 * Packs a batch's frames without its padding.
 * @param mask `[size · frames]`, 1 for a frame, 0 for padding.
 * @returns undefined where there is too little padding to gain by it.
 */
export function packRows(mask: Float32Array): PackedRows | undefined {
  const frames = mask.reduce((count, kept) => count + kept, 0);
  const steps = Math.ceil((frames * STEPS) / mask.length);
  const capacity = Math.ceil((steps * mask.length) / STEPS);
  if (capacity >= mask.length) return undefined;
  const positions = new Int32Array(capacity).fill(mask.indexOf(0), frames);
  const rows = new Int32Array(mask.length);
  let row = 0;
  mask.forEach((kept, position) => {
    if (kept === 0) return;
    positions[row] = position;
    rows[position] = row++;
  });
  return { positions, rows };
}
