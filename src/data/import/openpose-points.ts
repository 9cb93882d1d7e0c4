import type { LandmarkClip } from './landmarks';

/** What OpenPose calls a set of points. */
export type OpenPosePart = 'body' | 'face' | 'left_hand' | 'right_hand';

/** The set of OpenPose's points that a name means, as `pose_keypoints_2d` or `hand_left_keypoints_2d`; undefined for names of others. */
export function openPosePart(name: string): OpenPosePart | undefined {
  switch (name.toLowerCase().replace(/_(2d|3d)$/, '')) {
    case 'pose_keypoints':
      return 'body';
    case 'face_keypoints':
      return 'face';
    case 'hand_left_keypoints':
      return 'left_hand';
    case 'hand_right_keypoints':
      return 'right_hand';
    default:
      return undefined;
  }
}

/**
 * MediaPipe Pose's landmark for each point of BODY_25; −1 for those that it lacks: the neck, the middle of the hips. Its big and small toes are the tip of the foot
 * and nothing, for MediaPipe has one.
 */
const POSE_OF_BODY_25 = [0, -1, 12, 14, 16, 11, 13, 15, -1, 24, 26, 28, 23, 25, 27, 5, 2, 8, 7, 31, -1, 29, 32, -1, 30] as const;

/** {@link POSE_OF_BODY_25} for the 18 points of COCO. */
const POSE_OF_COCO = [0, -1, 12, 14, 16, 11, 13, 15, 24, 26, 28, 23, 25, 27, 5, 2, 8, 7] as const;

/**
 * The face mesh's landmark for those of OpenPose's 70 points of the face that lie at the same place: brows, bridge and tip of the nose, the corners of eyes and
 * mouth, the lips' middles, the chin. OpenPose counts from the picture's left, the person's right.
 */
const MESH_OF_FACE_70: ReadonlyMap<number, number> = new Map([
  [8, 152],
  [19, 105],
  [24, 334],
  [27, 168],
  [30, 1],
  [33, 2],
  [36, 33],
  [39, 133],
  [42, 362],
  [45, 263],
  [48, 61],
  [51, 0],
  [54, 291],
  [57, 17],
  [62, 13],
  [66, 14],
]);

/** The wrist, which OpenPose's hands begin with as MediaPipe's do; the fingers' joints come in the same order. */
const HAND_POINTS = 21;

/**
 * Puts the points that OpenPose found in a frame where MediaPipe Holistic has the same, and keeps body and face as they are, too.
 * @param pointAt x, y, z and confidence of a point of the set; 0 where it was not found.
 */
export function fillOpenPose(
  clip: LandmarkClip,
  set: OpenPosePart,
  frame: number,
  points: number,
  pointAt: (place: number) => readonly [number, number, number, number],
): void {
  const track = clip.track(set === 'body' ? 'pose' : set);
  const own =
    set === 'face' ? clip.track('openpose_face') : set === 'body' && points !== POSE_OF_COCO.length ? clip.track('body') : undefined;
  for (let place = 0; place < points; place++) {
    const landmark = landmarkOf(set, place, points);
    const [x, y, z, confidence] = pointAt(place);
    if (confidence <= 0) continue;
    own?.set(frame, place, x, y, z);
    if (landmark >= 0) track.set(frame, landmark, x, y, z);
  }
}

function landmarkOf(set: OpenPosePart, place: number, points: number): number {
  if (set === 'body') return (points === POSE_OF_COCO.length ? POSE_OF_COCO : POSE_OF_BODY_25)[place] ?? -1;
  if (set === 'face') return MESH_OF_FACE_70.get(place) ?? -1;
  return place < HAND_POINTS ? place : -1;
}
