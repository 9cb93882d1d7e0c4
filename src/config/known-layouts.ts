import { elementAt, required } from '../foundation/required';
import { layoutOf, orderOf, widthOfLayout, type KeypointLayout } from './keypoint-layout';

/** The landmarks that a detector finds of one part of a person. */
interface Landmarks {
  readonly count: number;
  /** Which landmark one is in a mirror. */
  readonly mirrorOf: (landmark: number) => number;
  /** Chains of landmarks that lines join in a picture. */
  readonly bones: readonly (readonly number[])[];
  /** Their names; numbers behind the part's name, as `pose_11`, where it is left out. */
  readonly names?: readonly string[];
}

/** A hand's 21 landmarks, MediaPipe's and OpenPose's: the wrist, and four of each finger from the thumb on. */
const HAND: Landmarks = {
  count: 21,
  mirrorOf: (landmark) => landmark,
  bones: [
    [4, 3, 2, 1, 0, 5, 6, 7, 8],
    [5, 9, 10, 11, 12],
    [9, 13, 14, 15, 16],
    [13, 17, 18, 19, 20],
    [17, 0],
  ],
};

/** MediaPipe Pose: the nose, then left and right in turn but for the eyes, which are three left and three right ones; the legs from 25 on. */
const POSE: Landmarks = {
  count: 33,
  mirrorOf: (landmark) => {
    if (landmark === 0) return 0;
    if (landmark <= 6) return landmark <= 3 ? landmark + 3 : landmark - 3;
    return landmark % 2 === 1 ? landmark + 1 : landmark - 1;
  },
  bones: [
    [11, 12],
    [15, 13, 11, 23, 24, 12, 14, 16],
    [23, 25, 27, 29, 31, 27],
    [24, 26, 28, 30, 32, 28],
  ],
};

/** Landmarks of MediaPipe's face mesh that lie in the middle of the face. */
const MIDDLE_OF_FACE: ReadonlySet<number> = new Set([
  ...[0, 1, 2, 4, 5, 6, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 94],
  ...[151, 152, 164, 168, 175, 195, 197, 199, 200],
]);
/** Those of the right half are among the first, in an order that those of the left half, behind them, have too. */
const RIGHT_OF_FACE = Array.from({ length: 248 }, (_, landmark) => landmark).filter((landmark) => !MIDDLE_OF_FACE.has(landmark));

/** MediaPipe's face mesh; lines join its lips, eyes, brows and outline. */
const FACE: Landmarks = {
  count: 468,
  mirrorOf: (landmark) => {
    if (MIDDLE_OF_FACE.has(landmark)) return landmark;
    return landmark < 248 ? 248 + RIGHT_OF_FACE.indexOf(landmark) : elementAt(RIGHT_OF_FACE, landmark - 248);
  },
  bones: [
    [0, 37, 39, 40, 185, 61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291, 409, 270, 269, 267, 0],
    [13, 82, 81, 80, 191, 78, 95, 88, 178, 87, 14, 317, 402, 318, 324, 308, 415, 310, 311, 312, 13],
    [249, 390, 373, 374, 380, 381, 382, 362, 398, 384, 385, 386, 387, 388, 466, 263, 249],
    [7, 33, 246, 161, 160, 159, 158, 157, 173, 133, 155, 154, 153, 145, 144, 163, 7],
    [300, 293, 334, 296, 336],
    [276, 283, 282, 295, 285],
    [70, 63, 105, 66, 107],
    [46, 53, 52, 65, 55],
    [
      ...[10, 109, 67, 103, 54, 21, 162, 127, 234, 93, 132, 58, 172, 136, 150, 149, 176, 148],
      ...[152, 377, 400, 378, 379, 365, 397, 288, 361, 323, 454, 356, 389, 251, 284, 332, 297, 338, 10],
    ],
  ],
};

const OPENPOSE_BODY_NAMES = [
  ...['nose', 'neck', 'right_shoulder', 'right_elbow', 'right_wrist', 'left_shoulder', 'left_elbow', 'left_wrist', 'middle_hip'],
  ...['right_hip', 'right_knee', 'right_ankle', 'left_hip', 'left_knee', 'left_ankle', 'right_eye', 'left_eye', 'right_ear', 'left_ear'],
  ...['left_big_toe', 'left_small_toe', 'left_heel', 'right_big_toe', 'right_small_toe', 'right_heel'],
];

/** OpenPose's BODY_25. */
const OPENPOSE_BODY: Landmarks = {
  count: OPENPOSE_BODY_NAMES.length,
  names: OPENPOSE_BODY_NAMES,
  mirrorOf: (landmark) => {
    const other = OPENPOSE_BODY_NAMES.indexOf(otherSide(elementAt(OPENPOSE_BODY_NAMES, landmark)));
    return other === -1 ? landmark : other;
  },
  bones: [
    [4, 3, 2, 1, 5, 6, 7],
    [17, 15, 0, 16, 18],
    [0, 1, 8],
    [11, 10, 9, 8, 12, 13, 14],
    [24, 11, 22, 23],
    [21, 14, 19, 20],
  ],
};

/** Stretches of OpenPose's face landmarks whose numbers add up, with their mirror image's, to the same: jaw, brows, nose, eyes, lips, pupils. */
const OPENPOSE_FACE_SUMS = [
  ...[[0, 16, 16] as const, [17, 26, 43] as const, [31, 35, 66] as const, [36, 39, 81] as const, [42, 45, 81] as const],
  ...[[40, 41, 87] as const, [46, 47, 87] as const, [48, 54, 102] as const, [55, 59, 114] as const, [60, 64, 124] as const],
  ...[[65, 67, 132] as const, [68, 69, 137] as const],
];

/** OpenPose's face, 70 landmarks. */
const OPENPOSE_FACE: Landmarks = {
  count: 70,
  mirrorOf: (landmark) => {
    const stretch = OPENPOSE_FACE_SUMS.find(([first, last]) => first <= landmark && landmark <= last);
    return stretch === undefined ? landmark : stretch[2] - landmark;
  },
  bones: [
    [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16],
    [17, 18, 19, 20, 21],
    [22, 23, 24, 25, 26],
    [27, 28, 29, 30],
    [31, 32, 33, 34, 35],
    [36, 37, 38, 39, 40, 41, 36],
    [42, 43, 44, 45, 46, 47, 42],
    [48, 49, 50, 51, 52, 53, 54, 55, 56, 57, 58, 59, 48],
    [60, 61, 62, 63, 64, 65, 66, 67, 60],
  ],
};

/** The landmarks of MediaPipe's face mesh that the usual layout has, in its order. */
export const FACE_LANDMARKS = [1, 33, 263, 133, 362, 61, 291, 105, 334, 199, 4] as const;

/** A part of a known layout: which landmarks it has of those that there are. */
interface LandmarkPart {
  readonly name: string;
  readonly of: Landmarks;
  /** Their numbers; all of them where it is left out. */
  readonly numbers?: readonly number[];
}

const pose: LandmarkPart = { name: 'pose', of: POSE };
const leftHand: LandmarkPart = { name: 'left_hand', of: HAND };
const rightHand: LandmarkPart = { name: 'right_hand', of: HAND };

/** MediaPipe Pose 0–24: all but the legs. */
const upperPose: LandmarkPart = { ...pose, numbers: Array.from({ length: 25 }, (_, landmark) => landmark) };

/** The known layouts of MediaPipe's landmarks: the parts of a frame in their order. Each is there with points of three dimensions too. */
const MEDIAPIPE_PARTS: Readonly<Record<string, readonly LandmarkPart[]>> = {
  holistic78: [upperPose, leftHand, rightHand, { name: 'face', of: FACE, numbers: FACE_LANDMARKS }],
  holistic75: [pose, leftHand, rightHand],
  holistic543: [{ name: 'face', of: FACE }, leftHand, pose, rightHand],
  hands42: [leftHand, rightHand],
  pose33: [pose],
};

/** Those of OpenPose's, which have two. */
const OPENPOSE_PARTS: Readonly<Record<string, readonly LandmarkPart[]>> = {
  openpose25: [{ name: 'body', of: OPENPOSE_BODY }],
  openpose137: [{ name: 'body', of: OPENPOSE_BODY }, { name: 'face', of: OPENPOSE_FACE }, leftHand, rightHand],
};

/**
 * The layouts that are known by a name: `holistic78`, and `holistic78x3` where a point has a depth too. Of MediaPipe, `holistic75` is pose and hands,
 * `holistic543` everything, in the order of its own lists of landmarks: face, left hand, pose, right hand.
 */
export const KNOWN_LAYOUTS: ReadonlyMap<string, KeypointLayout> = new Map(
  [
    ...Object.entries(MEDIAPIPE_PARTS).map(([name, parts]) => knownLayout(name, 2, parts)),
    ...Object.entries(MEDIAPIPE_PARTS).map(([name, parts]) => knownLayout(`${name}x3`, 3, parts)),
    ...Object.entries(OPENPOSE_PARTS).map(([name, parts]) => knownLayout(name, 2, parts)),
  ].map((layout) => [layout.name, layout]),
);

/**
 * The layout that clips have unless they say otherwise, 156 numbers a frame: MediaPipe Pose 0–24, the left and the right hand's 21 landmarks, and eleven of the
 * face mesh. Left is the person's own left, on the picture's right.
 */
export const HOLISTIC_78: KeypointLayout = required(KNOWN_LAYOUTS.get('holistic78'), 'the usual layout');

/** The known layout whose frames have so many numbers, and whose parts a clip's `meta` calls so: `pose33,left_hand21,right_hand21`; undefined where there is none. */
export function layoutOfOrder(width: number, order: unknown): KeypointLayout | undefined {
  return [...KNOWN_LAYOUTS.values()].find((layout) => widthOfLayout(layout) === width && orderOf(layout) === order);
}

function knownLayout(name: string, dimensions: 2 | 3, parts: readonly LandmarkPart[]): KeypointLayout {
  const numbersOf = ({ of, numbers }: LandmarkPart): readonly number[] => numbers ?? Array.from({ length: of.count }, (_, place) => place);
  const nameOf = ({ name: part, of }: LandmarkPart, landmark: number): string => of.names?.[landmark] ?? `${part}_${landmark}`;
  return layoutOf({
    name,
    dimensions,
    parts: parts.map((part) => ({ name: part.name, points: numbersOf(part).map((landmark) => nameOf(part, landmark)) })),
    mirror: parts.flatMap((part) => {
      const counterpart = parts.find((other) => other.name === otherSide(part.name)) ?? part;
      return numbersOf(part).map((landmark) => [nameOf(part, landmark), nameOf(counterpart, part.of.mirrorOf(landmark))] as const);
    }),
    bones: parts.flatMap((part) => {
      const there = new Set(numbersOf(part));
      return part.of.bones.flatMap((chain) => stretches(chain, there)).map((chain) => chain.map((landmark) => nameOf(part, landmark)));
    }),
  });
}

/** What of a chain remains where some of its landmarks are not there: stretches of two and more. */
function stretches(chain: readonly number[], there: ReadonlySet<number>): number[][] {
  const found: number[][] = [[]];
  for (const landmark of chain) {
    if (there.has(landmark)) found.at(-1)?.push(landmark);
    else found.push([]);
  }
  return found.filter(({ length }) => length > 1);
}

/** `right_hand` of `left_hand`, and the other way round; what is of neither side stays. */
function otherSide(name: string): string {
  if (name.startsWith('left_')) return name.replace('left_', 'right_');
  return name.replace(/^right_/, 'left_');
}
