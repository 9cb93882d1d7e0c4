import type { TransformDescription } from '../../config/data-settings';
import type { KeypointLayout } from '../../config/keypoint-layout';
import type { RandomStream } from '../../foundation/random';
import type { Clip } from '../clip';

/**
 * What changes a clip before it is batched: a function of the clip and of random numbers, which are a function of (seed, epoch, clip). It gives a clip of its
 * own and leaves the one that it was given as it is, so that the main thread and the reading thread come to the same.
 */
export interface Transform {
  /**
   * Whether the model is made for clips that went through it: then it changes validation clips and those of a prediction too, is saved with the model, and draws
   * no random numbers. Otherwise it changes training clips alone.
   */
  readonly isPartOfModel: boolean;
  readonly apply: (clip: Clip, random: RandomStream) => Clip;
  /** Numbers a frame that it gives, where these are not those that it is given. */
  readonly width?: number;
  /** Where it changes how many frames a clip has. Batches are planned before their clips are read, so this must be known without them. */
  readonly frames?: {
    /** How many it gives; `random` begins as that of `apply` does. */
    readonly of: (frames: number, random: RandomStream) => number;
    /** The most that it gives. */
    readonly most: (frames: number) => number;
  };
  /**
   * Of one that mixes clips of a batch with each other: what becomes of each of them, in their order; `apply` then leaves a clip as it is. `random` is a function of
   * (seed, epoch, the clips of the batch).
   */
  readonly mix?: (clips: readonly Clip[], random: RandomStream) => MixedClip[];
}

/** A clip after it was mixed with another of its batch. */
export interface MixedClip {
  readonly clip: Clip;
  /** The place of the other in the batch; its own where it was not mixed. */
  readonly partner: number;
  /** The share of it that is its own: 1 where it was not mixed, else at least 1/2. */
  readonly share: number;
}

/** A kind of transform: what the table of transforms holds under its name. */
export interface TransformKind {
  /**
   * Makes a transform of its description, which is saved with a model and reaches the reading thread.
   * @param keypoints what the numbers of the clips' frames are; undefined for features.
   * @throws UserError where an option is unknown, or the clips are none that it can change.
   */
  readonly create: (description: TransformDescription, keypoints: KeypointLayout | undefined) => Transform;
  /** Of one that is part of a model: a NumPy function that does the same to `X` `[frames, width]`, for those who use the model elsewhere. */
  readonly python?: (
    keypoints: KeypointLayout,
    description: TransformDescription,
  ) => { readonly name: string; readonly lines: readonly string[] };
}
