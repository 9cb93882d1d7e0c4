import { z } from 'zod';
import { firstIssue, UserError } from '../foundation/errors';
import { elementAt } from '../foundation/required';
import { counted, excerpt, nearestName, printableLine } from '../foundation/text';
import { isSameLayout, layoutOf, type KeypointLayout } from './keypoint-layout';
import { KNOWN_LAYOUTS } from './known-layouts';

/** More points than any skeleton has, and more chains or pairs of them than a picture needs. */
const MOST_POINTS = 2_000;
const MOST_PARTS = 100;

/** Letters of any script and digits; then spaces, `_`, `.` and `-` too. None can steer a terminal, or begin a list of its own. */
const name = z
  .string()
  .regex(/^[\p{L}\p{N}][\p{L}\p{M}\p{N} _.-]{0,63}$/u, 'expected a name of up to 64 letters, digits, spaces and _ . -');

const ownLayout = z.strictObject({
  name,
  dimensions: z.union([z.literal(2), z.literal(3)], { error: 'expected 2 (x, y) or 3 (x, y, z)' }),
  parts: z
    .array(z.strictObject({ name, points: z.array(name).min(1).max(MOST_POINTS) }))
    .min(1)
    .max(MOST_PARTS),
  mirror: z
    .array(z.tuple([name, name], { error: 'expected two points, as ["left_elbow", "right_elbow"]' }))
    .max(MOST_POINTS)
    .default([]),
  bones: z.array(z.array(name).min(2).max(MOST_POINTS)).max(MOST_POINTS).default([]),
});

const knownLayout = z.strictObject({ layout: z.string() });

/** A layout as JSON: the name of a known one, or the whole of one's own. */
export type LayoutDescription = z.input<typeof knownLayout> | z.input<typeof ownLayout>;

/**
 * The layout that a description stands for: `{ "layout": "holistic75" }`, or one's own with its `name`, `dimensions`, `parts` with their `points`, and, where
 * they are known, the pairs of `mirror` and the chains of `bones`.
 * @param value as JSON gives it; nothing of it is trusted.
 * @param place how messages name it.
 * @throws UserError that says what is wrong with it.
 */
export function layoutDescribed(value: unknown, place: string): KeypointLayout {
  const isKnown = typeof value === 'object' && value !== null && 'layout' in value;
  const checked = (isKnown ? knownLayout : ownLayout).safeParse(value);
  if (!checked.success)
    throw new UserError(`${place}: ${printableLine(excerpt(firstIssue(checked.error), 200))}${isKnown ? '' : EXPECTED}`);
  if ('layout' in checked.data) return layoutNamed(checked.data.layout, place);
  const problem = problemOf(checked.data);
  if (problem !== undefined) throw new UserError(`${place}: ${problem}`);
  const layout = layoutOf(checked.data);
  const known = KNOWN_LAYOUTS.get(layout.name);
  if (known === undefined) return layout;
  if (isSameLayout(known, layout)) return known;
  throw new UserError(`${place}: name: there is a known layout ${known.name}, of other points; give yours another name`);
}

const EXPECTED = '; expected {"layout": "holistic75"}, or the whole of a layout as docs/data.md describes it';

/**
 * The known layout of that name.
 * @param place how messages name what names it.
 * @throws UserError where there is none.
 */
export function layoutNamed(wanted: string, place: string): KeypointLayout {
  const known = KNOWN_LAYOUTS.get(wanted);
  if (known !== undefined) return known;
  const near = nearestName(wanted, KNOWN_LAYOUTS.keys());
  const meant = near === undefined ? '.' : `; is ${near} meant?`;
  throw new UserError(
    `${place}: layout: "${printableLine(excerpt(wanted))}" is not known${meant} Known are ${[...KNOWN_LAYOUTS.keys()].join(', ')}`,
  );
}

/** A layout as {@link layoutDescribed} reads it: of a known one its name alone. */
export function descriptionOf({ name: title, dimensions, points, parts, mirror, bones }: KeypointLayout): LayoutDescription {
  const known = KNOWN_LAYOUTS.get(title);
  if (known !== undefined) return { layout: known.name };
  const pointAt = (place: number): string => elementAt(points, place);
  return {
    name: title,
    dimensions,
    parts: parts.map((part) => ({ name: part.name, points: points.slice(part.first, part.first + part.count) })),
    mirror: mirror.flatMap((other, place): [string, string][] => (other > place ? [[pointAt(place), pointAt(other)]] : [])),
    bones: bones.map((chain) => chain.map(pointAt)),
  };
}

/** What is wrong between the parts of a description that are valid by themselves. */
function problemOf({ parts, mirror, bones }: z.output<typeof ownLayout>): string | undefined {
  const points = parts.flatMap((part) => part.points);
  if (points.length > MOST_POINTS) return `parts: they have ${points.length} points, at most ${MOST_POINTS} are read`;
  const doubledPart = doubled(parts.map((part) => part.name));
  if (doubledPart !== undefined) return `parts: two of them are called "${doubledPart}"`;
  const doubledPoint = doubled(points);
  if (doubledPoint !== undefined) return `parts: the point "${doubledPoint}" is there twice; each point is in one part, once`;
  const known = new Set(points);
  const unknown = (where: string, names: readonly string[]): string | undefined => {
    const missing = names.find((point) => !known.has(point));
    if (missing === undefined) return undefined;
    const near = nearestName(missing, points);
    return `${where}: "${missing}" is none of the points of the parts${near === undefined ? '' : `; is "${near}" meant?`}`;
  };
  const unknownMirror = unknown('mirror', mirror.flat());
  if (unknownMirror !== undefined) return unknownMirror;
  const itself = mirror.find(([one, other]) => one === other);
  if (itself !== undefined) return `mirror: "${itself[0]}" is its own mirror image, as every point is that is left out; leave it out`;
  const twice = doubled(mirror.flat());
  if (twice !== undefined) return `mirror: "${twice}" is in two pairs; a point has one mirror image`;
  const joined = bones.reduce((sum, chain) => sum + chain.length, 0);
  if (joined > 10 * MOST_POINTS) return `bones: they have ${counted(joined, 'point')}, at most ${10 * MOST_POINTS} are read`;
  return unknown('bones', bones.flat());
}

function doubled(names: readonly string[]): string | undefined {
  const seen = new Set<string>();
  return names.find((candidate) => seen.size === seen.add(candidate).size);
}
