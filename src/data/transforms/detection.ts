import { partNamed, type KeypointLayout, type KeypointPart } from '../../config/keypoint-layout';
import { UserError } from '../../foundation/errors';
import { elementAt, numberAt } from '../../foundation/required';
import { isMissing } from '../keypoints';
import { augmentation, augmentationOfAny, drawStretch, keepFound, losePoints } from './augmentation';

// Looked up once: in a loop over every key point an import costs more at each look-up than what it computes.
const [missing, keep, number] = [isMissing, keepFound, numberAt];

// What is found of a signer: places that are never quite right, and points, fingers, hands and whole frames that are not found. What was missing stays missing.

/** `{ name: 'noise', p, std: 0.01 }`: a normal deviate of that standard deviation on every number; key points that are missing stay so. Features too. */
export const noise = augmentationOfAny({
  strength: 'std',
  of:
    (layout) =>
    ({ values, frames }, std, random) => {
      const noisy = values.slice();
      if (layout === undefined) {
        for (let at = 0; at < values.length; at++) noisy[at] = number(values, at) + std * random.normal();
        return { values: noisy, frames };
      }
      const { dimensions } = layout;
      for (let at = 0; at < values.length; at += dimensions) {
        if (missing(values, at, dimensions)) continue;
        for (let axis = at; axis < at + dimensions; axis++) noisy[axis] = number(values, axis) + std * random.normal();
        keep(noisy, at, dimensions);
      }
      return { values: noisy, frames };
    },
});

/**
 * `{ name: 'time_mask', p, share: 0.1 }`: a stretch of that share of the frames, at least one and never all, is zero (the time masking of SpecAugment, Park et
 * al. 2019). They stay frames of the clip. Features too.
 */
export const timeMask = augmentationOfAny({
  strength: 'share',
  of:
    () =>
    ({ values, frames }, share, random) => {
      const length = Math.min(Math.max(1, Math.round(frames * share)), frames - 1);
      const { start, end } = drawStretch(frames, length, random);
      const width = values.length / frames;
      return { values: values.slice().fill(0, start * width, end * width), frames };
    },
});

/** Key points of a finger, four each from a hand's second on: the first is the wrist. */
const FINGER = { size: 4, first: 1, ofHand: 5 } as const;
/** Of both hands, the first point of each finger. */
function fingersOf(layout: KeypointLayout): number[] {
  return handsOf(layout).flatMap(({ name, first, count }) => {
    const expected = FINGER.first + FINGER.size * FINGER.ofHand;
    if (count !== expected)
      throw new UserError(`needs hands of ${expected} points; ${name} of ${layout.name} has ${count}; ${turnedOff('finger_dropout')}`);
    return Array.from({ length: FINGER.ofHand }, (_, finger) => first + FINGER.first + FINGER.size * finger);
  });
}

/** The parts `left_hand` and `right_hand`. */
function handsOf(layout: KeypointLayout, asker = 'finger_dropout'): KeypointPart[] {
  return ['left_hand', 'right_hand'].map((name) => {
    const part = partNamed(layout, name);
    if (part !== undefined) return part;
    const parts = layout.parts.map((other) => other.name).join(', ');
    throw new UserError(`needs a part ${name}, and the parts of ${layout.name} are ${parts}; ${turnedOff(asker)}`);
  });
}

function turnedOff(name: string): string {
  return `augment_${name} 0 turns it off`;
}

/** `{ name: 'finger_dropout', p, fingers: 2 }`: one finger to so many, of both hands, are missing in all frames. */
export const fingerDropout = augmentation({
  strength: 'fingers',
  of: (layout) => {
    const all = fingersOf(layout);
    return ({ values, frames }, fingers, random) => {
      const left = values.slice();
      const count = 1 + random.below(fingers);
      for (const finger of random.permutation(all.length).subarray(0, count))
        losePoints(left, layout, { first: elementAt(all, finger), count: FINGER.size }, { start: 0, end: frames });
      return { values: left, frames };
    };
  },
});

/** `{ name: 'hand_dropout', p, share: 0.25 }`: one hand is missing for a stretch of one frame to that share of them. */
export const handDropout = augmentation({
  strength: 'share',
  of: (layout) => {
    const hands = handsOf(layout, 'hand_dropout');
    return ({ values, frames }, share, random) => {
      const left = values.slice();
      const hand = elementAt(hands, random.below(hands.length));
      const length = 1 + random.below(Math.max(1, Math.floor(frames * share)));
      losePoints(left, layout, hand, drawStretch(frames, length, random));
      return { values: left, frames };
    };
  },
});

/** `{ name: 'keypoint_dropout', p, share: 0.05 }`: each key point of each frame is missing with that probability. */
export const keypointDropout = augmentation({
  strength: 'share',
  of:
    ({ dimensions }) =>
    ({ values, frames }, share, random) => {
      const left = values.slice();
      for (let at = 0; at < left.length; at += dimensions)
        if (random.uniform() < share) for (let axis = at; axis < at + dimensions; axis++) left[axis] = 0;
      return { values: left, frames };
    },
});
