import type { KeypointLayout } from './keypoint-layout';
import { elementAt } from '../foundation/required';

/** MediaPipe Pose's 33 landmarks. */
const POSE = [
  ...['nose', 'left eye, inner corner', 'left eye', 'left eye, outer corner', 'right eye, inner corner', 'right eye'],
  ...['right eye, outer corner', 'left ear', 'right ear', 'mouth, left corner', 'mouth, right corner', 'left shoulder', 'right shoulder'],
  ...['left elbow', 'right elbow', 'left wrist', 'right wrist', 'left little finger', 'right little finger', 'left index finger'],
  ...['right index finger', 'left thumb', 'right thumb', 'left hip', 'right hip', 'left knee', 'right knee', 'left ankle', 'right ankle'],
  ...['left heel', 'right heel', 'left foot, tip', 'right foot, tip'],
];

const FINGERS = ['index', 'middle', 'ring', 'little'];

/** A hand's 21 landmarks, MediaPipe's and OpenPose's. */
const HAND = [
  ...['wrist', 'thumb, root', 'thumb, knuckle', 'thumb, joint', 'thumb tip'],
  ...FINGERS.flatMap((finger) => [
    `${finger} finger, knuckle`,
    `${finger} finger, middle joint`,
    `${finger} finger, last joint`,
    `${finger} fingertip`,
  ]),
];

/** Landmarks of MediaPipe's face mesh that have a name of their own. */
const FACE: Readonly<Record<number, string>> = {
  1: 'nose tip, lower',
  4: 'nose tip',
  33: 'right eye, outer corner',
  133: 'right eye, inner corner',
  263: 'left eye, outer corner',
  362: 'left eye, inner corner',
  61: 'mouth, right corner',
  291: 'mouth, left corner',
  105: 'right eyebrow',
  334: 'left eyebrow',
  199: 'chin',
};

/** What people call a point of a layout, beside its part: `index fingertip` of a hand, `left wrist` of a pose; a point of one's own as it is called. */
export function pointInWords({ points }: Pick<KeypointLayout, 'points'>, point: number): string {
  const name = elementAt(points, point);
  const [, part, digits] = /^(pose|left_hand|right_hand|face)_(\d+)$/.exec(name) ?? [];
  const landmark = Number(digits);
  const named = part === undefined ? undefined : namesOf(part)[landmark];
  return named ?? name.replaceAll('_', ' ');
}

function namesOf(part: string): Readonly<Record<number, string>> {
  if (part === 'face') return FACE;
  return part === 'pose' ? POSE : HAND;
}
