/** Points of a skeleton that belong together: `left_hand`, its first point and how many there are. */
export interface KeypointPart {
  readonly name: string;
  readonly first: number;
  readonly count: number;
}

/**
 * What the numbers of a frame of key points are: a frame is `[x0, y0, x1, y1, …]`, or `[x0, y0, z0, x1, …]` where points have three dimensions. It travels with
 * clips and with models, so that checks, pictures and augmentation know which points are a hand and which are each other's mirror image.
 */
export interface KeypointLayout {
  readonly name: string;
  /** Numbers a point. */
  readonly dimensions: 2 | 3;
  /** A name for each point, as `pose_11` or `left_hand_4`: of MediaPipe's, the part and the landmark's number in it. */
  readonly points: readonly string[];
  /** In the order of their points, all of which belong to one. */
  readonly parts: readonly KeypointPart[];
  /** Of every point the one that it is in a mirror: itself, or its left or right counterpart. */
  readonly mirror: readonly number[];
}

/** Numbers a frame of a layout. */
export function widthOfLayout({ points, dimensions }: Pick<KeypointLayout, 'points' | 'dimensions'>): number {
  return points.length * dimensions;
}

/** Left and right of what MediaPipe's pose has two of: parts of the eyes, ears, corners of the mouth, shoulders, elbows, wrists, fingers, hips, knees, feet. */
const POSE_PAIRS = [
  [1, 4],
  [2, 5],
  [3, 6],
  [7, 8],
  [9, 10],
  [11, 12],
  [13, 14],
  [15, 16],
  [17, 18],
  [19, 20],
  [21, 22],
  [23, 24],
  [25, 26],
  [27, 28],
  [29, 30],
  [31, 32],
] as const;

/** Right and left of the face mesh's points that the usual layout has: corners of the eyes, of the mouth, the brows. */
const FACE_PAIRS = [
  [33, 263],
  [133, 362],
  [61, 291],
  [105, 334],
] as const;

/** The face mesh's landmarks that the usual layout has, in its order. */
export const FACE_LANDMARKS = [1, 33, 263, 133, 362, 61, 291, 105, 334, 199, 4] as const;

const HAND_LANDMARKS = firstLandmarks(21);

/**
 * The layout that clips have unless they say otherwise, 156 numbers a frame: MediaPipe Pose 0–24, the left and the right hand's 21 landmarks, and eleven of the
 * face mesh. Left is the person's own left, on the picture's right.
 */
export const HOLISTIC_78: KeypointLayout = mediaPipeLayout('holistic78', 2, {
  pose: firstLandmarks(25),
  left_hand: HAND_LANDMARKS,
  right_hand: HAND_LANDMARKS,
  face: FACE_LANDMARKS,
});

function firstLandmarks(count: number): number[] {
  return Array.from({ length: count }, (_, landmark) => landmark);
}

/** A layout of some of MediaPipe Holistic's landmarks, its parts in the order that they are given. */
function mediaPipeLayout(name: string, dimensions: 2 | 3, landmarks: Readonly<Record<string, readonly number[]>>): KeypointLayout {
  const points: string[] = [];
  const parts = Object.entries(landmarks).map(([part, numbers]) => {
    const first = points.length;
    points.push(...numbers.map((landmark) => `${part}_${landmark}`));
    return { name: part, first, count: numbers.length };
  });
  const places = new Map(points.map((point, place) => [point, place]));
  return { name, dimensions, points, parts, mirror: points.map((point, place) => places.get(mirrored(point)) ?? place) };
}

/** The name of the landmark that a landmark is in a mirror. */
function mirrored(point: string): string {
  const [part, landmark] = [point.replace(/_\d+$/, ''), Number(/\d+$/.exec(point)?.[0])];
  if (part === 'left_hand' || part === 'right_hand') return `${part === 'left_hand' ? 'right_hand' : 'left_hand'}_${landmark}`;
  const pairs: readonly (readonly [number, number])[] = part === 'pose' ? POSE_PAIRS : part === 'face' ? FACE_PAIRS : [];
  const pair = pairs.find((both) => both.includes(landmark));
  return pair === undefined ? point : `${part}_${pair[0] === landmark ? pair[1] : pair[0]}`;
}
