import { orderOf, widthOfLayout, type KeypointLayout } from '../config/keypoint-layout';
import { HOLISTIC_78 } from '../config/known-layouts';
import type { NpyArray } from './npy-array';

/** A clip that is to be written. */
export interface KeypointClip {
  readonly frames: number;
  /** `[frames, width]` row by row, the width of the layout; a key point that was not found is 0 in all of its numbers. */
  readonly values: Float32Array;
  /** `[frames, points]`, 1 where a key point was found; where it is left out, those are found that are not 0. */
  readonly mask?: Uint8Array;
  /** When each frame was shown, in milliseconds from the clip's beginning. */
  readonly timestampsMs: readonly number[];
  /** What else is known of it, as JSON takes it; what the layout says is added. */
  readonly meta: Readonly<Record<string, unknown>>;
  /** InceptionV3's features, `[frames, 2048]`, where they were computed too. */
  readonly features?: Float32Array;
  /** The usual one, 78 points, where it is left out. */
  readonly layout?: KeypointLayout;
}

/** The arrays of a clip's `.npz`: `X`, `mask`, `timestamps_ms`, `meta` and, where there are features, `X2048`. */
export function clipArrays(clip: KeypointClip): Readonly<Record<string, NpyArray>> {
  const { frames, values, timestampsMs, features, layout = HOLISTIC_78 } = clip;
  const width = widthOfLayout(layout);
  if (values.length !== frames * width || timestampsMs.length !== frames)
    throw new Error(`a clip of ${frames} frames has ${values.length} values of ${width} a frame, and ${timestampsMs.length} timestamps`);
  return {
    X: { dtype: 'float32', shape: [frames, width], values },
    ...(features === undefined
      ? {}
      : { X2048: { dtype: 'float32', shape: [frames, features.length / frames], values: features } as const }),
    mask: { dtype: 'bool', shape: [frames, layout.points.length], values: clip.mask ?? maskOf(values, layout) },
    timestamps_ms: { dtype: 'int64', shape: [frames], values: BigInt64Array.from(timestampsMs, (moment) => BigInt(Math.round(moment))) },
    meta: { dtype: 'text', shape: [], values: [JSON.stringify({ ...clip.meta, frames, ...metaOfLayout(layout) })] },
  };
}

/** What `meta` says of the key points: the names that the reference's own checks read. */
export function metaOfLayout(layout: KeypointLayout): Readonly<Record<string, unknown>> {
  return { dims_per_frame: widthOfLayout(layout), keypoints_total: layout.points.length, order: orderOf(layout) };
}

/** Which points were found, `[frames, points]`: those of which a number is not 0. */
function maskOf(values: Float32Array, { dimensions }: KeypointLayout): Uint8Array {
  const found = new Uint8Array(values.length / dimensions);
  values.forEach((value, place) => {
    if (value !== 0) found[Math.floor(place / dimensions)] = 1;
  });
  return found;
}
