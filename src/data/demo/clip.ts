import { KEYPOINT_WIDTH } from '../../config/data-settings';
import { RandomStream } from '../../foundation/random';
import { GROUP_SIZES, KEYPOINT_GROUPS, KEYPOINTS } from '../keypoints';
import { handsAt, type SignRecipe } from './signs';
import {
  add,
  blendHands,
  blendShapes,
  keypointsOf,
  minimumJerk,
  mix,
  type Camera,
  type HandPose,
  type HandShape,
  type Place,
  type Posture,
  type Proportions,
} from './skeleton';

/** The shortest and the longest clip, in frames. */
export const demoFrames = { least: 16, most: 32 } as const;

/**
 * One clip of a sign as a person makes it: the hands rise from near rest, make the stroke and sink again, on a swaying body, at a pace that varies, seen
 * with jitter and with key points missing.
 * @returns `[frames, 156]`, row by row, each number in [0, 1]; a missing key point is (0, 0).
 */
export function renderClip(sign: SignRecipe, signer: Signer, occluded: boolean, random: RandomStream): Float32Array {
  const frames = Math.min(demoFrames.most, Math.max(demoFrames.least, Math.round(signer.frames * random.uniform(0.82, 1.2))));
  const take = drawTake(signer, random);
  const values = new Float32Array(frames * KEYPOINT_WIDTH);
  for (let frame = 0; frame < frames; frame++) {
    const keypoints = keypointsOf(postureAt(sign, signer, take, frame / (frames - 1)), signer.proportions, take.camera, signer.leftHanded);
    for (const [index, value] of keypoints.entries())
      values[frame * KEYPOINT_WIDTH + index] = clamp(value + jitter * (random.uniform() - random.uniform()));
  }
  loseKeypoints(values, frames, { occluded, leftHanded: signer.leftHanded, otherHandRests: sign.other === 'rests' }, random);
  return values;
}

/** The most that a key point jitters (triangular about 0), as a share of the picture. */
const jitter = 0.006;

/** What is particular to one clip. */
interface Take {
  readonly camera: Camera;
  readonly extent: number;
  readonly offset: Place;
  readonly turn: number;
  /** Shares of the clip that rising and sinking take. */
  readonly rise: number;
  readonly sink: number;
  /** How far the hands are already up in the first frame, and still up in the last. */
  readonly raisedAtStart: number;
  readonly raisedAtEnd: number;
  /** How much quicker the first half is than the second, −1 … 1. */
  readonly haste: number;
  readonly sway: { readonly across: number; readonly down: number; readonly turn: number; readonly nod: number; readonly tilt: number };
  readonly swayPhase: number;
}

function drawTake(signer: Signer, random: RandomStream): Take {
  return {
    camera: {
      x: signer.camera.x + random.normal(0, 0.008),
      y: signer.camera.y + random.normal(0, 0.008),
      scale: signer.camera.scale * random.uniform(0.97, 1.03),
    },
    extent: signer.extent * random.uniform(0.9, 1.1),
    offset: add(signer.offset, { x: random.normal(0, 0.03), y: random.normal(0, 0.03), z: random.normal(0, 0.03) }),
    turn: signer.turn + random.normal(0, 0.08),
    rise: random.uniform(0.1, 0.2),
    sink: random.uniform(0.1, 0.2),
    raisedAtStart: random.uniform(0.1, 0.6),
    raisedAtEnd: random.uniform(0.1, 0.6),
    haste: random.uniform(-0.35, 0.35),
    sway: {
      across: signer.sway * random.normal(),
      down: 0.4 * signer.sway * random.normal(),
      turn: random.normal(0, 0.4),
      nod: random.normal(0, 0.03),
      tilt: random.normal(0, 0.05),
    },
    swayPhase: random.uniform(0, 2 * Math.PI),
  };
}

function postureAt(sign: SignRecipe, signer: Signer, take: Take, time: number): Posture {
  const paced = time + (take.haste * Math.sin(Math.PI * time)) / Math.PI;
  const phase = Math.min(1, Math.max(0, (paced - take.rise) / (1 - take.rise - take.sink)));
  const hands = handsAt({ ...sign, extent: sign.extent * take.extent }, phase);
  const raised = Math.min(
    mix(take.raisedAtStart, 1, minimumJerk(paced / take.rise)),
    mix(take.raisedAtEnd, 1, minimumJerk((1 - paced) / take.sink)),
  );
  const swing = Math.sin(2 * Math.PI * time + take.swayPhase);
  const { sway } = take;
  return {
    dominant: raise(hands.dominant, 1, raised, signer, take),
    other: hands.other === undefined ? restingHand(-1) : raise(hands.other, -1, raised, signer, take),
    sway: { x: sway.across * (1 + swing), y: sway.down * (1 + swing), z: 0 },
    head: { turn: sway.turn * (1 + 0.5 * swing), nod: sway.nod * swing, tilt: sway.tilt * (1 + 0.5 * swing) },
  };
}

/** A signing hand with its signer's habits, as far up from rest as `raised` (0 … 1) says. */
function raise(hand: HandPose, side: 1 | -1, raised: number, signer: Signer, take: Take): HandPose {
  const own: HandPose = {
    ...hand,
    wrist: add(hand.wrist, { ...take.offset, x: take.offset.x * side }),
    direction: hand.direction + take.turn,
    shape: blendShapes(hand.shape, relaxed, signer.looseness),
  };
  return blendHands(restingHand(side), own, raised);
}

const relaxed: HandShape = { curl: [0.3, 0.35, 0.4, 0.45, 0.5], spread: 0.3 };

/** A hand that hangs beside the hip. */
function restingHand(side: 1 | -1): HandPose {
  return { wrist: { x: 0.62 * side, y: 1.32, z: 0.1 }, direction: 2.9, roll: 1.4, shape: relaxed };
}

function clamp(value: number): number {
  return Math.min(1, Math.max(0, value));
}

/** A made-up person: body and way of signing. */
export interface Signer {
  readonly proportions: Proportions;
  readonly leftHanded: boolean;
  /** Where the person sits in the picture: the middle of the shoulders, and the share of the picture that a shoulder width takes. */
  readonly camera: { readonly x: number; readonly y: number; readonly scale: number };
  /** Frames that a clip takes on average; a quick signer takes few. */
  readonly frames: number;
  /** How much larger or smaller than usual the movements are. */
  readonly extent: number;
  /** How far off the usual place the signs are made, in shoulder widths. */
  readonly offset: Place;
  /** Turn of the hands, in radians. */
  readonly turn: number;
  /** How loosely the hand shapes are formed: 0 exactly, 1 not at all. */
  readonly looseness: number;
  /** How much the body sways, in shoulder widths. */
  readonly sway: number;
}

/** The people of a demo set: ten sign the training clips, one of them left-handed, and two others the validation clips. */
export function drawSigners(seed: number): { readonly training: readonly Signer[]; readonly validation: readonly Signer[] } {
  const signers = Array.from({ length: 12 }, (_, index) =>
    drawSigner(new RandomStream(seed, signerStream, index), index === leftHandedSigner),
  );
  return { training: signers.slice(0, 10), validation: signers.slice(10) };
}

/** Names the random streams that people are drawn from. */
const signerStream = 3;
const leftHandedSigner = 2;

/** Draws a person. */
export function drawSigner(random: RandomStream, leftHanded: boolean): Signer {
  return {
    proportions: {
      upperArm: random.uniform(0.74, 0.86),
      forearm: random.uniform(0.66, 0.76),
      hand: random.uniform(0.46, 0.54),
      head: random.uniform(0.92, 1.1),
      neck: random.uniform(0.64, 0.76),
      torso: random.uniform(1.4, 1.6),
    },
    leftHanded,
    camera: { x: random.uniform(0.48, 0.52), y: random.uniform(0.46, 0.49), scale: random.uniform(0.35, 0.39) },
    frames: random.uniform(19, 24),
    extent: random.uniform(0.88, 1.15),
    offset: { x: random.normal(0, 0.04), y: random.normal(0, 0.04), z: random.normal(0, 0.04) },
    turn: random.normal(0, 0.12),
    looseness: random.uniform(0, 0.15),
    sway: random.uniform(0.01, 0.03),
  };
}

/** What decides how a clip's key points go missing. */
interface Circumstances {
  /** Something hides the person in part: much more is missing. */
  readonly occluded: boolean;
  readonly leftHanded: boolean;
  /** A hand that hangs at the hip is often not found. */
  readonly otherHandRests: boolean;
}

/**
 * Takes key points away as a landmark detector loses them: a hand or a single point for a run of frames, a resting hand for the whole clip. Runs are longer
 * than 5 frames, for in filmed clips shorter gaps have been interpolated.
 * @param values `[frames, 156]`, changed in place; a missing key point becomes (0, 0).
 */
function loseKeypoints(values: Float32Array, frames: number, circumstances: Circumstances, random: RandomStream): void {
  const { occluded, leftHanded, otherHandRests } = circumstances;
  const [dominant, other] = leftHanded
    ? [KEYPOINT_GROUPS.leftHand, KEYPOINT_GROUPS.rightHand]
    : [KEYPOINT_GROUPS.rightHand, KEYPOINT_GROUPS.leftHand];
  const hide = (first: number, count: number, from: number, to: number): void => {
    for (let frame = from; frame < Math.min(to, frames); frame++) {
      const start = 2 * (frame * KEYPOINTS + first);
      values.fill(0, start, start + 2 * count);
    }
  };
  const hideForAWhile = (first: number, count: number, longest: number): void => {
    const length = shortestRun + random.below(longest - shortestRun + 1);
    const from = random.below(Math.max(1, frames - length + 1));
    hide(first, count, from, from + length);
  };

  if (otherHandRests && random.uniform() < 0.95) hide(other, GROUP_SIZES.hand, 0, frames);
  if (random.uniform() < (occluded ? 0.7 : 0.08)) hideForAWhile(dominant, GROUP_SIZES.hand, 8);
  if (random.uniform() < (occluded ? 0.7 : 0.08)) hideForAWhile(other, GROUP_SIZES.hand, 12);
  if (random.uniform() < (occluded ? 0.5 : 0.03)) hideForAWhile(KEYPOINT_GROUPS.face, GROUP_SIZES.face, 12);
  const points = occluded ? 4 + random.below(8) : 1 + random.below(3);
  for (let point = 0; point < points; point++) hideForAWhile(random.below(KEYPOINTS), 1, 14);
}

const shortestRun = 6;
