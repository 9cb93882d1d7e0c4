import { KEYPOINT_WIDTH } from '../../config/data-settings';
import { elementAt } from '../../foundation/required';

/** A person's measures, in shoulder widths. */
export interface Proportions {
  readonly upperArm: number;
  readonly forearm: number;
  readonly hand: number;
  /** Scale of the head; 1 is an average one. */
  readonly head: number;
  /** From the shoulders' line up to the nose. */
  readonly neck: number;
  /** From the shoulders' line down to the hips. */
  readonly torso: number;
}

/** What a person's body does in one frame. */
export interface Posture {
  readonly dominant: HandPose;
  readonly other: HandPose;
  /** Where the middle of the shoulders has swayed to. */
  readonly sway: Place;
  /** The head's turn (−1 … 1), nod (in shoulder widths) and tilt (in radians). */
  readonly head: { readonly turn: number; readonly nod: number; readonly tilt: number };
}

/** How the person appears in the picture. */
export interface Camera {
  /** Picture coordinates of the middle of the shoulders, 0 … 1 from the left and from the top. */
  readonly x: number;
  readonly y: number;
  /** Share of the picture that a shoulder width takes. */
  readonly scale: number;
}

/**
 * The key points of a person as the camera sees them, a frame's numbers in picture coordinates.
 */
export function keypointsOf(posture: Posture, proportions: Proportions, camera: Camera, leftHanded: boolean): Float64Array {
  const shoulder: Place = { x: 0.5, y: 0, z: 0 };
  const dominant = limb(posture.dominant, shoulder, proportions, 1);
  const other = limb(posture.other, mirrored(shoulder), proportions, -1);
  const [left, right] = leftHanded ? [dominant, other] : [other, dominant];
  const leftwards = leftHanded ? 1 : -1;
  const hip = { x: 0.33 * leftwards, y: proportions.torso, z: 0 };

  const arms = [left.shoulder, right.shoulder, left.elbow, right.elbow];
  const knuckles = [0, 17, 5, 4].flatMap((landmark) => [elementAt(left.landmarks, landmark), elementAt(right.landmarks, landmark)]);
  const placeOnHead = headPlacer(posture, proportions, leftwards);
  const places = [
    ...headOfPose.map(placeOnHead),
    ...arms,
    ...knuckles,
    hip,
    mirrored(hip),
    ...left.landmarks,
    ...right.landmarks,
    ...faceMesh.map(placeOnHead),
  ];

  const keypoints = new Float64Array(KEYPOINT_WIDTH);
  for (const [index, place] of places.entries()) {
    // The hips hardly follow the sway of the shoulders.
    const follows = Math.min(1, Math.max(0.2, 1 - place.y / 2));
    keypoints[2 * index] = camera.x + camera.scale * leftwards * (place.x + follows * posture.sway.x);
    keypoints[2 * index + 1] = camera.y + camera.scale * (place.y + follows * posture.sway.y);
  }
  return keypoints;
}

/** Features of the head in shoulder widths from the tip of the nose: towards the person's left, and down. */
type HeadFeature = readonly [left: number, down: number];

const headOfPose: readonly HeadFeature[] = [
  [0, 0],
  [0.07, -0.14],
  [0.115, -0.145],
  [0.155, -0.14],
  [-0.07, -0.14],
  [-0.115, -0.145],
  [-0.155, -0.14],
  [0.21, -0.04],
  [-0.21, -0.04],
  [0.085, 0.17],
  [-0.085, 0.17],
];

const faceMesh: readonly HeadFeature[] = [
  [0, 0.01],
  [-0.16, -0.19],
  [0.16, -0.19],
  [-0.065, -0.18],
  [0.065, -0.18],
  [-0.088, 0.14],
  [0.088, 0.14],
  [-0.15, -0.32],
  [0.15, -0.32],
  [0, 0.29],
  [0, -0.02],
];

function headPlacer(posture: Posture, proportions: Proportions, leftwards: number): (feature: HeadFeature) => Place {
  const { turn, nod, tilt } = posture.head;
  const sine = Math.sin(tilt);
  const cosine = Math.cos(tilt);
  return ([left, down]) => {
    const across = proportions.head * (left * leftwards + 0.1 * turn * (1 - 12 * left * left));
    const below = proportions.head * down;
    return { x: across * cosine - below * sine, y: -proportions.neck + nod + across * sine + below * cosine, z: 0 };
  };
}

interface Limb {
  readonly shoulder: Place;
  readonly elbow: Place;
  readonly landmarks: readonly Place[];
}

/** The arm that carries a hand. A wrist out of the arm's reach is drawn in, hand and all. */
function limb(hand: HandPose, shoulder: Place, proportions: Proportions, side: 1 | -1): Limb {
  const { upperArm, forearm } = proportions;
  const towards = add(hand.wrist, shoulder, -1);
  const distance = Math.min(lengthOf(towards), 0.99 * (upperArm + forearm));
  const axis = unit(towards);
  const wrist = add(shoulder, axis, distance);
  // The elbow lies on a circle about the axis from shoulder to wrist; it hangs down and a little out.
  const along = (distance * distance + upperArm * upperArm - forearm * forearm) / (2 * distance);
  const radius = Math.sqrt(Math.max(0, upperArm * upperArm - along * along));
  const hanging: Place = { x: 0.45 * side, y: 1, z: -0.3 };
  const outward = unit(add(hanging, axis, -dot(hanging, axis)));
  const elbow = add(add(shoulder, axis, along), outward, radius);
  return { shoulder, elbow, landmarks: handLandmarks({ ...hand, wrist }, proportions.hand, side) };
}

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
    const curl = elementAt(pose.shape.curl, finger);
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
    const bend = curl * elementAt(closedFinger, index);
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

/**
 * A place in the signer's own space, in shoulder widths from the point between the shoulders: `x` towards the side of the dominant hand, `y` down,
 * `z` towards the camera. A left-handed signer is the mirror image of a right-handed one.
 */
export interface Place {
  readonly x: number;
  readonly y: number;
  readonly z: number;
}

/** `a + b · scale`. */
export function add(a: Place, b: Place, scale = 1): Place {
  return { x: a.x + b.x * scale, y: a.y + b.y * scale, z: a.z + b.z * scale };
}

/** The place at `share` (0 … 1) of the way from `a` to `b`. */
function between(a: Place, b: Place, share: number): Place {
  return add(a, { x: b.x - a.x, y: b.y - a.y, z: b.z - a.z }, share);
}

/** The number at `share` (0 … 1) of the way from `a` to `b`. */
export function mix(a: number, b: number, share: number): number {
  return a + (b - a) * share;
}

/** The length of a vector. */
function lengthOf(vector: Place): number {
  return Math.hypot(vector.x, vector.y, vector.z);
}

/** The scalar product. */
function dot(a: Place, b: Place): number {
  return a.x * b.x + a.y * b.y + a.z * b.z;
}

/** A vector of length 1 in the same direction; a null vector stays one. */
function unit(vector: Place): Place {
  return add({ x: 0, y: 0, z: 0 }, vector, 1 / (lengthOf(vector) || 1));
}

/** The mirror image, left for right. */
export function mirrored(place: Place): Place {
  return { x: -place.x, y: place.y, z: place.z };
}

/** How far a movement from 0 to 1 has come at `time` (0 … 1) when it jerks as little as it can: slow, fast, slow, as a hand moves (Flash and Hogan, 1985). */
export function minimumJerk(time: number): number {
  const t = Math.min(1, Math.max(0, time));
  return t * t * t * (10 - 15 * t + 6 * t * t);
}
