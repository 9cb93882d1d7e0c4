import { add, dot, lengthOf, mirrored, unit, type Place } from './geometry';
import { handLandmarks, type HandPose } from './hand';

/** Key points of a frame: pose 25, left hand 21, right hand 21, face 11. */
export const keypointCount = 78;

/** Where each group of key points starts. */
export const keypointGroups = { pose: 0, leftHand: 25, rightHand: 46, face: 67 } as const;

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
 * The 78 key points of a person as the camera sees them, `[x0, y0, x1, y1, …]` of 156 numbers in picture coordinates: MediaPipe Pose 0–24, the left and the
 * right hand's 21 landmarks, and the face mesh's 1, 33, 263, 133, 362, 61, 291, 105, 334, 199, 4. Left is the person's own left, on the picture's right.
 */
export function keypointsOf(posture: Posture, proportions: Proportions, camera: Camera, leftHanded: boolean): Float64Array {
  const shoulder: Place = { x: 0.5, y: 0, z: 0 };
  const dominant = limb(posture.dominant, shoulder, proportions, 1);
  const other = limb(posture.other, mirrored(shoulder), proportions, -1);
  const [left, right] = leftHanded ? [dominant, other] : [other, dominant];
  const leftwards = leftHanded ? 1 : -1;
  const hip = { x: 0.33 * leftwards, y: proportions.torso, z: 0 };

  const arms = [left.shoulder, right.shoulder, left.elbow, right.elbow];
  const knuckles = [0, 17, 5, 4].flatMap((landmark) => [left.landmarks[landmark] ?? left.elbow, right.landmarks[landmark] ?? right.elbow]);
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

  const keypoints = new Float64Array(2 * keypointCount);
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
