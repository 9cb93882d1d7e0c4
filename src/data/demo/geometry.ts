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
export function between(a: Place, b: Place, share: number): Place {
  return add(a, { x: b.x - a.x, y: b.y - a.y, z: b.z - a.z }, share);
}

/** The number at `share` (0 … 1) of the way from `a` to `b`. */
export function mix(a: number, b: number, share: number): number {
  return a + (b - a) * share;
}

/** The length of a vector. */
export function lengthOf(vector: Place): number {
  return Math.hypot(vector.x, vector.y, vector.z);
}

/** The scalar product. */
export function dot(a: Place, b: Place): number {
  return a.x * b.x + a.y * b.y + a.z * b.z;
}

/** A vector of length 1 in the same direction; a null vector stays one. */
export function unit(vector: Place): Place {
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
