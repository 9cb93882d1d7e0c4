import type { Batch } from './batch';
import type { ClipEntry } from './clip-set';
import type { BatchPlan } from './plan-epoch';

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
export function assembleBatch(plan: BatchPlan, batchSize: number, clips: LabelledClips, valuesOf: (index: number) => Float32Array): Batch {
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
    gloss[row] = clips.entries[index]?.gloss ?? 0;
    category[row] = clips.entries[index]?.category ?? 0;
    weight[row] = 1;
  });
  for (let row = indices.length; row < batchSize; row++) mask[row * frames] = 1;
  return { size: batchSize, count: indices.length, frames, width, features, mask, gloss, category, weight, indices };
}
