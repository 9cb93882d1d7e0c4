import { createCanvas } from '@napi-rs/canvas';
import type { KeypointLayout } from '../../config/keypoint-layout';
import { HOLISTIC_78 } from '../../config/known-layouts';
import type { Clip } from '../../data/clip';
import { boundsOf, drawSkeleton, frameOf, skeletonOf, viewOf, type SkeletonStyle } from './skeleton';

/** Frames of a strip, from the clip's first to its last. */
const FRAMES = 8;
const FRAME = { width: 64, height: 72 };
const RESOLUTION = 2;
/** Room about a figure, as a share of the larger of its sides. */
const ROOM = 0.06;

/** Colours that are seen on a light page and on a dark one. */
const STYLE: SkeletonStyle = {
  colours: { left_hand: '#d9822b', right_hand: '#3d8fd1', other: '#7d8794' },
  thickness: { left_hand: 1, right_hand: 1, face: 0.8, other: 1.6 },
  pointSize: 1.4,
};

/** Draws a clip of key points as a row of skeletons, from its first frame to its last, on nothing: it lies on a page of any colour. @returns the PNG. */
export function clipStrip({ values, frames }: Clip, layout: KeypointLayout = HOLISTIC_78): Buffer {
  const skeleton = skeletonOf(layout, STYLE);
  const count = Math.min(FRAMES, frames);
  const canvas = createCanvas(FRAMES * FRAME.width * RESOLUTION, FRAME.height * RESOLUTION);
  const context = canvas.getContext('2d');
  context.scale(RESOLUTION, RESOLUTION);
  context.lineCap = 'round';
  context.lineJoin = 'round';
  const view = viewOf(boundsOf(values, layout), FRAME, ROOM);
  for (let place = 0; place < count; place++) {
    const frame = count === 1 ? 0 : Math.round((place * (frames - 1)) / (count - 1));
    drawSkeleton(context, frameOf(values, layout, frame), skeleton, view);
    context.translate(FRAME.width, 0);
  }
  return canvas.toBuffer('image/png');
}
