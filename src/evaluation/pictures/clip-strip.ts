import { createCanvas, type SKRSContext2D } from '@napi-rs/canvas';
import { KEYPOINT_WIDTH } from '../../config/data-settings';
import type { Clip } from '../../data/clip';
import { isMissing, KEYPOINT_GROUPS } from '../../data/keypoints';
import { elementAt } from '../../foundation/required';

/** Frames of a strip, from the clip's first to its last. */
const FRAMES = 8;
const FRAME = { width: 64, height: 72 };
const RESOLUTION = 2;
/** Room about a figure, as a share of the larger of its sides. */
const ROOM = 0.06;

/** Chains of key points that bones join, counted from the first of their group. */
const POSE = [
  [11, 12],
  [15, 13, 11, 23, 24, 12, 14, 16],
];
const HAND = [
  [4, 3, 2, 1, 0, 5, 6, 7, 8],
  [5, 9, 10, 11, 12],
  [9, 13, 14, 15, 16],
  [13, 17, 18, 19, 20],
  [17, 0],
];
/** Colours that are seen on a light page and on a dark one. */
const PARTS = [
  { chains: POSE, first: KEYPOINT_GROUPS.pose, colour: '#7d8794', thickness: 1.6 },
  { chains: HAND, first: KEYPOINT_GROUPS.leftHand, colour: '#d9822b', thickness: 1 },
  { chains: HAND, first: KEYPOINT_GROUPS.rightHand, colour: '#3d8fd1', thickness: 1 },
] as const;
const FACE = { first: KEYPOINT_GROUPS.face, colour: '#7d8794', size: 1.4 };

/** Draws a clip of key points as a row of skeletons, from its first frame to its last, on nothing: it lies on a page of any colour. @returns the PNG. */
export function clipStrip({ values, frames }: Clip): Buffer {
  const count = Math.min(FRAMES, frames);
  const canvas = createCanvas(FRAMES * FRAME.width * RESOLUTION, FRAME.height * RESOLUTION);
  const context = canvas.getContext('2d');
  context.scale(RESOLUTION, RESOLUTION);
  context.lineCap = 'round';
  context.lineJoin = 'round';
  const box = boxOf(values);
  for (let place = 0; place < count; place++) {
    const frame = count === 1 ? 0 : Math.round((place * (frames - 1)) / (count - 1));
    drawFigure(context, values.subarray(frame * KEYPOINT_WIDTH, (frame + 1) * KEYPOINT_WIDTH), box);
    context.translate(FRAME.width, 0);
  }
  return canvas.toBuffer('image/png');
}

/** What of the plane a figure is shown of: all frames of a clip alike, so that movement is seen. */
interface Box {
  readonly left: number;
  readonly top: number;
  readonly scale: number;
}

function boxOf(values: Float32Array): Box {
  let [left, top, right, bottom] = [Infinity, Infinity, -Infinity, -Infinity];
  for (let at = 0; at < values.length; at += 2) {
    if (isMissing(values, at)) continue;
    const [x, y] = [elementAt(values, at), elementAt(values, at + 1)];
    [left, right] = [Math.min(left, x), Math.max(right, x)];
    [top, bottom] = [Math.min(top, y), Math.max(bottom, y)];
  }
  const room = ROOM * Math.max(right - left, bottom - top, Number.MIN_VALUE);
  const [width, height] = [right - left + 2 * room, bottom - top + 2 * room];
  const scale = Math.min(FRAME.width / width, FRAME.height / height);
  return { left: left - room - (FRAME.width / scale - width) / 2, top: top - room - (FRAME.height / scale - height) / 2, scale };
}

function drawFigure(context: SKRSContext2D, frame: Float32Array, { left, top, scale }: Box): void {
  const placeOf = (point: number): readonly [x: number, y: number] | undefined =>
    isMissing(frame, 2 * point)
      ? undefined
      : [(elementAt(frame, 2 * point) - left) * scale, (elementAt(frame, 2 * point + 1) - top) * scale];
  for (const { chains, first, colour, thickness } of PARTS) {
    context.strokeStyle = colour;
    context.lineWidth = thickness;
    context.beginPath();
    for (const chain of chains) {
      chain.slice(1).forEach((point, bone) => {
        const [from, to] = [placeOf(first + elementAt(chain, bone)), placeOf(first + point)];
        if (from === undefined || to === undefined) return;
        context.moveTo(...from);
        context.lineTo(...to);
      });
    }
    context.stroke();
  }
  context.fillStyle = FACE.colour;
  for (let point = FACE.first; point < KEYPOINT_WIDTH / 2; point++) {
    const place = placeOf(point);
    if (place !== undefined) context.fillRect(place[0] - FACE.size / 2, place[1] - FACE.size / 2, FACE.size, FACE.size);
  }
}
