import { RandomStream } from '../../foundation/random';
import { elementAt, required } from '../../foundation/required';

// Looked up once: where modules run in a realm of their own, each look-up of a global costs more than what it computes.
const { abs, floor, imul, sqrt } = Math;

/** Numbers that a frame is brought down to. */
const PROJECTIONS = 6;
/**
 * How far apart the projections of two clips may be on average to be one clip. Rounding to two digits moves them by 0.0021, to three by 0.0002; of the 390 takes of
 * isl13 the two that are nearest to each other, whatever is cut off either, are 0.0039 apart, of the demo set 0.036.
 */
const SAME = 0.0025;
/** The side of a cell in which frames are looked for that are alike, much larger than what rounding moves. */
const CELL = 0.03;
/** Frames of a clip that others are found by. */
const ANCHORS = 7;
/** Frames in one cell that are compared: where more are alike, people stand still. */
const MOST_CANDIDATES = 60;
/** The share of the shorter clip that must be in the longer one. */
const LEAST_SHARE = 0.7;
/** Fewer frames are too few to call two clips one. */
const FEWEST_FRAMES = 5;

const signsOfWidth = new Map<number, Float32Array>();

/** For every number of a frame and projection 1 or −1, drawn once, over the square root of the frame's width. */
function projectionOf(width: number): Float32Array {
  const known = signsOfWidth.get(width);
  if (known !== undefined) return known;
  const random = new RandomStream(width, 0x70726f6a);
  const factor = 1 / sqrt(width);
  const signs = Float32Array.from({ length: PROJECTIONS * width }, () => (random.uniform() < 0.5 ? -factor : factor));
  signsOfWidth.set(width, signs);
  return signs;
}

/**
 * A few numbers a frame by which a clip is known again though its numbers were rounded or frames were cut off: random projections, which keep distances
 * (Johnson and Lindenstrauss 1984).
 * @returns `[frames, 6]`, row by row.
 */
export function projectFrames(values: Float32Array, width: number): Float32Array {
  const frames = values.length / width;
  const signs = projectionOf(width);
  const projected = new Float32Array(frames * PROJECTIONS);
  for (let frame = 0; frame < frames; frame++) {
    for (let projection = 0; projection < PROJECTIONS; projection++) {
      let sum = 0;
      const [from, sign] = [frame * width, projection * width];
      for (let at = 0; at < width; at++) sum += (values[from + at] ?? NaN) * (signs[sign + at] ?? NaN);
      projected[frame * PROJECTIONS + projection] = sum;
    }
  }
  return projected;
}

/** Two clips that are one but for rounding or cut frames. */
export interface NearPair {
  /** The place of the earlier clip, and of the later. */
  readonly one: number;
  readonly other: number;
  /** Frames that both have. */
  readonly frames: number;
  /** Which frame of the earlier clip is the first of the later one; negative where it is the other way round. */
  readonly offset: number;
  /** How far apart their numbers are, on average. */
  readonly difference: number;
}

/**
 * Finds clips that are one but for rounding or cut frames: for each clip the first of its like. Takes time in proportion to the frames.
 * @param clips the projections of each clip; none for one that is not looked at.
 */
export function findNearPairs(clips: readonly (Float32Array | undefined)[]): NearPair[] {
  const index = new FrameIndex(clips);
  const pairs: NearPair[] = [];
  for (const [other, projections] of clips.entries()) {
    if (projections === undefined || projections.length < FEWEST_FRAMES * PROJECTIONS) continue;
    const pair = firstLike(index, clips, other, projections);
    if (pair !== undefined) pairs.push(pair);
  }
  return pairs;
}

function firstLike(
  index: FrameIndex,
  clips: readonly (Float32Array | undefined)[],
  other: number,
  projections: Float32Array,
): NearPair | undefined {
  const frames = projections.length / PROJECTIONS;
  const tried = new Set<number>();
  let first: NearPair | undefined;
  for (let anchor = 0; anchor < ANCHORS; anchor++) {
    const frame = floor(((anchor + 0.5) * frames) / ANCHORS);
    for (const { clip: one, frame: place } of index.like(projections, frame)) {
      const offset = place - frame;
      const attempt = one * 2 ** 20 + offset;
      if (one >= (first?.one ?? other) || tried.has(attempt)) continue;
      tried.add(attempt);
      const pair = compared(required(clips[one], 'the projections of a clip that was found'), projections, offset);
      if (pair !== undefined) first = { one, other, ...pair };
    }
  }
  return first;
}

/** How alike two clips are where one lies `offset` frames into the other; undefined where they are not. */
function compared(one: Float32Array, other: Float32Array, offset: number): Pick<NearPair, 'frames' | 'offset' | 'difference'> | undefined {
  const [framesOfOne, framesOfOther] = [one.length / PROJECTIONS, other.length / PROJECTIONS];
  const start = Math.max(0, offset);
  const frames = Math.min(framesOfOne, offset + framesOfOther) - start;
  if (frames < FEWEST_FRAMES || frames < LEAST_SHARE * Math.min(framesOfOne, framesOfOther)) return undefined;
  const most = SAME * frames * PROJECTIONS;
  let sum = 0;
  for (let at = start * PROJECTIONS, from = (start - offset) * PROJECTIONS; at < (start + frames) * PROJECTIONS; at++, from++) {
    sum += abs((one[at] ?? NaN) - (other[from] ?? NaN));
    if (!(sum <= most)) return undefined;
  }
  return { frames, offset, difference: sum / (frames * PROJECTIONS) };
}

/** The frames of all clips by the cell of the projections' space that they lie in. */
class FrameIndex {
  /** Of each frame its cell's hash and, behind it, its number: sorted, the frames of a cell lie together. */
  private readonly sorted: Float64Array;
  /** The number of each clip's first frame. */
  private readonly starts: number[] = [];

  constructor(clips: readonly (Float32Array | undefined)[]) {
    let frames = 0;
    for (const clip of clips) {
      this.starts.push(frames);
      frames += (clip?.length ?? 0) / PROJECTIONS;
    }
    if (frames >= MOST_FRAMES) throw new Error(`${frames} frames are more than can be compared`);
    this.sorted = new Float64Array(frames);
    let at = 0;
    for (const clip of clips) {
      if (clip === undefined) continue;
      for (let frame = 0; frame < clip.length / PROJECTIONS; frame++, at++) this.sorted[at] = hashOf(clip, frame) * MOST_FRAMES + at;
    }
    this.sorted.sort();
  }

  /** Frames of the same cell as a frame. */
  like(projections: Float32Array, frame: number): { readonly clip: number; readonly frame: number }[] {
    const hash = hashOf(projections, frame);
    const found: { clip: number; frame: number }[] = [];
    for (let at = this.firstFrom(hash * MOST_FRAMES); at < this.sorted.length && found.length < MOST_CANDIDATES; at++) {
      const key = elementAt(this.sorted, at);
      if (floor(key / MOST_FRAMES) !== hash) break;
      const number = key % MOST_FRAMES;
      const clip = this.clipOf(number);
      found.push({ clip, frame: number - elementAt(this.starts, clip) });
    }
    return found;
  }

  private firstFrom(key: number): number {
    let [low, high] = [0, this.sorted.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (elementAt(this.sorted, middle) < key) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** The clip whose frames a number is among: the last that starts at it or before. */
  private clipOf(number: number): number {
    let [low, high] = [0, this.starts.length];
    while (low + 1 < high) {
      const middle = (low + high) >>> 1;
      if (elementAt(this.starts, middle) <= number) low = middle;
      else high = middle;
    }
    return low;
  }
}

/** Frames that can be told apart in a key beside a hash of 26 bits: a double holds 53. */
const MOST_FRAMES = 2 ** 27;
const HASH_BITS = 26;

/** A hash of the cell that a frame's projections lie in. */
function hashOf(projections: Float32Array, frame: number): number {
  let hash = 0x811c9dc5;
  for (let at = frame * PROJECTIONS; at < (frame + 1) * PROJECTIONS; at++)
    hash = imul(hash ^ floor((projections[at] ?? NaN) / CELL), 0x01000193);
  return (hash ^ (hash >>> 15)) >>> (32 - HASH_BITS);
}
