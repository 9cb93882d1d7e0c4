import { HOLISTIC_78 } from '../../../src/config/known-layouts';
import type { FindingCode } from '../../../src/data/checks/findings';
import type { NpyArray } from '../../../src/data/npy-array';
import { RandomStream } from '../../../src/foundation/random';
import { elementAt, required } from '../../../src/foundation/required';
import { WIDTH, writeClip, type MadeClip, type MadeSet, type WrittenClip } from './made-set';

/** A fault that is planted into a copy of the clean set. */
export interface Fault {
  readonly what: string;
  /** What it must be called. */
  readonly code: FindingCode;
  /** @returns the file that must be named, from the set's folder, and that alone. */
  readonly plant: (set: MadeSet) => string;
}

export function fault(what: string, code: FindingCode, plant: (set: MadeSet) => string): Fault {
  return { what, code, plant };
}

/** A fault in the values of one clip, or in the arrays beside them. */
function clipFault(
  what: string,
  code: FindingCode,
  change: (values: Float32Array) => Float32Array,
  arrays: WrittenClip['arrays'] = {},
): Fault {
  return fault(what, code, (set) => {
    const { name, values } = clipWithHands(set);
    return writeClip(set, 'train', name, change(values), { arrays });
  });
}

/** A training clip that shows both hands in nearly all of its frames, so that what becomes of them is seen. */
export function clipWithHands({ clips }: MadeSet): MadeClip {
  const framesWith = ({ values }: MadeClip, point: number): number =>
    values.filter((value, at) => at % WIDTH === 2 * point && value !== 0).length;
  const shown = (clip: MadeClip): number => Math.min(framesWith(clip, 25), framesWith(clip, 46)) / clip.values.length;
  return required(clips.train.toSorted((one, other) => shown(other) - shown(one))[0], 'a training clip');
}

/** A place in a clip's values: frame, key point, x (0) or y (1). */
type Change = (value: number, frame: number, point: number, axis: 0 | 1) => number;

function changed(change: Change): (values: Float32Array) => Float32Array {
  return (values) => values.map((value, at) => change(value, Math.floor(at / WIDTH), Math.floor((at % WIDTH) / 2), at % 2 === 0 ? 0 : 1));
}

/** Points that are missing stay so. */
function moved(change: Change): (values: Float32Array) => Float32Array {
  return changed((value, ...place) => (value === 0 ? 0 : change(value, ...place)));
}

/** Some points keep in some frames the places that they have in the first of these. */
function held(frames: { readonly first: number; readonly last: number }, points: { readonly first: number; readonly last: number }) {
  return (values: Float32Array): Float32Array =>
    changed((value, frame, point, axis) =>
      frame < frames.first || frame > frames.last || point < points.first || point > points.last
        ? value
        : elementAt(values, frames.first * WIDTH + 2 * point + axis),
    )(values);
}

/** The hands' points exchanged from the first frame to another. */
function handsExchanged(last: number) {
  return (values: Float32Array): Float32Array =>
    changed((value, frame, point, axis) =>
      frame > last || !isOfHand(point) ? value : elementAt(values, frame * WIDTH + 2 * (point < 46 ? point + 21 : point - 21) + axis),
    )(values);
}

function isOfHand(point: number): boolean {
  return point >= 25 && point < 67;
}

const same = (values: Float32Array): Float32Array => values;
/** Frames that clips are cut to where the fault lies in an array beside the values. */
const FRAMES = 16;
const cut = (values: Float32Array): Float32Array => values.slice(0, FRAMES * WIDTH);

function times(of: (frame: number) => number): { readonly timestamps_ms: NpyArray } {
  const values = BigInt64Array.from({ length: FRAMES }, (_, frame) => BigInt(of(frame)));
  return { timestamps_ms: { dtype: 'int64', shape: [FRAMES], values } };
}

function meta(json: string): { readonly meta: NpyArray } {
  return { meta: { dtype: 'text', shape: [], values: [json] } };
}

function numbers(...shape: readonly [number, number]): NpyArray {
  return { dtype: 'float32', shape, values: new Float32Array(shape[0] * shape[1]) };
}

const ALL = { first: 0, last: 77 };
const RIGHT_HAND = { first: 46, last: 66 };

/** Several takes without a jump between them: from frame to frame a point goes a little way at most. */
function withoutCuts(values: Float32Array): Float32Array {
  const smooth = values.slice();
  for (let at = WIDTH; at < smooth.length; at++) {
    const [before, value] = [elementAt(smooth, at - WIDTH), elementAt(smooth, at)];
    if (before !== 0 && value !== 0) smooth[at] = before + Math.max(-0.02, Math.min(0.02, value - before));
  }
  return smooth;
}

const trembling = new RandomStream(9);

/** What is wrong with a clip by itself. */
export const CLIP_FAULTS: readonly Fault[] = [
  clipFault('a clip without X', 'missing-array', same, { X: undefined, x: numbers(20, WIDTH) }),
  clipFault('a clip of two hands', 'wrong-shape', same, { X: numbers(20, 126) }),
  clipFault(
    'NaN for a missing point',
    'not-finite',
    changed((value, frame, point) => (frame === 3 && point === 30 ? NaN : value)),
  ),
  clipFault('an order of its own', 'wrong-meta', same, meta('{"order": "face11,pose25,left_hand21,right_hand21"}')),
  clipFault(
    'no key points',
    'no-keypoints',
    changed(() => 0),
  ),
  clipFault('one frame written many times', 'constant-clip', held({ first: 0, last: Infinity }, ALL)),
  clipFault(
    'points beyond the picture',
    'outside-unit',
    moved((value) => value + 0.6),
  ),
  clipFault(
    'pixels',
    'pixels',
    moved((value, _frame, _point, axis) => value * (axis === 0 ? 640 : 480)),
  ),
  clipFault('a film that stopped', 'frozen-frames', held({ first: 4, last: 12 }, ALL)),
  clipFault('frames written twice', 'repeated-frames', (values) =>
    Float32Array.from({ length: 2 * values.length }, (_, at) => elementAt(values, Math.floor(at / (2 * WIDTH)) * WIDTH + (at % WIDTH))),
  ),
  clipFault('a hand that stays', 'frozen-points', held({ first: 4, last: 14 }, RIGHT_HAND)),
  clipFault(
    'a point that never moves',
    'frozen-points',
    changed((value, _frame, point, axis) => (point === 13 ? 0.25 + axis / 2 : value)),
  ),
  clipFault(
    'points that tremble',
    'jitter',
    moved((value) => Math.min(1, Math.max(0.001, value + trembling.normal(0, 0.01)))),
  ),
  clipFault(
    'a jump for one frame',
    'teleport',
    moved((value, frame, _point, axis) => (frame === 8 && axis === 0 ? 0.7 * value : value)),
  ),
  clipFault('hands exchanged for some frames', 'swapped-hands', handsExchanged(5)),
  clipFault('hands exchanged in the whole clip', 'swapped-hands', handsExchanged(Infinity)),
  clipFault(
    'a mirror image',
    'mirrored',
    moved((value, _frame, _point, axis) => (axis === 0 ? 1 - value : value)),
  ),
  clipFault(
    'no hands',
    'no-hands',
    changed((value, _frame, point) => (isOfHand(point) ? 0 : value)),
  ),
  clipFault(
    'hands in few frames',
    'few-hands',
    changed((value, frame, point) => (frame > 5 && isOfHand(point) ? 0 : value)),
  ),
  clipFault(
    'half a body',
    'missing-points',
    changed((value, frame, point) => (point < 25 && (frame % 2 === 1 || point > 12) ? 0 : value)),
  ),
  clipFault('five frames', 'short-clip', (values) => values.slice(4 * WIDTH, 9 * WIDTH)),
  fault('many signs in one clip', 'long-clip', (set) => {
    const takes = set.clips.val.map(({ values }) => moved((value) => 0.95 * value + 0.02)(values));
    const { name } = elementAt(set.clips.train, 0);
    return writeClip(set, 'train', name, withoutCuts(Float32Array.from(takes.flatMap((take) => [...take]))));
  }),
  clipFault(
    'timestamps that go back',
    'odd-timestamps',
    cut,
    times((frame) => (frame === 9 ? 100 : 33 * frame)),
  ),
  clipFault(
    'dropped frames',
    'timestamp-gap',
    cut,
    times((frame) => 33 * frame + (frame > 9 ? 80 : 0)),
  ),
  clipFault(
    'another frame rate',
    'frame-rate',
    cut,
    times((frame) => 50 * frame),
  ),
  clipFault('a mask of another clip', 'odd-mask', same, {
    mask: { dtype: 'bool', shape: [3, HOLISTIC_78.points.length], values: new Uint8Array(3 * HOLISTIC_78.points.length).fill(1) },
  }),
  fault('a mask the wrong way round', 'mask-contradicts-values', (set) => {
    const { name, values } = clipWithHands(set);
    const mask = Uint8Array.from({ length: values.length / 2 }, (_, point) => (values[2 * point] === 0 ? 1 : 0));
    return writeClip(set, 'train', name, values, { mask });
  }),
  clipFault('a meta that is no JSON', 'odd-meta', same, meta("{'gloss': 'HELLO'}")),
  clipFault('a meta of a longer clip', 'meta-contradicts-values', same, meta('{"frames": 99}')),
];
