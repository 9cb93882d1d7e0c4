import { crc32 } from 'node:zlib';
import { describe, expect, it } from '@jest/globals';
import type { Clip } from '../../src/data/clip';
import { TransformPipeline } from '../../src/data/transforms/pipeline';
import { RandomStream } from '../../src/foundation/random';
import { clipValues } from '../support/clip-files';

const SIDE = 20;
const FRAMES = 3;
const SIZE = SIDE * SIDE * 3;

/** Pictures of which each pixel is another. */
const CLIP: Clip = { values: clipValues(FRAMES, 7, SIZE).map((value) => Math.abs(255 * value) % 256), frames: FRAMES };
const before = CLIP.values.slice();

const changed = (part: { readonly name: string; readonly [option: string]: string | number }, epoch = 1, clip = CLIP): Clip =>
  TransformPipeline.of([{ p: 1, ...part }], undefined).apply(clip, 3, { seed: 7, epoch });
const epochs = Array.from({ length: 12 }, (_, index) => index + 1);
const at = ({ values }: Clip, frame: number, y: number, x: number, channel: number): number =>
  values[frame * SIZE + 3 * (y * SIDE + x) + channel] ?? NaN;
const furthest = (one: ArrayLike<number>, other: ArrayLike<number>): number =>
  Array.from(one).reduce((most, value, place) => Math.max(most, Math.abs(value - (other[place] ?? NaN))), 0);
/** Numbers of a clip, made one by one. */
const made = (valueOf: (frame: number, y: number, x: number, channel: number) => number): number[] =>
  Array.from({ length: FRAMES * SIZE }, (_, place) => {
    const pixel = Math.floor((place % SIZE) / 3);
    return valueOf(Math.floor(place / SIZE), Math.floor(pixel / SIDE), pixel % SIDE, place % 3);
  });

/** `interpolate(mode='bilinear', align_corners=False)` of a square, pixel by pixel. */
function resizedCrop(left: number, top: number, size: number): number[] {
  const weights = (place: number): (readonly [number, number])[] => {
    const middle = Math.max(0, ((place + 0.5) * size) / SIDE - 0.5);
    const share = middle - Math.floor(middle);
    return [
      [Math.floor(middle), 1 - share],
      [Math.min(Math.floor(middle) + 1, size - 1), share],
    ];
  };
  return made((frame, y, x, channel) => {
    let sum = 0;
    for (const [row, ofRow] of weights(y))
      for (const [column, ofColumn] of weights(x)) sum += ofRow * ofColumn * at(CLIP, frame, top + row, left + column, channel);
    return sum;
  });
}

/** torchvision's adjust_brightness, adjust_contrast and adjust_saturation of float pictures, one after the other. */
function coloured(brightness: number, contrast: number, saturation: number): number[] {
  const blend = (one: number, other: number, ratio: number): number => Math.min(255, Math.max(0, ratio * one + (1 - ratio) * other));
  const grey = (values: readonly number[], pixel: number): number =>
    0.2989 * (values[3 * pixel] ?? NaN) + 0.587 * (values[3 * pixel + 1] ?? NaN) + 0.114 * (values[3 * pixel + 2] ?? NaN);
  return Array.from({ length: FRAMES }, (_, frame) => {
    const bright = [...CLIP.values.subarray(frame * SIZE, (frame + 1) * SIZE)].map((value) => blend(value, 0, brightness));
    const pixels = Array.from({ length: SIZE / 3 }, (_unused, pixel) => pixel);
    const mean = pixels.reduce((sum, pixel) => sum + grey(bright, pixel), 0) / pixels.length;
    const contrasted = bright.map((value) => blend(value, mean, contrast));
    return contrasted.map((value, place) => blend(value, grey(contrasted, Math.floor(place / 3)), saturation));
  }).flat();
}

/** The random numbers that a part draws for the clip, after the one that says whether it is changed. */
function drawsOf(part: string, epoch: number): RandomStream {
  const random = new RandomStream(7, epoch, 3, crc32(part));
  random.uniform();
  return random;
}

describe('the augmentation of pictures', () => {
  it('crop: one square of all frames, anywhere, of sides down to what is left, enlarged bilinearly', () => {
    const squares = epochs.map((epoch) => {
      const random = drawsOf('picture_crop', epoch);
      const size = SIDE - random.below(Math.floor(SIDE * 0.25) + 1);
      const [left, top] = [random.below(SIDE - size + 1), random.below(SIDE - size + 1)];
      const { values, frames } = changed({ name: 'picture_crop', share: 0.25 }, epoch);
      expect(frames).toBe(FRAMES);
      expect(furthest(values, resizedCrop(left, top, size))).toBeLessThan(1e-3);
      return { left, top, size };
    });
    expect(new Set(squares.map(({ size }) => size)).size).toBeGreaterThan(3);
    expect(new Set(squares.map(({ left }) => left)).size).toBeGreaterThan(2);
    expect(new Set(squares.map(({ top }) => top)).size).toBeGreaterThan(2);
  });

  it('colour: brightness, contrast and saturation as torchvision computes them, each by a factor within the change', () => {
    for (const epoch of epochs) {
      const random = drawsOf('picture_colour', epoch);
      const [brightness, contrast, saturation] = [random.uniform(0.8, 1.2), random.uniform(0.8, 1.2), random.uniform(0.8, 1.2)];
      const { values } = changed({ name: 'picture_colour', change: 0.2 }, epoch);
      expect(furthest(values, coloured(brightness, contrast, saturation))).toBeLessThan(1e-3);
    }
  });

  it('mirror: each row from right to left, and twice the clip', () => {
    const mirrored = changed({ name: 'mirror' });
    expect([...mirrored.values]).toEqual(made((frame, y, x, channel) => at(CLIP, frame, y, SIDE - 1 - x, channel)));
    expect(changed({ name: 'mirror' }, 1, mirrored)).toEqual(CLIP);
  });

  it('time_mask: black frames, and the others as they are', () => {
    const { values } = changed({ name: 'time_mask', share: 0.3 });
    const sums = [0, 1, 2].map((frame) => values.subarray(frame * SIZE, (frame + 1) * SIZE).reduce((sum, value) => sum + value, 0));
    expect(sums.filter((sum) => sum === 0)).toHaveLength(1);
  });

  it('leaves the clip that it is given as it is, stays within 0 and 255, and is another in each epoch', () => {
    const parts = [
      { name: 'mirror', p: 0.5 },
      { name: 'picture_crop', p: 0.7, share: 0.3 },
      { name: 'picture_colour', p: 0.7, change: 0.9 },
    ];
    const pipeline = TransformPipeline.of(parts, undefined);
    const all = epochs.map((epoch) => pipeline.apply(CLIP, 3, { seed: 7, epoch }));
    expect(CLIP.values).toEqual(before);
    for (const { values } of all) expect(values.every((value) => value >= 0 && value <= 255)).toBe(true);
    expect(new Set(all.map(({ values }) => values.join())).size).toBeGreaterThan(9);
    expect(pipeline.apply(CLIP, 3, { seed: 7, epoch: 1 })).toEqual(all[0]);
  });

  it('refuses clips that are no pictures', () => {
    expect(() => changed({ name: 'mirror' }, 1, { values: new Float32Array(2 * 2048), frames: 2 })).toThrow(
      'only pictures can be changed so; a frame of these clips is 2048 numbers',
    );
  });
});
