import type { TransformDescription } from '../../config/data-settings';
import { type KeypointLayout } from '../../config/keypoint-layout';
import { UserError } from '../../foundation/errors';
import type { RandomStream } from '../../foundation/random';
import { elementAt } from '../../foundation/required';
import type { Clip } from '../clip';
import { isMissing } from '../keypoints';
import { drawStretch, keepFound } from './augmentation';
import type { MixedClip, TransformKind } from './transform';

/**
 * Clips of a batch mixed with each other, `{ name: 'mix', mixup: 0.5, mixup_alpha: 0.2, cutmix: 0.2, cutmix_alpha: 1 }`: a share of them in their values, as if one were seen
 * through the other (mixup, Zhang et al. 2018), another share in their time, a stretch of one inside the other (CutMix, Yun et al. 2019). Which clips, with which
 * other of the batch and by how much is drawn. A clip itself always has the larger share, so that a batch has as many clips of each class as before.
 */
export const mix: TransformKind = {
  create: (description, keypoints) => {
    const { mixup, mixup_alpha, cutmix, cutmix_alpha } = optionsOf(description);
    const largerShare = (alpha: number, random: RandomStream): number => {
      const share = random.beta(alpha);
      return Math.max(share, 1 - share);
    };
    const drawMixture = (clips: readonly Clip[], row: number, random: RandomStream): MixedClip => {
      const clip = elementAt(clips, row);
      const draw = random.uniform();
      if (draw >= mixup + cutmix || clips.length < 2) return { clip, partner: row, share: 1 };
      const partner = (row + 1 + random.below(clips.length - 1)) % clips.length;
      const other = elementAt(clips, partner);
      if (draw >= mixup) return { partner, ...spliced(clip, other, largerShare(cutmix_alpha, random), random) };
      const share = largerShare(mixup_alpha, random);
      return { clip: blended(clip, other, share, keypoints), partner, share };
    };
    return {
      isPartOfModel: false,
      apply: (clip) => clip,
      mix: (clips, random) => clips.map((_, row) => drawMixture(clips, row, random)),
    };
  },
};

interface Mixing {
  readonly mixup: number;
  readonly mixup_alpha: number;
  readonly cutmix: number;
  readonly cutmix_alpha: number;
}

function optionsOf({ name, mixup, mixup_alpha, cutmix, cutmix_alpha, ...unknown }: TransformDescription): Mixing {
  const isShare = (value: unknown): value is number => typeof value === 'number' && value >= 0 && value <= 1;
  const isAlpha = (value: unknown): value is number => typeof value === 'number' && value > 0;
  const known = isShare(mixup) && isShare(cutmix) && isAlpha(mixup_alpha) && isAlpha(cutmix_alpha);
  if (known && mixup + cutmix <= 1 && Object.keys(unknown).length === 0) return { mixup, mixup_alpha, cutmix, cutmix_alpha };
  const found = JSON.stringify({ mixup, mixup_alpha, cutmix, cutmix_alpha, ...unknown });
  throw new UserError(
    `the transform ${name} knows mixup and cutmix, together at most 1, with mixup_alpha and cutmix_alpha above 0; found ${found}`,
  );
}

/**
 * `share · clip + (1 − share) · other`, frame by frame. It is as long as the longer of both, and where one has ended the other is seen alone. A key point that the clip
 * itself lacks stays missing, one that only the other lacks is the clip's own.
 * @param keypoints what the numbers are; undefined where they are none of key points: features, pixels.
 */
export function blended(clip: Clip, other: Clip, share: number, keypoints: KeypointLayout | undefined): Clip {
  const values = clip.values.length < other.values.length ? other.values.slice() : clip.values.slice();
  const both = Math.min(clip.values.length, other.values.length);
  const mixedAt = (place: number): number => share * elementAt(clip.values, place) + (1 - share) * elementAt(other.values, place);
  if (keypoints === undefined) for (let place = 0; place < both; place++) values[place] = mixedAt(place);
  else {
    const { dimensions } = keypoints;
    for (let at = 0; at < both; at += dimensions) {
      const own = isMissing(clip.values, at, dimensions) || isMissing(other.values, at, dimensions);
      for (let place = at; place < at + dimensions; place++) values[place] = own ? elementAt(clip.values, place) : mixedAt(place);
      if (!own) keepFound(values, at, dimensions);
    }
  }
  return { values, frames: Math.max(clip.frames, other.frames) };
}

/**
 * The clip with a stretch of its frames replaced by one of the other, of about the same time within its clip. It has as many frames as before.
 * @param share that the clip itself is to have; it has a little more where frames do not divide so, or the other clip is shorter than the stretch.
 */
export function spliced(clip: Clip, other: Clip, share: number, random: RandomStream): { readonly clip: Clip; readonly share: number } {
  const { frames } = clip;
  const width = clip.values.length / frames;
  const length = Math.min(Math.floor((1 - share) * frames), other.frames);
  const { start } = drawStretch(frames, length, random);
  const from = length === frames ? 0 : Math.round((start * (other.frames - length)) / (frames - length));
  const values = clip.values.slice();
  values.set(other.values.subarray(from * width, (from + length) * width), start * width);
  return { clip: { values, frames }, share: 1 - length / frames };
}
