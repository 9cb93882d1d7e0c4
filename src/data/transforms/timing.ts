import { widthOfLayout, type KeypointLayout } from '../../config/keypoint-layout';
import type { RandomStream } from '../../foundation/random';
import { numberAt } from '../../foundation/required';
import type { Clip } from '../clip';
import { isMissing } from '../keypoints';
import { augmentation, drawStretch, keepFound } from './augmentation';

// Looked up once: in a loop over every key point an import costs more at each look-up than what it computes.
const [missing, keep, number] = [isMissing, keepFound, numberAt];

// When things happen: a sign that is made faster or slower, that begins earlier or later, that is cut out of its clip more or less closely.

/** `{ name: 'speed', p, change: 0.2 }`: up to 1.2 times as fast, or as slow; both alike likely. It changes how many frames a clip has. */
export const speed = augmentation({
  strength: 'change',
  of: (layout) => (clip, change, random) => {
    const frames = framesAtSpeed(clip.frames, change, random);
    const step = frames === 1 ? 0 : (clip.frames - 1) / (frames - 1);
    return sampled(clip, layout, frames, (frame) => frame * step);
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
  of: (layout) => {
    const width = widthOfLayout(layout);
    return ({ values, frames }, share, random) => {
      const { start, end } = drawStretch(frames, framesOfCrop(frames, share, random), random);
      return { values: values.slice(start * width, end * width), frames: end - start };
    };
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
  of: (layout) => (clip, share, random) => {
    const last = clip.frames - 1;
    const moment = random.uniform(EDGE, 1 - EDGE) * last;
    const moved = moment + random.uniform(-share, share) * last;
    return sampled(clip, layout, clip.frames, (frame) => {
      if (last === 0) return 0;
      return frame <= moved ? (frame * moment) / moved : moment + ((frame - moved) * (last - moment)) / (last - moved);
    });
  },
});

/** `{ name: 'shift', p, share: 0.1 }`: begins up to that share of its frames earlier or later; its first or last frame fills what is left empty. */
export const shift = augmentation({
  strength: 'share',
  of: (layout) => (clip, share, random) => {
    const by = Math.round(random.uniform(-share, share) * clip.frames);
    return sampled(clip, layout, clip.frames, (frame) => frame - by);
  },
});

/**
 * A clip of key points at other moments.
 * @param momentOf the moment that a new frame shows, in frames from the clip's start; before its start is its first frame, after its end its last. Between two
 * frames a key point lies between its places there; it is missing where it is so in the nearer frame, and where it lies in that one alone, it lies there.
 */
function sampled({ values, frames }: Clip, layout: KeypointLayout, count: number, momentOf: (frame: number) => number): Clip {
  const width = widthOfLayout(layout);
  const made = new Float32Array(count * width);
  for (let frame = 0; frame < count; frame++) {
    const moment = Math.min(Math.max(momentOf(frame), 0), frames - 1);
    const near = Math.round(moment);
    const far = near > moment ? near - 1 : Math.min(near + 1, frames - 1);
    const share = Math.abs(moment - near);
    const blend = { near: near * width, far: far * width, share };
    if (share > 0) blendFrame(values, blend, layout, made, frame * width);
    else for (let at = 0; at < width; at++) made[frame * width + at] = number(values, near * width + at);
  }
  return { values: made, frames: count };
}

/** Two frames of a clip by the places of their first numbers, and how much of the far one is seen: at most a half. */
interface Blend {
  readonly near: number;
  readonly far: number;
  readonly share: number;
}

/** @param to where the blended frame begins in `made`. */
function blendFrame(
  values: Float32Array,
  { near, far, share }: Blend,
  { dimensions, points }: KeypointLayout,
  made: Float32Array,
  to: number,
): void {
  const width = dimensions * points.length;
  for (let at = 0; at < width; at += dimensions) {
    if (missing(values, near + at, dimensions)) continue;
    const seen = missing(values, far + at, dimensions) ? 0 : share;
    for (let axis = at; axis < at + dimensions; axis++) {
      const nearer = number(values, near + axis);
      made[to + axis] = nearer + seen * (number(values, far + axis) - nearer);
    }
    keep(made, to + at, dimensions);
  }
}
