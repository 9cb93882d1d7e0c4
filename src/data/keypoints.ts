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

/** The key points of the shoulders: MediaPipe Pose's landmarks 11 (left) and 12 (right). */
export const SHOULDERS = { left: 11, right: 12 } as const;

/** Whether the key point whose two numbers begin at a place was not found. */
export function isMissing(values: Float32Array, at: number): boolean {
  return values[at] === 0 && values[at + 1] === 0;
}
