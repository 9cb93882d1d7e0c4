import { KEYPOINT_WIDTH } from '../config/data-settings';

/**
 * How a frame of key points is laid out: `[x0, y0, x1, y1, …]` of 78 points, x from the picture's left and y from its top, each in 0 to 1. They are, in this
 * order, MediaPipe Pose 0–24, the left and the right hand's 21 landmarks, and the face mesh's 1, 33, 263, 133, 362, 61, 291, 105, 334, 199, 4. A key point
 * that was not found is (0, 0). Left is the person's own left, on the picture's right.
 */
export const KEYPOINTS = KEYPOINT_WIDTH / 2;

/** The layout as the `meta` of a clip says it. */
export const KEYPOINT_ORDER = 'pose25,left_hand21,right_hand21,face11';

/** The first key point of each group. */
export const KEYPOINT_GROUPS = { pose: 0, leftHand: 25, rightHand: 46, face: 67 } as const;

/** Key points of a group. */
export const GROUP_SIZES = { pose: 25, hand: 21, face: 11 } as const;

/** Whether the key point whose numbers begin at a place was not found: all of them are 0. */
export function isMissing(values: Float32Array, at: number, dimensions: 2 | 3 = 2): boolean {
  return values[at] === 0 && values[at + 1] === 0 && (dimensions === 2 || values[at + 2] === 0);
}

/** Numbers a frame of features that InceptionV3 gives. */
export const FEATURE_WIDTH = 2048;

/** What frames of so many numbers most often are: what MediaPipe and OpenPose give, and what is commonly kept of it. */
const COMMON_FRAMES: ReadonlyMap<number, string> = new Map([
  [KEYPOINT_WIDTH, 'key points as --model transformer reads them'],
  [FEATURE_WIDTH, "InceptionV3's features, which --model iv3_gru reads"],
  [42, 'one hand of MediaPipe, 21 × (x, y)'],
  [63, 'one hand of MediaPipe, 21 × (x, y, z)'],
  [84, 'the two hands of MediaPipe, 42 × (x, y)'],
  [126, 'the two hands of MediaPipe, 42 × (x, y, z)'],
  [66, 'the pose of MediaPipe, 33 × (x, y)'],
  [99, 'the pose of MediaPipe, 33 × (x, y, z)'],
  [132, 'the pose of MediaPipe, 33 × (x, y, z, visibility)'],
  [150, 'pose and hands of MediaPipe, 75 × (x, y)'],
  [225, 'pose and hands of MediaPipe, 75 × (x, y, z)'],
  [258, 'pose of MediaPipe, 33 × (x, y, z, visibility), and hands, 42 × (x, y, z)'],
  [1086, "all of MediaPipe Holistic's 543 points × (x, y)"],
  [1404, 'the face mesh of MediaPipe, 468 × (x, y, z)'],
  [1629, "all of MediaPipe Holistic's 543 points × (x, y, z)"],
  [1662, 'MediaPipe Holistic: pose 33 × (x, y, z, visibility), face 468 × (x, y, z), hands 42 × (x, y, z)'],
  [234, '78 key points × (x, y, z)'],
  [50, "OpenPose's body, 25 × (x, y)"],
  [75, "OpenPose's body, 25 × (x, y, confidence)"],
  [411, "OpenPose's body, hands and face, 137 × (x, y, confidence)"],
]);

/** What frames of so many numbers look like; undefined where that is nothing known. */
export function commonFrame(width: number): string | undefined {
  return COMMON_FRAMES.get(width);
}

/** What an array of that shape looks like: `[frames, …]`, or a single frame where it has one axis. */
export function commonArray(shape: readonly number[]): string | undefined {
  const [frames, ...rest] = shape;
  if (frames === undefined) return undefined;
  if (rest.length > 0) return commonFrame(rest.reduce((product, length) => product * length, 1));
  const frame = commonFrame(frames);
  return frame === undefined ? undefined : `a single frame: ${frame}`;
}
