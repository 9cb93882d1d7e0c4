import type { KeypointClip } from '../data/keypoint-clip';
import { keypointsOf, LEAST_VISIBILITY, LONGEST_GAP } from './landmarks';
import { occlusionOf, type Occlusion } from './occlusion';

/** Frames a second of clips, unless another rate is asked for. */
export const CLIP_RATE = 30;

/** A clip that was made of landmarks. */
export interface ClipOfLandmarks {
  readonly clip: KeypointClip;
  readonly occlusion: Occlusion;
}

/**
 * Makes a clip of the landmarks that MediaPipe Holistic found in frames of an even rate, wherever these come from: the same numbers for a video that is read and for a
 * camera that is watched.
 * @param frames of each of the clip's frames its landmarks.
 * @param fps frames a second.
 * @param meta what else the clip's meta is to say.
 */
export function clipOfLandmarks(frames: readonly Float32Array[], fps: number, meta: Readonly<Record<string, unknown>>): ClipOfLandmarks {
  const { values, mask } = keypointsOf(frames);
  const occlusion = occlusionOf(frames);
  return {
    clip: {
      frames: frames.length,
      values,
      mask,
      timestampsMs: frames.map((_, frame) => (frame * 1000) / fps),
      meta: { ...meta, target_fps: fps, least_visibility: LEAST_VISIBILITY, longest_gap: LONGEST_GAP, occlusion },
    },
    occlusion,
  };
}
