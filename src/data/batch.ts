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
