import { add, between, mix, type Place } from './geometry';

/** What the fingers do. */
export interface HandShape {
  /** Thumb, index, middle, ring, little finger: 0 straight, 1 closed. */
  readonly curl: readonly [number, number, number, number, number];
  /** How far the fingers are apart: 0 together, 1 wide. */
  readonly spread: number;
}

/** Where a hand is, how it is turned and what its fingers do. */
export interface HandPose {
  readonly wrist: Place;
  /** Where the fingers point, in radians from straight up towards the body's midline. */
  readonly direction: number;
  /** Turn about the forearm, in radians: 0 with the palm to the camera, π with its back. */
  readonly roll: number;
  readonly shape: HandShape;
}

/**
 * The 21 landmarks of a hand in MediaPipe's order: the wrist, then four a finger from the thumb on, each from the palm to the tip.
 * @param length from the wrist to the tip of the straight middle finger, in shoulder widths.
 * @param side 1 for the dominant hand, −1 for the other, which is its mirror image.
 */
export function handLandmarks(pose: HandPose, length: number, side: 1 | -1): Place[] {
  const landmarks: Place[] = [pose.wrist];
  for (const [finger, bones] of fingers.entries()) {
    const curl = pose.shape.curl[finger] ?? 0;
    const joints = finger === 0 ? thumbJoints(bones, curl) : fingerJoints(bones, curl, pose.shape.spread);
    for (const joint of joints) landmarks.push(add(pose.wrist, turned(joint, pose, side), length));
  }
  return landmarks;
}

/** The pose at `share` (0 … 1) of the way from one to another. */
export function blendHands(a: HandPose, b: HandPose, share: number): HandPose {
  return {
    wrist: between(a.wrist, b.wrist, share),
    direction: mix(a.direction, b.direction, share),
    roll: mix(a.roll, b.roll, share),
    shape: blendShapes(a.shape, b.shape, share),
  };
}

/** The shape at `share` (0 … 1) of the way from one to another. */
export function blendShapes(a: HandShape, b: HandShape, share: number): HandShape {
  const [thumb, index, middle, ring, little] = a.curl;
  return {
    curl: [
      mix(thumb, b.curl[0], share),
      mix(index, b.curl[1], share),
      mix(middle, b.curl[2], share),
      mix(ring, b.curl[3], share),
      mix(little, b.curl[4], share),
    ],
    spread: mix(a.spread, b.spread, share),
  };
}

/** A finger at rest in the plane of the palm, in hand lengths: `thumbwards` and `up` of its first joint, the angle it fans out to, its three bones. */
interface Finger {
  readonly thumbwards: number;
  readonly up: number;
  readonly fan: number;
  readonly bones: readonly [number, number, number];
}

const fingers: readonly Finger[] = [
  { thumbwards: 0.12, up: 0.13, fan: 0.75, bones: [0.2, 0.17, 0.15] },
  { thumbwards: 0.13, up: 0.5, fan: 0.22, bones: [0.22, 0.13, 0.11] },
  { thumbwards: 0, up: 0.52, fan: 0, bones: [0.23, 0.14, 0.11] },
  { thumbwards: -0.1, up: 0.49, fan: -0.2, bones: [0.21, 0.14, 0.11] },
  { thumbwards: -0.19, up: 0.43, fan: -0.42, bones: [0.17, 0.1, 0.09] },
];

/** How far each joint of a closed finger is bent, in radians, counted from the palm. */
const closedFinger = [1.35, 3.1, 3.9];

/** Joints in the hand's own frame: `x` towards the thumb, `y` along the fingers, `z` out of the palm. */
function fingerJoints(finger: Finger, curl: number, spread: number): Place[] {
  const fan = finger.fan * (0.3 + spread) * (1 - 0.7 * curl);
  let joint: Place = { x: finger.thumbwards, y: finger.up, z: 0 };
  const joints = [joint];
  for (const [index, bone] of finger.bones.entries()) {
    const bend = curl * (closedFinger[index] ?? 0);
    joint = add(joint, { x: Math.sin(fan) * Math.cos(bend), y: Math.cos(fan) * Math.cos(bend), z: Math.sin(bend) }, bone);
    joints.push(joint);
  }
  return joints;
}

/** A thumb closes across the palm. */
function thumbJoints(thumb: Finger, curl: number): Place[] {
  let joint: Place = { x: thumb.thumbwards, y: thumb.up, z: 0 };
  const joints = [joint];
  for (const [index, bone] of thumb.bones.entries()) {
    const angle = thumb.fan - curl * (0.35 + 0.45 * index);
    joint = add(joint, { x: Math.sin(angle), y: Math.cos(angle), z: 0.6 * curl }, bone);
    joints.push(joint);
  }
  return joints;
}

function turned(joint: Place, pose: HandPose, side: 1 | -1): Place {
  const across = -joint.x * Math.cos(pose.roll) + joint.z * Math.sin(pose.roll);
  const towards = joint.x * Math.sin(pose.roll) + joint.z * Math.cos(pose.roll);
  const sine = Math.sin(pose.direction);
  const cosine = Math.cos(pose.direction);
  return { x: side * (across * cosine - joint.y * sine), y: -across * sine - joint.y * cosine, z: towards };
}
