import { required } from '../foundation/required';

/** Points of a skeleton that belong together: `left_hand`, its first point and how many there are. */
export interface KeypointPart {
  readonly name: string;
  readonly first: number;
  readonly count: number;
}

/**
 * What the numbers of a frame of key points are: a frame is `[x0, y0, x1, y1, …]`, or `[x0, y0, z0, x1, …]` where points have three dimensions. It travels with
 * clips and with models, so that checks, pictures and augmentation know which points are a hand and which are each other's mirror image.
 */
export interface KeypointLayout {
  readonly name: string;
  /** Numbers a point. */
  readonly dimensions: 2 | 3;
  /** A name for each point, as `pose_11` or `left_hand_4`: of MediaPipe's, the part and the landmark's number in it. */
  readonly points: readonly string[];
  /** In the order of their points, all of which belong to one. */
  readonly parts: readonly KeypointPart[];
  /** Of every point the one that it is in a mirror: itself, or its left or right counterpart. */
  readonly mirror: readonly number[];
  /** Chains of points that lines join in a picture; a part that none of them touches is drawn as points. */
  readonly bones: readonly (readonly number[])[];
}

/** Numbers a frame of a layout. */
export function widthOfLayout({ points, dimensions }: Pick<KeypointLayout, 'points' | 'dimensions'>): number {
  return points.length * dimensions;
}

/** A layout of which only the number of points is known: points without names, of no parts. */
export function unknownLayout(count: number, dimensions: 2 | 3): KeypointLayout {
  const places = Array.from({ length: count }, (_, place) => place);
  return { name: 'unknown', dimensions, points: places.map((place) => `point_${place}`), parts: [], mirror: places, bones: [] };
}

/** Whether only the width of a layout is known. */
export function isUnknownLayout({ parts }: KeypointLayout): boolean {
  return parts.length === 0;
}

/** `pose25,left_hand21,right_hand21,face11`: the parts and how many points each has, as the `meta` of a clip says it. */
export function orderOf({ parts }: Pick<KeypointLayout, 'parts'>): string {
  return parts.map(({ name, count }) => `${name}${count}`).join(',');
}

/** `75 key points × (x, y): pose 33, left hand 21, right hand 21`, for people. */
export function layoutInWords({ points, dimensions, parts }: KeypointLayout): string {
  const ofParts = parts.map(({ name, count }) => `${name.replaceAll('_', ' ')} ${count}`).join(', ');
  return `${points.length} key points × ${dimensions === 2 ? '(x, y)' : '(x, y, z)'}${parts.length > 1 ? `: ${ofParts}` : ''}`;
}

/** Whether two layouts are of the same points in the same order; what a mirror or a picture makes of them may differ. */
export function isSameLayout(one: KeypointLayout, other: KeypointLayout): boolean {
  return one.dimensions === other.dimensions && one.points.join() === other.points.join() && orderOf(one) === orderOf(other);
}

/** The part of that name; undefined where the layout has none. */
export function partNamed({ parts }: KeypointLayout, name: string): KeypointPart | undefined {
  return parts.find((part) => part.name === name);
}

/** A part of a layout that is to be made: its points by their names, in order. */
export interface NamedPart {
  readonly name: string;
  readonly points: readonly string[];
}

/** What a layout is made of. */
export interface LayoutParts {
  readonly name: string;
  readonly dimensions: 2 | 3;
  /** Each with points of its own. */
  readonly parts: readonly NamedPart[];
  /** Points that are each other's mirror image; those that are in no pair are their own. */
  readonly mirror: readonly (readonly [string, string])[];
  /** Chains of points that lines join in a picture. */
  readonly bones: readonly (readonly string[])[];
}

/** Makes a layout of its parts. @throws Error where a pair or a chain names a point that is in no part. */
export function layoutOf({ name, dimensions, parts, mirror, bones }: LayoutParts): KeypointLayout {
  const points = parts.flatMap((part) => part.points);
  const places = new Map(points.map((point, place) => [point, place]));
  const placeOf = (point: string): number => required(places.get(point), `the point ${point}`);
  const mirrored = points.map((_, place) => place);
  for (const [one, other] of mirror) {
    mirrored[placeOf(one)] = placeOf(other);
    mirrored[placeOf(other)] = placeOf(one);
  }
  let first = 0;
  const placed = parts.map((part) => {
    const begin = first;
    first += part.points.length;
    return { name: part.name, first: begin, count: part.points.length };
  });
  return { name, dimensions, points, parts: placed, mirror: mirrored, bones: bones.map((chain) => chain.map(placeOf)) };
}
