import { FACE_LANDMARKS } from '../../config/known-layouts';
import { UserError } from '../../foundation/errors';
import { elementAt, required } from '../../foundation/required';
import { PARTS, partNamed, type LandmarkClip, type PartName } from './landmarks';

/** Numbers of a frame that follow each other and are one part. */
interface Segment {
  readonly part: PartName;
  /** Which landmarks of the part, in their order. */
  readonly landmarks: readonly number[];
  /** 2: x, y. 3: x, y, z. 4: x, y, z, visibility. */
  readonly numbers: number;
}

/** What the numbers of a frame are. */
export interface FrameShape {
  readonly segments: readonly Segment[];
  /** In words, as `pose 33 × (x, y, z, visibility), hands 42 × (x, y, z)`. */
  readonly words: string;
}

/** Sets of parts that are widespread, in the order that they are tried where the number of numbers leaves it open. */
const SETS_OF_PARTS: readonly (readonly PartName[])[] = [
  ['pose', 'face', 'left_hand', 'right_hand'],
  ['pose', 'left_hand', 'right_hand'],
  ['left_hand', 'right_hand'],
  ['face', 'left_hand', 'right_hand'],
  ['pose'],
  ['right_hand'],
  ['face'],
  ['pose', 'face'],
  ['pose', 'right_hand'],
];

const FACE_SIZES = [468, 478] as const;
/** Numbers a landmark of the pose and of the others: the pose alone has a visibility. */
const NUMBERS = [
  [4, 3],
  [3, 3],
  [2, 2],
  [4, 4],
] as const;

const NUMBERS_IN_WORDS: Readonly<Record<number, string>> = { 2: 'x, y', 3: 'x, y, z', 4: 'x, y, z, visibility' };

/** The rows of a frame in the Kaggle contest of isolated signs, 543 points: face, left hand, pose, right hand. */
const CONTEST_ORDER: readonly PartName[] = ['face', 'left_hand', 'pose', 'right_hand'];
const HOLISTIC_POINTS = 543;

/** The widths of a frame that are known, with what they are. */
const SHAPES: ReadonlyMap<string, FrameShape> = knownShapes();

/**
 * What the numbers of a clip's frames are, by how many there are.
 * @param shape the lengths of a frame's axes: `[1662]`, or `[75, 3]` for points.
 * @param order the parts in the order that they follow each other, where it is not the usual one.
 * @throws UserError where that is nothing known.
 */
export function frameShapeOf(shape: readonly number[], order?: readonly PartName[]): FrameShape {
  const width = shape.reduce((product, length) => product * length, 1);
  const numbers = shape.length > 1 ? shape.at(-1) : undefined;
  const found = order === undefined ? SHAPES.get(keyOf(width, numbers)) : orderedShape(order, width, numbers);
  if (found !== undefined) return found;
  const frame = shape.length > 1 ? `frames of [${shape.join(', ')}]` : `frames of ${width} numbers`;
  throw new UserError(
    order === undefined
      ? `${frame}, which are none of the layouts that are known (${KNOWN_WIDTHS}); where the parts follow in an order of their own, --order says it`
      : `${frame}, which --order ${order.join(',')} does not fit: pose 33, face 468 or 478, hands 21, each × 2, 3 or 4 numbers`,
  );
}

/** What is said of a source by the shape of its frames: what they are, or that nobody knows. */
export function describedShape(source: string, shape: readonly number[]): { readonly found: string; readonly unknown?: string } {
  const found = `${source}, frames of [${shape.join(', ')}]`;
  try {
    return { found: `${found}: ${frameShapeOf(shape).words}` };
  } catch (error) {
    if (error instanceof UserError) return { found, unknown: error.message };
    throw error;
  }
}

const KNOWN_WIDTHS = '1662, 1629, 1086, 258, 225, 150, 126, 84, 63 or 42 numbers, or 543, 75, 42, 33 or 21 points of 2 or 3';

/**
 * The order of the parts that was given, as `pose,left_hand,right_hand`.
 * @throws UserError for a name that is no part, or one that is there twice.
 */
export function orderOfParts(text: string): PartName[] {
  const names = text.split(',').map((name) => name.trim());
  const parts = names.map((name) => {
    const part = partNamed(name);
    if (part === undefined) throw new UserError(`--order: "${name}" is no part; expected some of ${PARTS.join(', ')}, parted by commas`);
    return part;
  });
  const twice = parts.find((part, place) => parts.indexOf(part) !== place);
  if (twice !== undefined) throw new UserError(`--order: ${twice} is there twice; name each part once`);
  return parts;
}

/**
 * Puts the numbers of frames into the parts of a clip.
 * @param values `[frames, width]`, NaN or zeros where something was not found.
 * @param from the first frame of the clip that they are.
 */
export function fillFrames(clip: LandmarkClip, values: ArrayLike<number>, shape: FrameShape, from = 0): void {
  const width = widthOf(shape);
  const frames = values.length / width;
  for (let frame = 0; frame < frames; frame++) {
    let at = frame * width;
    for (const { part, landmarks, numbers } of shape.segments) {
      const track = clip.track(part);
      for (const landmark of landmarks) {
        track.set(from + frame, landmark, elementAt(values, at), elementAt(values, at + 1), numbers > 2 ? elementAt(values, at + 2) : NaN);
        if (numbers === 4) track.setVisibility(from + frame, landmark, elementAt(values, at + 3));
        at += numbers;
      }
    }
  }
}

/** Numbers a frame. */
function widthOf({ segments }: FrameShape): number {
  return segments.reduce((sum, { landmarks, numbers }) => sum + landmarks.length * numbers, 0);
}

/**
 * Of 543 points the order that their values show. Where the pose comes first, as MediaPipe Holistic names its parts, points 0 to 32 are spread over the whole body
 * and far wider than those of the face behind them; in the contest's order they are points of the face as well.
 * @param values `[frames, 543 × numbers]`.
 */
export function orderByValues(values: ArrayLike<number>, numbers: number): readonly PartName[] | undefined {
  const width = HOLISTIC_POINTS * numbers;
  const [pose, face] = [spreadOf(values, width, 0, 33, numbers), spreadOf(values, width, 33, 467, numbers)];
  return pose <= 1.5 * face ? CONTEST_ORDER : undefined;
}

/** Whether frames of that shape may have the contest's order. */
export function isOrderOpen(shape: readonly number[]): number | undefined {
  const width = shape.reduce((product, length) => product * length, 1);
  return width === HOLISTIC_POINTS * 3 ? 3 : width === HOLISTIC_POINTS * 2 ? 2 : undefined;
}

/** The mean over frames of how far apart some points lie, the larger of across and down; 0 where there are none. */
function spreadOf(values: ArrayLike<number>, width: number, first: number, end: number, numbers: number): number {
  let [sum, frames] = [0, 0];
  for (let start = 0; start < values.length; start += width) {
    const spreads = [0, 1].map((axis) => {
      let [least, most] = [Infinity, -Infinity];
      for (let point = first; point < end; point++) {
        const value = elementAt(values, start + point * numbers + axis);
        if (value === 0 || !Number.isFinite(value)) continue;
        least = Math.min(least, value);
        most = Math.max(most, value);
      }
      return most - least;
    });
    const spread = Math.max(...spreads);
    if (spread <= 0) continue;
    sum += spread;
    frames++;
  }
  return frames === 0 ? 0 : sum / frames;
}

function keyOf(width: number, numbers: number | undefined): string {
  return numbers === undefined ? String(width) : `${width} of ${numbers}`;
}

function knownShapes(): Map<string, FrameShape> {
  const shapes = new Map<string, FrameShape>();
  const add = (shape: FrameShape, alike: number | undefined): void => {
    const width = widthOf(shape);
    for (const key of [String(width), ...(alike === undefined ? [] : [keyOf(width, alike)])]) if (!shapes.has(key)) shapes.set(key, shape);
  };
  // The layout that Kumpas's own clips have.
  for (const numbers of [2, 3])
    add(shapeOf(['pose', 'left_hand', 'right_hand', 'face'], { pose: 25, face: FACE_LANDMARKS }, [numbers, numbers]), numbers);
  for (const numbers of NUMBERS) {
    for (const parts of SETS_OF_PARTS) {
      for (const face of FACE_SIZES)
        add(shapeOf(parts, { pose: 33, face: firstOf(face) }, numbers), numbers[0] === numbers[1] ? numbers[0] : undefined);
    }
  }
  // A pose without its legs, between which and a whole one only hands tell.
  for (const numbers of NUMBERS)
    add(shapeOf(['pose', 'left_hand', 'right_hand'], { pose: 25, face: [] }, numbers), numbers[0] === numbers[1] ? numbers[0] : undefined);
  return shapes;
}

function orderedShape(order: readonly PartName[], width: number, numbers: number | undefined): FrameShape | undefined {
  const choices = numbers === undefined ? NUMBERS : ([[numbers, numbers]] as const);
  return choices
    .flatMap((pair) => FACE_SIZES.map((face) => shapeOf(order, { pose: 33, face: firstOf(face) }, pair)))
    .find((shape) => widthOf(shape) === width);
}

/** @param numbers how many a landmark of the pose has, and one of the other parts. */
function shapeOf(
  parts: readonly PartName[],
  { pose, face }: { readonly pose: number; readonly face: readonly number[] },
  [ofPose, ofOthers]: readonly [number, number],
): FrameShape {
  const landmarksOf = (part: PartName): readonly number[] => (part === 'face' ? face : firstOf(part === 'pose' ? pose : 21));
  const segments = parts.map((part) => ({ part, landmarks: landmarksOf(part), numbers: part === 'pose' ? ofPose : ofOthers }));
  const words = segments.map(
    ({ part, landmarks, numbers }) => `${part} ${landmarks.length} × (${required(NUMBERS_IN_WORDS[numbers], 'the names of coordinates')})`,
  );
  return { segments, words: words.join(', ') };
}

function firstOf(count: number): number[] {
  return Array.from({ length: count }, (_, landmark) => landmark);
}
