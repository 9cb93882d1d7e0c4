import { createCanvas, type Canvas } from '@napi-rs/canvas';
import type { Clip } from '../../data/clip';
import { UserError } from '../../foundation/errors';
import { elementAt, required } from '../../foundation/required';
import { shortText } from '../../foundation/text';
import type { ShownClip } from '../shown-clip';
import type { PictureSize } from './canvas';
import { lightTheme } from './drawing';
import { bringFontsFor, fontOf } from './fonts';
import { boundsOf, drawSkeleton, frameOf, skeletonOf, viewOf, type Skeleton, type SkeletonStyle, type View } from './skeleton';

/** Red pose, blue left hand, green right hand, orange face. */
const STYLE: SkeletonStyle = {
  colours: { pose: '#d13b40', left_hand: '#2f6fdb', right_hand: '#218a4b', face: '#d97a16', other: '#d13b40' },
  thickness: { pose: 3.2, left_hand: 2, right_hand: 2, face: 1.4, other: 3.2 },
  dots: { pose: 3.4, left_hand: 2.4, right_hand: 2.4, face: 2.2, other: 3 },
  pointSize: 3,
};

/** The height that sizes of lines and letters are meant for, in pixels; they grow with the picture. */
const USUAL_HEIGHT = 360;
const ROOM = 0.08;
const CAPTION = 26;
const LETTERS = 13;
/** A figure's picture is no narrower and no wider than this many times its height. */
const SHAPES = { narrowest: 0.75, widest: 1.8 };

/** Draws single frames of a clip, all in one view and size. */
export class ClipPainter {
  /** Of a frame with its captions, in pixels. */
  readonly size: PictureSize;
  private readonly scale: number;
  private readonly figure: PictureSize;
  private readonly skeleton: Skeleton;
  private readonly view: View;

  /**
   * @param height of the figure, in pixels; its captions come on top.
   * @param inView what the view holds: the clip itself, or more than it.
   */
  constructor(
    private readonly clip: ShownClip,
    height: number,
    inView: Clip = clip,
  ) {
    this.scale = height / USUAL_HEIGHT;
    const bounds = boundsOf(inView.values, clip.layout);
    const shape = bounds.height === 0 ? 1 : (bounds.width * clip.aspect) / bounds.height;
    const width = USUAL_HEIGHT * Math.min(SHAPES.widest, Math.max(SHAPES.narrowest, shape));
    this.figure = { width, height: USUAL_HEIGHT };
    this.size = { width: even(width * this.scale), height: even((USUAL_HEIGHT + 2 * CAPTION) * this.scale) };
    this.skeleton = skeletonOf(clip.layout, STYLE);
    this.view = viewOf(bounds, this.figure, ROOM, clip.aspect);
    bringFontsFor(`${clip.name}${clip.gloss ?? ''}`);
  }

  /** Draws a frame with its captions on a canvas of {@link size}. */
  paint(canvas: Canvas, frame: number): void {
    const { clip, figure } = this;
    const context = canvas.getContext('2d');
    context.resetTransform();
    context.fillStyle = lightTheme.background;
    context.fillRect(0, 0, canvas.width, canvas.height);
    context.scale(this.scale, this.scale);
    context.lineCap = 'round';
    context.lineJoin = 'round';
    context.save();
    context.translate(0, CAPTION);
    const points = clip.layout.points.length;
    drawSkeleton(
      context,
      frameOf(clip.values, clip.layout, frame),
      this.skeleton,
      this.view,
      (point) => clip.mask?.[frame * points + point] === 0,
    );
    context.restore();
    context.textBaseline = 'middle';
    const write = (text: string, y: number, align: 'left' | 'right', weight: 'normal' | 'bold', colour: string): void => {
      context.font = fontOf(LETTERS, weight);
      context.fillStyle = colour;
      context.textAlign = align;
      context.fillText(
        fitting(text, figure.width * 0.55, (shown) => context.measureText(shown).width),
        align === 'left' ? 8 : figure.width - 8,
        y,
      );
    };
    const seconds = (elementAt(clip.timestampsMs, frame) - elementAt(clip.timestampsMs, 0)) / 1000;
    if (clip.gloss !== undefined) write(clip.gloss, CAPTION / 2, 'left', 'bold', lightTheme.text);
    write(clip.name, CAPTION / 2, clip.gloss === undefined ? 'left' : 'right', 'normal', lightTheme.muted);
    const bottom = CAPTION * 1.5 + USUAL_HEIGHT;
    write(`frame ${frame + 1} of ${clip.frames}`, bottom, 'left', 'normal', lightTheme.muted);
    write(`${seconds.toFixed(2)} s`, bottom, 'right', 'normal', lightTheme.muted);
  }
}

/** Encoders want even sides. */
function even(length: number): number {
  return 2 * Math.round(length / 2);
}

/** A text as long as its room allows. */
function fitting(text: string, room: number, widthOf: (shown: string) => number): string {
  let shown = text;
  for (let length = text.length; widthOf(shown) > room && length > 1; length--) shown = shortText(text, length);
  return shown;
}

/** Browsers show a shorter delay as a longer one. */
const LEAST_DELAY = 2;

/** A frame of an animation, and how long it is shown, in hundredths of a second. */
export interface ShownFrame {
  readonly frame: number;
  readonly delay: number;
}

/**
 * Which frames an animation shows and for how long: what rounding takes from one is given to the next, so that the whole lasts as long as the clip; a frame for which
 * there is no time is passed over. The last one is shown as long as frames are on average.
 * @param timestampsMs of each frame, never going back.
 * @param speed how many times as fast as the clip.
 */
export function animationPlan(timestampsMs: readonly number[], speed: number): ShownFrame[] {
  const [first, last] = [elementAt(timestampsMs, 0), required(timestampsMs.at(-1), 'the last timestamp')];
  const usual = timestampsMs.length < 2 ? 1000 : Math.max((last - first) / (timestampsMs.length - 1), 1);
  const moments = [...timestampsMs, last + usual].map((moment) => Math.round((moment - first) / speed / 10));
  const plan: ShownFrame[] = [];
  let from = 0;
  for (let frame = 0; frame < timestampsMs.length;) {
    let next = frame + 1;
    while (next < timestampsMs.length && elementAt(moments, next) - from < LEAST_DELAY) next++;
    const until = Math.max(elementAt(moments, next), from + LEAST_DELAY);
    plan.push({ frame, delay: until - from });
    from = until;
    frame = next;
  }
  return plan;
}

/** Bytes that the pixels of a film may take: all of its frames are encoded at once. */
const MOST_PIXEL_BYTES = 600_000_000;

/**
 * A clip as an animated GIF that plays over and over.
 * @throws UserError where its frames are too many for their size.
 */
export async function clipGif(clip: ShownClip, height: number, speed: number): Promise<Buffer> {
  const { default: sharp } = await import('sharp'); // With its native library: only when it is needed.
  const painter = new ClipPainter(clip, height);
  const { width, height: whole } = painter.size;
  const plan = animationPlan(clip.timestampsMs, speed);
  const bytes = 4 * width * whole;
  if (bytes * plan.length > MOST_PIXEL_BYTES)
    throw new UserError(
      `${clip.name}: ${plan.length} frames of ${width} × ${whole} pixels are too much for one film; give a smaller --size, or cut the clip`,
    );
  const canvas = createCanvas(width, whole);
  const pixels = Buffer.alloc(bytes * plan.length);
  plan.forEach(({ frame }, place) => {
    painter.paint(canvas, frame);
    pixels.set(canvas.getContext('2d').getImageData(0, 0, width, whole).data, bytes * place);
  });
  // A higher effort takes four times as long, and saves nothing.
  return sharp(pixels, { raw: { width, height: whole * plan.length, channels: 4, pageHeight: whole } })
    .gif({ delay: plan.map(({ delay }) => 10 * delay), loop: 0, effort: 1 })
    .toBuffer();
}

const SHEET_GAP = 12;

/**
 * Frames of clips side by side, from each clip's first to its last: a row of rows for one clip, a row each for several.
 * @param most frames of a clip that are shown.
 * @param inView what the view of all holds; each has its own where it is left out.
 * @returns the PNG.
 */
export function clipSheet(clips: readonly ShownClip[], height: number, most: number, inView?: Clip): Buffer {
  const columns = clips.length === 1 ? Math.ceil(Math.sqrt(most)) : most;
  const strips = clips.flatMap((clip) => {
    const painter = new ClipPainter(clip, height, inView);
    const count = Math.min(most, clip.frames);
    const frames = Array.from({ length: count }, (_, place) => (count === 1 ? 0 : Math.round((place * (clip.frames - 1)) / (count - 1))));
    return Array.from({ length: Math.ceil(count / columns) }, (_, row) => ({
      painter,
      frames: frames.slice(row * columns, (row + 1) * columns),
    }));
  });
  const width = Math.max(...strips.map(({ painter, frames }) => frames.length * (painter.size.width + SHEET_GAP) + SHEET_GAP));
  const whole = strips.reduce((sum, { painter }) => sum + painter.size.height + SHEET_GAP, SHEET_GAP);
  const sheet = createCanvas(width, whole);
  const context = sheet.getContext('2d');
  context.fillStyle = lightTheme.grid;
  context.fillRect(0, 0, width, whole);
  let top = SHEET_GAP;
  for (const { painter, frames } of strips) {
    const canvas = createCanvas(painter.size.width, painter.size.height);
    frames.forEach((frame, place) => {
      painter.paint(canvas, frame);
      context.drawImage(canvas, SHEET_GAP + place * (painter.size.width + SHEET_GAP), top);
    });
    top += painter.size.height + SHEET_GAP;
  }
  return sheet.toBuffer('image/png');
}
