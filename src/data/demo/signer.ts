import { RandomStream } from '../../foundation/random';
import type { Place } from './geometry';
import type { Proportions } from './skeleton';

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
