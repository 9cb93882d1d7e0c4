import { createCanvas, ImageData } from '@napi-rs/canvas';
import type { Clip } from '../../data/clip';
import { elementAt } from '../../foundation/required';
import { lightTheme } from './drawing';
import { bringFontsFor, fontOf } from './fonts';

/** A clip of pictures, `[frames, side, side, 3]` from 0 to 255, and what stands above it. */
export interface ShownPictures extends Clip {
  readonly title: string;
  readonly detail: string;
}

const GAP = 12;
const CAPTION = 24;
const LETTERS = 13;

/**
 * Clips of pictures one below the other, a row of frames each, from the clip's first to its last.
 * @param height of a picture, in pixels.
 * @param most frames of a clip that are shown.
 * @returns the PNG.
 */
export function pictureSheet(clips: readonly ShownPictures[], height: number, most: number): Buffer {
  const columns = Math.min(most, Math.max(...clips.map(({ frames }) => frames)));
  const rowHeight = CAPTION + height + GAP;
  const canvas = createCanvas(GAP + columns * (height + GAP), GAP + clips.length * rowHeight);
  const context = canvas.getContext('2d');
  context.fillStyle = lightTheme.background;
  context.fillRect(0, 0, canvas.width, canvas.height);
  bringFontsFor(clips.map(({ title, detail }) => `${title}${detail}`).join(''));
  context.textBaseline = 'middle';
  clips.forEach((clip, row) => {
    const top = GAP + row * rowHeight;
    context.font = fontOf(LETTERS, 'bold');
    context.fillStyle = lightTheme.text;
    context.fillText(clip.title, GAP, top + CAPTION / 2);
    const titleEnds = GAP + context.measureText(clip.title).width;
    context.font = fontOf(LETTERS, 'normal');
    context.fillStyle = lightTheme.muted;
    context.fillText(clip.detail, titleEnds + GAP, top + CAPTION / 2);
    const count = Math.min(columns, clip.frames);
    for (let place = 0; place < count; place++) {
      const frame = count === 1 ? 0 : Math.round((place * (clip.frames - 1)) / (count - 1));
      const { side, data } = pixelsOfFrame(clip, frame);
      const picture = createCanvas(side, side);
      picture.getContext('2d').putImageData(new ImageData(data, side, side), 0, 0);
      context.drawImage(picture, GAP + place * (height + GAP), top + CAPTION, height, height);
    }
  });
  return canvas.toBuffer('image/png');
}

/** A frame as the canvas takes it: red, green, blue and how opaque, from 0 to 255. */
function pixelsOfFrame({ values, frames }: Clip, frame: number): { readonly side: number; readonly data: Uint8ClampedArray } {
  const size = values.length / frames;
  const pixels = size / 3;
  const data = new Uint8ClampedArray(4 * pixels).fill(255);
  for (let pixel = 0; pixel < pixels; pixel++)
    for (let channel = 0; channel < 3; channel++) data[4 * pixel + channel] = elementAt(values, frame * size + 3 * pixel + channel);
  return { side: Math.sqrt(pixels), data };
}
