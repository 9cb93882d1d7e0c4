import { widthOfLayout, type KeypointLayout, type KeypointPart } from '../../config/keypoint-layout';
import { elementAt, required } from '../../foundation/required';
import { longestRun, medianOf, percentileOf, type Run } from './robust-figures';

// Looked up once: where modules run in a realm of their own, each look-up of a global costs more than what it computes.
const { sqrt } = Math;

/** How a clip's points move. Lengths are in widths of the signer's shoulders, so that it makes no difference how near the camera stood. */
export interface ClipMovement {
  /** The width of the shoulders as a share of the picture, the median over the frames; NaN where no frame shows them: then no lengths are measured. */
  readonly shoulders: number;
  /** Of each part the share of its points that are missing, over all frames. */
  readonly missing: Readonly<Record<string, number>>;
  /** Of each part that is seen, how much its points tremble: the lower quartile of their accelerations, from frame to frame. */
  readonly tremor: Readonly<Record<string, number>>;
  /** Of each part that is seen, the longest way that it goes from one frame to the next, and to which frame. */
  readonly jump: Readonly<Record<string, { readonly distance: number; readonly frame: number }>>;
  /** The longest run of frames that are the same in all their numbers, where others are not. */
  readonly frozenFrames: Run | undefined;
  /** Share of the frames that are the same as the frame before. */
  readonly repeated: number;
  /** Of each part the longest run of frames in which all its points stay where they are while those of another part move. */
  readonly frozenParts: Readonly<Record<string, Run>>;
  /** Points that are in the same place in all frames that show them, while the rest moves. */
  readonly frozenPoints: readonly string[];
  /** Frames in which the points of the left hand lie at the right wrist and the other way round: how many, and the longest run of them. */
  readonly swapped: { readonly frames: number; readonly compared: number; readonly longest: Run | undefined };
  /** Share of the frames in which the left shoulder is on the picture's left, where it is seen from behind or in a mirror alone. */
  readonly mirrored: number;
  /** Share of the frames that show a hand; undefined of a layout without hands. */
  readonly withHands: number | undefined;
}

/** Frames that a point must be seen in before it is called frozen: a quarter of a second. */
const FROZEN_POINT_FRAMES = 8;

/** Frames that a part must be seen in, with both neighbours, before its trembling is measured: in fewer one jump would be half of it. */
const TREMOR_FRAMES = 6;

/** The share of the accelerations that trembling leaves none below: a movement or a jump, however fast, leaves a quarter of points and frames steady. */
const TREMOR_SHARE = 0.25;

/**
 * Of two wrists and a hand it is certain whose it is where one is nearer by this much, in widths of the shoulders, and at most half as far away as the other:
 * hands that touch are either's.
 */
const SURELY_NEARER = 0.5;

/** Measures how the points of a clip `[frames, width]` move. */
export function measureMovement(values: Float32Array, layout: KeypointLayout): ClipMovement {
  const clip = new ClipPoints(values, layout);
  const shoulders = clip.shoulderWidth();
  const seen = layout.parts.filter((part) => clip.shareMissing(part) < 1);
  const frozen = frozenRuns(clip, layout.parts);
  return {
    shoulders,
    missing: byPart(layout.parts, (part) => clip.shareMissing(part)),
    tremor: byPart(seen, (part) => tremorOf(clip, part) / shoulders),
    jump: byPart(seen, (part) => jumpOf(clip, part, shoulders)),
    ...frozen,
    frozenPoints: frozenPointsOf(clip, layout),
    swapped: swappedHands(clip, shoulders),
    mirrored: shareMirrored(clip, shoulders),
    withHands: shareWithHands(clip, layout),
  };
}

function byPart<Value>(parts: readonly KeypointPart[], measure: (part: KeypointPart) => Value | undefined): Record<string, Value> {
  return Object.fromEntries(
    parts.flatMap((part): [string, Value][] => {
      const value = measure(part);
      return value === undefined || Number.isNaN(value) ? [] : [[part.name, value]];
    }),
  );
}

/** Math.hypot guards against overflow, and takes many times as long. */
function lengthOf(x: number, y: number): number {
  return sqrt(x * x + y * y);
}

/** The points of a clip: where they are in the picture's plane, and whether they were found. */
class ClipPoints {
  readonly frames: number;
  readonly points: number;
  private readonly x: Float32Array;
  private readonly y: Float32Array;
  private readonly found: Uint8Array;
  private readonly places: ReadonlyMap<string, number>;

  constructor(
    values: Float32Array,
    readonly layout: KeypointLayout,
  ) {
    const { dimensions } = layout;
    this.points = layout.points.length;
    this.frames = values.length / widthOfLayout(layout);
    const count = this.frames * this.points;
    [this.x, this.y, this.found] = [new Float32Array(count), new Float32Array(count), new Uint8Array(count)];
    for (let at = 0, from = 0; at < count; at++, from += dimensions) {
      const x = values[from] ?? NaN;
      const y = values[from + 1] ?? NaN;
      this.x[at] = x;
      this.y[at] = y;
      this.found[at] = x !== 0 || y !== 0 || (dimensions === 3 && values[from + 2] !== 0) ? 1 : 0;
    }
    this.places = new Map(layout.points.map((name, place) => [name, place]));
  }

  /** The place of a point, by the name that MediaPipe or that others give it; undefined where the layout has none. */
  placeOf(name: string, otherwise = name): number | undefined {
    return this.places.get(name) ?? this.places.get(otherwise);
  }

  isFound(frame: number, point: number): boolean {
    return this.found[frame * this.points + point] === 1;
  }

  xOf(frame: number, point: number): number {
    return this.x[frame * this.points + point] ?? NaN;
  }

  /** How far two points of a frame, or a point and another frame's, are apart. */
  distance(frame: number, point: number, otherPoint: number, otherFrame = frame): number {
    const at = frame * this.points + point;
    const other = otherFrame * this.points + otherPoint;
    return lengthOf((this.x[at] ?? NaN) - (this.x[other] ?? NaN), (this.y[at] ?? NaN) - (this.y[other] ?? NaN));
  }

  /** How much the way from the frame before differs from the way to the next: the acceleration. */
  acceleration(frame: number, point: number): number {
    const at = frame * this.points + point;
    const before = at - this.points;
    const after = at + this.points;
    return lengthOf(
      (this.x[after] ?? NaN) - 2 * (this.x[at] ?? NaN) + (this.x[before] ?? NaN),
      (this.y[after] ?? NaN) - 2 * (this.y[at] ?? NaN) + (this.y[before] ?? NaN),
    );
  }

  /** Whether a point is in the very place of the frame before, found or missing in both. */
  stays(frame: number, point: number): boolean {
    const at = frame * this.points + point;
    const before = at - this.points;
    return this.x[at] === this.x[before] && this.y[at] === this.y[before] && this.found[at] === this.found[before];
  }

  /** Whether a point lies in a corner of the picture, where points beyond it are clamped. */
  isCorner(frame: number, point: number): boolean {
    const at = frame * this.points + point;
    const x = this.x[at];
    const y = this.y[at];
    return (x === 0 || x === 1) && (y === 0 || y === 1);
  }

  isPartFound(frame: number, { first, count }: KeypointPart): boolean {
    for (let point = first; point < first + count; point++) if (this.isFound(frame, point)) return true;
    return false;
  }

  shareMissing({ first, count }: KeypointPart): number {
    let missing = 0;
    for (let frame = 0; frame < this.frames; frame++)
      for (let point = first; point < first + count; point++) if (!this.isFound(frame, point)) missing++;
    return missing / (this.frames * count);
  }

  /** The median over the frames that show both; NaN where none does, or the layout has none. */
  shoulderWidth(): number {
    const left = this.placeOf('pose_11', 'left_shoulder');
    const right = this.placeOf('pose_12', 'right_shoulder');
    if (left === undefined || right === undefined) return NaN;
    const widths: number[] = [];
    for (let frame = 0; frame < this.frames; frame++)
      if (this.isFound(frame, left) && this.isFound(frame, right)) widths.push(this.distance(frame, left, right));
    const width = medianOf(widths);
    return width > 0 ? width : NaN;
  }
}

function tremorOf(clip: ClipPoints, { first, count }: KeypointPart): number {
  const accelerations = new Float64Array(clip.frames * count);
  let measured = 0;
  for (let frame = 1; frame + 1 < clip.frames; frame++) {
    for (let point = first; point < first + count; point++) {
      if (clip.isFound(frame - 1, point) && clip.isFound(frame, point) && clip.isFound(frame + 1, point))
        accelerations[measured++] = clip.acceleration(frame, point);
    }
  }
  return measured < TREMOR_FRAMES * count ? NaN : percentileOf(accelerations.subarray(0, measured).sort(), TREMOR_SHARE);
}

function jumpOf(clip: ClipPoints, { first, count }: KeypointPart, shoulders: number): { distance: number; frame: number } | undefined {
  let jump: { distance: number; frame: number } | undefined;
  const ways = new Float64Array(count);
  for (let frame = 1; frame < clip.frames; frame++) {
    let measured = 0;
    for (let point = first; point < first + count; point++)
      if (clip.isFound(frame - 1, point) && clip.isFound(frame, point)) ways[measured++] = clip.distance(frame, point, point, frame - 1);
    const distance = percentileOf(ways.subarray(0, measured).sort(), 0.5) / shoulders;
    if (distance > (jump?.distance ?? -1)) jump = { distance, frame };
  }
  return jump;
}

function frozenRuns(clip: ClipPoints, parts: readonly KeypointPart[]): Pick<ClipMovement, 'frozenFrames' | 'repeated' | 'frozenParts'> {
  const stays = parts.map(({ first, count }) =>
    stepsOf(clip, (frame) => {
      for (let point = first; point < first + count; point++) if (!clip.stays(frame, point)) return false;
      return true;
    }),
  );
  const all = stepsOf(clip, (frame) => stays.every((part) => part[frame] === true) && parts.some((part) => clip.isPartFound(frame, part)));
  const repeated = all.filter((is) => is).length / clip.frames;
  const isWhole = repeated * clip.frames === clip.frames - 1;
  return {
    frozenFrames: isWhole ? undefined : longestRun(all, 1),
    repeated: isWhole ? 0 : repeated,
    frozenParts: Object.fromEntries(
      parts.flatMap((part, place): [string, Run][] => {
        const still = stepsOf(
          clip,
          (frame) => elementAt(stays, place)[frame] === true && all[frame] !== true && clip.isPartFound(frame, part),
        );
        const run = longestRun(still, 1);
        return run === undefined ? [] : [[part.name, run]];
      }),
    ),
  };
}

/** Of every frame whether something is so of the step that leads to it; of the first frame it is not. */
function stepsOf(clip: ClipPoints, is: (frame: number) => boolean): boolean[] {
  return Array.from({ length: clip.frames }, (_, frame) => frame > 0 && is(frame));
}

function frozenPointsOf(clip: ClipPoints, { points }: KeypointLayout): string[] {
  const still: string[] = [];
  let moving = 0;
  for (const [point, name] of points.entries()) {
    let [seen, moved, inCorner] = [0, false, true];
    let last: number | undefined;
    for (let frame = 0; frame < clip.frames; frame++) {
      if (!clip.isFound(frame, point)) continue;
      seen++;
      inCorner &&= clip.isCorner(frame, point);
      if (last !== undefined && clip.distance(frame, point, point, last) > 0) moved = true;
      last = frame;
    }
    if (moved) moving++;
    else if (seen >= FROZEN_POINT_FRAMES && 2 * seen >= clip.frames && !inCorner) still.push(name);
  }
  return moving > 0 ? still : [];
}

function swappedHands(clip: ClipPoints, shoulders: number): ClipMovement['swapped'] {
  const [leftWrist, rightWrist] = [clip.placeOf('pose_15', 'left_wrist'), clip.placeOf('pose_16', 'right_wrist')];
  const [leftHand, rightHand] = [clip.placeOf('left_hand_0'), clip.placeOf('right_hand_0')];
  if (leftWrist === undefined || rightWrist === undefined || leftHand === undefined || rightHand === undefined)
    return { frames: 0, compared: 0, longest: undefined };
  let compared = 0;
  const isSwapped = Array.from({ length: clip.frames }, (_, frame) => {
    if (!clip.isFound(frame, leftWrist) || !clip.isFound(frame, rightWrist)) return false;
    const hands = [
      { hand: leftHand, own: leftWrist, other: rightWrist },
      { hand: rightHand, own: rightWrist, other: leftWrist },
    ].filter(({ hand }) => clip.isFound(frame, hand));
    if (hands.length === 0) return false;
    compared++;
    return hands.every(({ hand, own, other }) => {
      const [toOwn, toOther] = [clip.distance(frame, hand, own) / shoulders, clip.distance(frame, hand, other) / shoulders];
      return toOwn - toOther > SURELY_NEARER && toOther < toOwn / 2;
    });
  });
  return { frames: isSwapped.filter((is) => is).length, compared, longest: longestRun(isSwapped, 0) };
}

function shareMirrored(clip: ClipPoints, shoulders: number): number {
  const [left, right] = [clip.placeOf('pose_11', 'left_shoulder'), clip.placeOf('pose_12', 'right_shoulder')];
  if (left === undefined || right === undefined) return 0;
  let [seen, mirrored] = [0, 0];
  for (let frame = 0; frame < clip.frames; frame++) {
    if (!clip.isFound(frame, left) || !clip.isFound(frame, right)) continue;
    seen++;
    if (clip.xOf(frame, left) < clip.xOf(frame, right) - 0.2 * shoulders) mirrored++;
  }
  return seen === 0 ? 0 : mirrored / seen;
}

function shareWithHands(clip: ClipPoints, { parts }: KeypointLayout): number | undefined {
  const hands = parts.filter(({ name }) => name === 'left_hand' || name === 'right_hand');
  if (hands.length === 0) return undefined;
  let shown = 0;
  for (let frame = 0; frame < clip.frames; frame++) if (hands.some((hand) => clip.isPartFound(frame, hand))) shown++;
  return shown / required(clip.frames, 'the frames of a clip');
}
