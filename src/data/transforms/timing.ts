import { KEYPOINT_WIDTH } from '../../config/data-settings';
import type { RandomStream } from '../../foundation/random';
import { elementAt } from '../../foundation/required';
import type { Clip } from '../clip';
import { isMissing } from '../keypoints';
import { augmentation, drawStretch, movePoint } from './augmentation';

// When things happen: a sign that is made faster or slower, that begins earlier or later, that is cut out of its clip more or less closely.

/** `{ name: 'speed', p, change: 0.2 }`: up to 1.2 times as fast, or as slow; both alike likely. It changes how many frames a clip has. */
export const speed = augmentation({
  strength: 'change',
  apply: (clip, change, random) => {
    const frames = framesAtSpeed(clip.frames, change, random);
    const step = frames === 1 ? 0 : (clip.frames - 1) / (frames - 1);
    return sampled(clip, frames, (frame) => frame * step);
  },
  frames: { of: framesAtSpeed, most: (frames, change) => Math.ceil(frames * (1 + change)) },
});

function framesAtSpeed(frames: number, change: number, random: RandomStream): number {
  const most = Math.log1p(change);
  return Math.max(1, Math.round(frames * Math.exp(random.uniform(-most, most))));
}

/** `{ name: 'crop', p, share: 0.1 }`: loses up to that share of its frames, at its start and its end. */
export const crop = augmentation({
  strength: 'share',
  apply: ({ values, frames }, share, random) => {
    const { start, end } = drawStretch(frames, framesOfCrop(frames, share, random), random);
    return { values: values.slice(start * KEYPOINT_WIDTH, end * KEYPOINT_WIDTH), frames: end - start };
  },
  frames: { of: framesOfCrop, most: (frames) => frames },
});

function framesOfCrop(frames: number, share: number, random: RandomStream): number {
  return Math.max(1, frames - random.below(Math.floor(frames * share) + 1));
}

/** No moment in a clip's first or last quarter is moved, so that neither part of a warped clip vanishes. */
const EDGE = 0.25;

/**
 * `{ name: 'time_warp', p, share: 0.1 }`: a moment in the clip's middle comes up to that share of the clip earlier or later, what is before and after it is
 * stretched and squeezed (the time warping of SpecAugment, Park et al. 2019). It has as many frames as before.
 */
export const timeWarp = augmentation({
  strength: 'share',
  apply: (clip, share, random) => {
    const last = clip.frames - 1;
    const moment = random.uniform(EDGE, 1 - EDGE) * last;
    const moved = moment + random.uniform(-share, share) * last;
    return sampled(clip, clip.frames, (frame) => {
      if (last === 0) return 0;
      return frame <= moved ? (frame * moment) / moved : moment + ((frame - moved) * (last - moment)) / (last - moved);
    });
  },
});

/** `{ name: 'shift', p, share: 0.1 }`: begins up to that share of its frames earlier or later; its first or last frame fills what is left empty. */
export const shift = augmentation({
  strength: 'share',
  apply: (clip, share, random) => {
    const by = Math.round(random.uniform(-share, share) * clip.frames);
    return sampled(clip, clip.frames, (frame) => frame - by);
  },
});

/**
 * A clip of key points at other moments.
 * @param momentOf the moment that a new frame shows, in frames from the clip's start; before its start is its first frame, after its end its last. Between two
 * frames a key point lies between its places there; it is missing where it is so in the nearer frame, and where it lies in that one alone, it lies there.
 */
function sampled({ values, frames }: Clip, count: number, momentOf: (frame: number) => number): Clip {
  const made = new Float32Array(count * KEYPOINT_WIDTH);
  for (let frame = 0; frame < count; frame++) {
    const moment = Math.min(Math.max(momentOf(frame), 0), frames - 1);
    const near = Math.round(moment);
    const far = near > moment ? near - 1 : Math.min(near + 1, frames - 1);
    blendFrame(values, near * KEYPOINT_WIDTH, far * KEYPOINT_WIDTH, Math.abs(moment - near), made, frame * KEYPOINT_WIDTH);
  }
  return { values: made, frames: count };
}

/** @param share how much of the far frame is in it, at most a half. */
function blendFrame(values: Float32Array, near: number, far: number, share: number, made: Float32Array, to: number): void {
  made.set(values.subarray(near, near + KEYPOINT_WIDTH), to);
  if (share === 0) return;
  for (let at = 0; at < KEYPOINT_WIDTH; at += 2) {
    if (isMissing(values, near + at) || isMissing(values, far + at)) continue;
    const x = elementAt(values, near + at);
    const y = elementAt(values, near + at + 1);
    movePoint(made, to + at, x + share * (elementAt(values, far + at) - x), y + share * (elementAt(values, far + at + 1) - y));
  }
}
