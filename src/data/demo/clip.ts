import type { RandomStream } from '../../foundation/random';
import { add, minimumJerk, mix, type Place } from './geometry';
import { blendHands, blendShapes, type HandPose, type HandShape } from './hand';
import { loseKeypoints } from './missing-keypoints';
import { handsAt, type SignRecipe } from './signs';
import type { Signer } from './signer';
import { keypointCount, keypointsOf, type Camera, type Posture } from './skeleton';

/** Numbers a frame: x and y of every key point. */
export const demoWidth = 2 * keypointCount;

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
  const values = new Float32Array(frames * demoWidth);
  for (let frame = 0; frame < frames; frame++) {
    const keypoints = keypointsOf(postureAt(sign, signer, take, frame / (frames - 1)), signer.proportions, take.camera, signer.leftHanded);
    for (const [index, value] of keypoints.entries())
      values[frame * demoWidth + index] = clamp(value + jitter * (random.uniform() - random.uniform()));
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
