import { KEYPOINT_WIDTH, type TransformDescription } from '../../config/data-settings';
import { UserError } from '../../foundation/errors';
import type { RandomStream } from '../../foundation/random';
import type { Clip } from '../clip';
import { isMissing } from '../keypoints';
import type { TransformKind } from './transform';

/** One way to change clips at random; it is told how strongly, in the unit of its option. */
interface RandomChange {
  /** The option that holds its strength; one without is given 1. */
  readonly strength?: string;
  /** Whether it changes features too, and not key points alone. */
  readonly anyWidth?: boolean;
  /** Changes a copy of the clip. */
  readonly apply: (clip: Clip, strength: number, random: RandomStream) => Clip;
  /** Where it changes how many frames a clip has. */
  readonly frames?: {
    /** How many it gives; `random` begins as that of `apply` does. */
    readonly of: (frames: number, strength: number, random: RandomStream) => number;
    readonly most: (frames: number, strength: number) => number;
  };
}

/**
 * A transform of training clips alone: `{ name, p, … }` changes a share `p` of them. Whether a clip is changed, and how, is a function of (seed, epoch, clip);
 * the same clip in the next epoch is another draw.
 */
export function augmentation({ strength: option, anyWidth = false, apply, frames }: RandomChange): TransformKind {
  return {
    create: (description, width) => {
      const { p, strength } = optionsOf(description, option);
      if (!anyWidth && width !== KEYPOINT_WIDTH)
        throw new UserError(`${description.name} needs key points, ${KEYPOINT_WIDTH} numbers a frame; these clips have ${width}`);
      const isChanged = (random: RandomStream): boolean => random.uniform() < p;
      return {
        isPartOfModel: false,
        apply: (clip, random) => (isChanged(random) ? apply(clip, strength, random) : clip),
        ...(frames === undefined
          ? {}
          : {
              frames: {
                of: (count, random) => (isChanged(random) ? frames.of(count, strength, random) : count),
                most: (count) => (p === 0 ? count : Math.max(count, frames.most(count, strength))),
              },
            }),
      };
    },
  };
}

function optionsOf(
  { name, p, ...further }: TransformDescription,
  option: string | undefined,
): { readonly p: number; readonly strength: number } {
  const { [option ?? '']: strength = 1, ...unknown } = further;
  const isComplete = option === undefined || Object.hasOwn(further, option);
  if (typeof p === 'number' && p >= 0 && p <= 1 && typeof strength === 'number' && isComplete && Object.keys(unknown).length === 0)
    return { p, strength };
  const wanted = option === undefined ? 'p from 0 to 1' : `p from 0 to 1 and ${option}, a number,`;
  throw new UserError(`the transform ${name} knows ${wanted} and nothing else, found ${JSON.stringify({ p, ...further })}`);
}

/** Moves a key point that was found; one that comes to lie at (0, 0) would count as missing, and is put a hair beside it. */
export function movePoint(values: Float32Array, at: number, x: number, y: number): void {
  values[at] = x;
  values[at + 1] = y;
  if (isMissing(values, at)) values[at] = HAIR;
}

const HAIR = 2 ** -24;

/** Makes key points missing: `count` of them from `first` on, in the frames from `start` to `end`, the last not included. */
export function losePoints(values: Float32Array, first: number, count: number, start: number, end: number): void {
  for (let frame = start; frame < end; frame++) {
    const from = frame * KEYPOINT_WIDTH + 2 * first;
    values.fill(0, from, from + 2 * count);
  }
}

/** A stretch of `length` frames somewhere in a clip. */
export function drawStretch(frames: number, length: number, random: RandomStream): { readonly start: number; readonly end: number } {
  const start = random.below(frames - length + 1);
  return { start, end: start + length };
}
