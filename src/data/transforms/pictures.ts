import { UserError } from '../../foundation/errors';
import type { RandomStream } from '../../foundation/random';
import { numberAt } from '../../foundation/required';
import type { Clip } from '../clip';
import { augmentationOfAny } from './augmentation';
import type { TransformKind } from './transform';

// Clips of pictures, `[frames, side, side, 3]` from 0 to 255: what is seen of them, and in which light. The same for all frames of a clip.

// Looked up once: in a loop over every pixel an import costs more at each look-up than what it computes.
const number = numberAt;
const { max, min } = Math;

const CHANNELS = 3;
const BRIGHTEST = 255;

/** The side of a clip's pictures. @throws UserError where its frames are no square pictures. */
function sideOf({ values, frames }: Clip): number {
  const width = values.length / frames;
  const side = Math.sqrt(width / CHANNELS);
  if (!Number.isInteger(side)) throw new UserError(`only pictures can be changed so; a frame of these clips is ${width} numbers`);
  return side;
}

/** {@link augmentationOfAny} of pictures: told their side, too. */
function augmentationOfPictures(
  strength: string,
  change: (clip: Clip, side: number, strength: number, random: RandomStream) => Clip,
): TransformKind {
  return augmentationOfAny({
    strength,
    of: (keypoints) => {
      if (keypoints !== undefined) throw new UserError('needs pictures; these clips have key points');
      return (clip, howMuch, random) => change(clip, sideOf(clip), howMuch, random);
    },
  });
}

/** `{ name: 'picture_crop', p, share: 0.2 }`: a square of each picture, of up to that share shorter sides, anywhere in it, enlarged to the whole (bilinear). */
export const pictureCrop = augmentationOfPictures('share', (clip, side, share, random) => {
  const size = max(1, side - random.below(Math.floor(side * share) + 1));
  const [left, top] = [random.below(side - size + 1), random.below(side - size + 1)];
  return enlarged(clip, side, { left, top, size });
});

/** A square of a picture, in pixels. */
interface Square {
  readonly left: number;
  readonly top: number;
  readonly size: number;
}

/** Brings a square of every picture to the whole's size as PyTorch's `interpolate(mode='bilinear', align_corners=False)` does. */
function enlarged({ values, frames }: Clip, side: number, { left, top, size }: Square): Clip {
  const made = new Float32Array(values.length);
  const [rows, columns] = [sampledPlaces(side, size, top), sampledPlaces(side, size, left)];
  let to = 0;
  for (let frame = 0; frame < frames; frame++)
    for (const row of rows) {
      const upper = (frame * side + row.first) * side;
      const lower = (frame * side + row.second) * side;
      for (const column of columns)
        for (let channel = 0; channel < CHANNELS; channel++) {
          const [first, second] = [CHANNELS * column.first + channel, CHANNELS * column.second + channel];
          const above = between(number(values, CHANNELS * upper + first), number(values, CHANNELS * upper + second), column.share);
          const below = between(number(values, CHANNELS * lower + first), number(values, CHANNELS * lower + second), column.share);
          made[to++] = between(above, below, row.share);
        }
    }
  return { values: made, frames };
}

function between(one: number, other: number, share: number): number {
  return one + share * (other - one);
}

/** Which two old places each new one lies between, and how much of the second it has. */
function sampledPlaces(side: number, size: number, start: number): { first: number; second: number; share: number }[] {
  return Array.from({ length: side }, (_, place) => {
    const middle = max(0, ((place + 0.5) * size) / side - 0.5);
    const first = Math.floor(middle);
    return { first: start + first, second: start + min(first + 1, size - 1), share: middle - first };
  });
}

/** How much red, green and blue count in a grey, as torchvision has it (ITU-R BT.601). */
const GREY = [0.2989, 0.587, 0.114] as const;

/**
 * `{ name: 'picture_colour', p, change: 0.3 }`: brightness, contrast and saturation, one after the other, each by a factor from 1 − 0.3 to 1 + 0.3: torchvision's
 * `adjust_brightness`, `adjust_contrast` and `adjust_saturation`, as its ColorJitter draws them.
 */
export const pictureColour = augmentationOfPictures('change', ({ values, frames }, side, change, random) => {
  const factor = (): number => random.uniform(max(0, 1 - change), 1 + change);
  const factors = { brightness: factor(), contrast: factor(), saturation: factor() };
  const coloured = values.slice();
  const size = side * side * CHANNELS;
  for (let frame = 0; frame < frames; frame++) colour(coloured, frame * size, (frame + 1) * size, factors);
  return { values: coloured, frames };
});

/** Colours one picture, whose numbers lie from `start` to `end`, where it lies. */
function colour(
  values: Float32Array,
  start: number,
  end: number,
  { brightness, contrast, saturation }: { readonly brightness: number; readonly contrast: number; readonly saturation: number },
): void {
  let sum = 0;
  for (let at = start; at < end; at += CHANNELS) {
    for (let channel = at; channel < at + CHANNELS; channel++) values[channel] = bounded(brightness * number(values, channel));
    sum += greyAt(values, at);
  }
  const middle = (sum * CHANNELS) / (end - start);
  for (let at = start; at < end; at += CHANNELS) {
    for (let channel = at; channel < at + CHANNELS; channel++)
      values[channel] = bounded(middle + contrast * (number(values, channel) - middle));
    const grey = greyAt(values, at);
    for (let channel = at; channel < at + CHANNELS; channel++)
      values[channel] = bounded(grey + saturation * (number(values, channel) - grey));
  }
}

function bounded(value: number): number {
  return min(max(value, 0), BRIGHTEST);
}

function greyAt(values: Float32Array, at: number): number {
  return GREY[0] * number(values, at) + GREY[1] * number(values, at + 1) + GREY[2] * number(values, at + 2);
}

/** Pictures as in a mirror. */
export function flipPictures(clip: Clip): Clip {
  const { values, frames } = clip;
  const side = sideOf(clip);
  const flipped = new Float32Array(values.length);
  const row = CHANNELS * side;
  for (let start = 0; start < values.length; start += row)
    for (let at = 0; at < row; at += CHANNELS)
      for (let channel = 0; channel < CHANNELS; channel++)
        flipped[start + at + channel] = number(values, start + row - CHANNELS - at + channel);
  return { values: flipped, frames };
}
