import { KEYPOINT_WIDTH } from '../../config/data-settings';
import { elementAt } from '../../foundation/required';
import { GROUP_SIZES, isMissing, KEYPOINT_GROUPS, KEYPOINTS } from '../keypoints';
import { augmentation, drawStretch, losePoints, movePoint } from './augmentation';

// What is found of a signer: places that are never quite right, and points, fingers, hands and whole frames that are not found. What was missing stays missing.

/** `{ name: 'noise', p, std: 0.01 }`: a normal deviate of that standard deviation on every number; key points that are missing stay so. Features too. */
export const noise = augmentation({
  strength: 'std',
  anyWidth: true,
  apply: ({ values, frames }, std, random) => {
    const noisy = Float32Array.from(values);
    if (values.length !== frames * KEYPOINT_WIDTH) {
      values.forEach((value, at) => (noisy[at] = value + std * random.normal()));
      return { values: noisy, frames };
    }
    for (let at = 0; at < values.length; at += 2) {
      if (isMissing(values, at)) continue;
      movePoint(noisy, at, elementAt(values, at) + std * random.normal(), elementAt(values, at + 1) + std * random.normal());
    }
    return { values: noisy, frames };
  },
});

/**
 * `{ name: 'time_mask', p, share: 0.1 }`: a stretch of that share of the frames, at least one and never all, is zero (the time masking of SpecAugment, Park et
 * al. 2019). They stay frames of the clip. Features too.
 */
export const timeMask = augmentation({
  strength: 'share',
  anyWidth: true,
  apply: ({ values, frames }, share, random) => {
    const length = Math.min(Math.max(1, Math.round(frames * share)), frames - 1);
    const { start, end } = drawStretch(frames, length, random);
    const width = values.length / frames;
    return { values: Float32Array.from(values).fill(0, start * width, end * width), frames };
  },
});

/** Key points of a finger, four each from a hand's second on: the first is the wrist. */
const FINGER = { size: 4, first: 1, ofHand: 5 } as const;
const HANDS = [KEYPOINT_GROUPS.leftHand, KEYPOINT_GROUPS.rightHand] as const;
const FINGERS = HANDS.flatMap((hand) => Array.from({ length: FINGER.ofHand }, (_, finger) => hand + FINGER.first + FINGER.size * finger));

/** `{ name: 'finger_dropout', p, fingers: 2 }`: one finger to so many, of both hands, are missing in all frames. */
export const fingerDropout = augmentation({
  strength: 'fingers',
  apply: ({ values, frames }, fingers, random) => {
    const left = Float32Array.from(values);
    const count = 1 + random.below(fingers);
    for (const finger of random.permutation(FINGERS.length).subarray(0, count))
      losePoints(left, elementAt(FINGERS, finger), FINGER.size, 0, frames);
    return { values: left, frames };
  },
});

/** `{ name: 'hand_dropout', p, share: 0.25 }`: one hand is missing for a stretch of one frame to that share of them. */
export const handDropout = augmentation({
  strength: 'share',
  apply: ({ values, frames }, share, random) => {
    const left = Float32Array.from(values);
    const hand = elementAt(HANDS, random.below(HANDS.length));
    const length = 1 + random.below(Math.max(1, Math.floor(frames * share)));
    const { start, end } = drawStretch(frames, length, random);
    losePoints(left, hand, GROUP_SIZES.hand, start, end);
    return { values: left, frames };
  },
});

/** `{ name: 'keypoint_dropout', p, share: 0.05 }`: each key point of each frame is missing with that probability. */
export const keypointDropout = augmentation({
  strength: 'share',
  apply: ({ values, frames }, share, random) => {
    const left = Float32Array.from(values);
    for (let place = 0; place < frames * KEYPOINTS; place++) if (random.uniform() < share) left.fill(0, 2 * place, 2 * place + 2);
    return { values: left, frames };
  },
});
