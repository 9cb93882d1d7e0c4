import type { TransformDescription } from '../../config/data-settings';
import { widthOfLayout, type KeypointLayout } from '../../config/keypoint-layout';
import { UserError } from '../../foundation/errors';
import type { RandomStream } from '../../foundation/random';
import type { Clip } from '../clip';
import { isMissing } from '../keypoints';
import type { TransformKind } from './transform';

/** Changes a copy of a clip; it is told how strongly, in the unit of its option. */
type Change = (clip: Clip, strength: number, random: RandomStream) => Clip;

/** One way to change clips at random. */
interface RandomChange<Frames> {
  /** The option that holds its strength; one without is given 1. */
  readonly strength?: string;
  /** How it changes clips of such frames. @throws UserError where it cannot: their key points lack a part that it needs. */
  readonly of: (frames: Frames) => Change;
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
export function augmentation(change: RandomChange<KeypointLayout>): TransformKind {
  return augmentationOfAny({
    ...change,
    of: (keypoints) => {
      if (keypoints === undefined) throw new UserError('needs key points; these clips have none');
      return change.of(keypoints);
    },
  });
}

/** {@link augmentation} of clips of any numbers: of features too, which have no layout. */
export function augmentationOfAny({ strength: option, of, frames }: RandomChange<KeypointLayout | undefined>): TransformKind {
  return {
    create: (description, keypoints) => {
      const { p, strength } = optionsOf(description, option);
      const apply = named(description.name, () => of(keypoints));
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

/** Puts the transform's name before what a clip's key points lack for it. */
function named<Value>(name: string, action: () => Value): Value {
  try {
    return action();
  } catch (error) {
    if (error instanceof UserError) throw new UserError(`${name} ${error.message}`, { cause: error });
    throw error;
  }
}

/** A key point that was found and was moved: where it has come to lie at 0 in all of its numbers it would count as missing, and is put a hair beside. */
export function keepFound(values: Float32Array, at: number, dimensions: 2 | 3): void {
  if (isMissing(values, at, dimensions)) values[at] = HAIR;
}

const HAIR = 2 ** -24;

/** Makes key points missing: `count` of them from `first` on, in the frames from `start` to `end`, the last not included. */
export function losePoints(
  values: Float32Array,
  layout: KeypointLayout,
  { first, count }: { readonly first: number; readonly count: number },
  { start, end }: { readonly start: number; readonly end: number },
): void {
  const width = widthOfLayout(layout);
  for (let frame = start; frame < end; frame++) {
    const from = frame * width + layout.dimensions * first;
    values.fill(0, from, from + layout.dimensions * count);
  }
}

/** A stretch of `length` frames somewhere in a clip. */
export function drawStretch(frames: number, length: number, random: RandomStream): { readonly start: number; readonly end: number } {
  const start = random.below(frames - length + 1);
  return { start, end: start + length };
}
