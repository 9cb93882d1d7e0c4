import { RandomStream } from '../../foundation/random';
import { add, mirrored, type Place } from './geometry';
import { blendShapes, type HandPose, type HandShape } from './hand';
import type { DemoLabels } from './labels';
import { displacementAt, type Movement } from './movement';

/** What the other hand does. */
export type OtherHand = 'rests' | 'mirrors' | 'follows' | 'holds';

/**
 * How a gloss is signed in the demo set. The recipes are made up: they have the makings of signs (place, hand shape, orientation, movement) but are no
 * signs of a real language.
 */
export interface SignRecipe {
  readonly gloss: number;
  readonly category: number;
  /** Signs of one family differ by nothing but their movement. */
  readonly family: number;
  /** The wrist in the middle of the stroke. */
  readonly middle: Place;
  /** Angle of the movement's axis from the outward horizontal, in radians, downwards. */
  readonly axis: number;
  /** Length of the movement in shoulder widths. */
  readonly extent: number;
  readonly direction: number;
  readonly roll: number;
  readonly shapes: readonly [HandShape, HandShape];
  readonly other: OtherHand;
  readonly movement: Movement;
}

/** Both hands at one moment; `other` is undefined while that hand rests. */
export interface Hands {
  readonly dominant: HandPose;
  readonly other: HandPose | undefined;
}

/**
 * The recipe of every gloss, by gloss id. The signs of one category share a region of the signing space and a hand shape; within it, families of three or
 * four signs share all but the movement, among them pairs that are each other's reverse in time. They are the same whatever the demo set's seed.
 */
export function demoSigns(labels: DemoLabels): SignRecipe[] {
  const recipes: SignRecipe[] = [];
  let family = 0;
  for (const [category] of labels.category.entries()) {
    const glosses = [...labels.gloss.keys()].filter((gloss) => labels.categoryOfGloss[gloss] === category);
    const families = Math.ceil(glosses.length / largestFamily);
    for (let index = 0; index < families; index++, family++) {
      const members = glosses.slice(Math.round((index * glosses.length) / families), Math.round(((index + 1) * glosses.length) / families));
      recipes.push(...drawFamily(category, family, index, members));
    }
  }
  return recipes.sort((a, b) => a.gloss - b.gloss);
}

/** The hands at `phase` (0 … 1) of the stroke. */
export function handsAt(sign: SignRecipe, phase: number): Hands {
  const { along, across, turn, shape } = displacementAt(sign.movement, phase);
  const moved: Place = {
    x: sign.extent * (along * Math.cos(sign.axis) - across * Math.sin(sign.axis)),
    y: sign.extent * (along * Math.sin(sign.axis) + across * Math.cos(sign.axis)),
    z: 0,
  };
  const dominant: HandPose = {
    wrist: add(sign.middle, moved),
    direction: sign.direction + turn,
    roll: sign.roll,
    shape: blendShapes(...sign.shapes, shape),
  };
  return { dominant, other: otherHand(sign, dominant, moved) };
}

const largestFamily = 4;

/** Every family has its four movements in this order: the first two are each other's reverse. */
const movementsOfFamily: readonly (readonly Movement[])[] = [
  [forward('line'), reverse('line'), forward('shake'), crosswise('line')],
  [forward('circle'), reverse('circle'), forward('line'), reverse('line')],
  [forward('morph'), reverse('morph'), forward('flutter'), forward('shake')],
  [forward('arc'), reverse('arc'), forward('twist'), forward('tap')],
  [forward('zigzag'), reverse('zigzag'), crosswise('shake'), forward('circle')],
];

function forward(form: Movement['form']): Movement {
  return { form, reversed: false, crosswise: false };
}

function reverse(form: Movement['form']): Movement {
  return { form, reversed: true, crosswise: false };
}

function crosswise(form: Movement['form']): Movement {
  return { form, reversed: false, crosswise: true };
}

/** One a category: where its signs are made, and with which hand shape. */
const regions: readonly Place[] = [
  { x: 0.55, y: -0.4, z: 0.35 },
  { x: 0.2, y: 0.05, z: 0.5 },
  { x: 0.6, y: 0.1, z: 0.4 },
  { x: 0.35, y: 0.4, z: 0.5 },
  { x: 0.15, y: 0.75, z: 0.45 },
  { x: 0.25, y: -0.3, z: 0.4 },
  { x: -0.1, y: 0.35, z: 0.45 },
  { x: 0.65, y: -0.2, z: 0.4 },
  { x: 0.1, y: -0.1, z: 0.45 },
  { x: 0.6, y: 0.75, z: 0.4 },
];

const handShapes: readonly HandShape[] = [
  { curl: [0.2, 0, 0, 0, 0], spread: 0 },
  { curl: [0.9, 1, 1, 1, 1], spread: 0 },
  { curl: [0.8, 0, 1, 1, 1], spread: 0.2 },
  { curl: [0.8, 0, 0, 1, 1], spread: 1 },
  { curl: [0.3, 0.5, 0.5, 0.5, 0.5], spread: 0.8 },
  { curl: [0, 0, 0, 0, 0], spread: 1 },
  { curl: [0, 1, 1, 1, 0], spread: 0.6 },
  { curl: [0, 0, 1, 1, 1], spread: 0.5 },
  { curl: [0.5, 0.7, 0, 0, 0], spread: 0.9 },
  { curl: [0.8, 0, 0, 0, 1], spread: 0.7 },
];

const otherHands: readonly OtherHand[] = ['rests', 'mirrors', 'holds', 'follows'];

function drawFamily(category: number, family: number, index: number, members: readonly number[]): SignRecipe[] {
  const random = new RandomStream(signSeed, family);
  const main = handShapes[category % handShapes.length] ?? openHand;
  const region = regions[category % regions.length] ?? { x: 0.4, y: 0.2, z: 0.4 };
  const axis = random.uniform(0, Math.PI);
  const shared = {
    category,
    family,
    middle: add(region, { x: random.uniform(-0.12, 0.12), y: random.uniform(-0.12, 0.12), z: 0 }),
    axis,
    extent: random.uniform(0.75, 0.9),
    direction: random.uniform(-0.3, 0.9),
    roll: random.uniform(0, Math.PI),
    shapes: [main, farFrom(main)] as const,
    other: otherHands[(index + category) % otherHands.length] ?? 'rests',
  };
  const movements = movementsOfFamily[family % movementsOfFamily.length] ?? [];
  return members.map((gloss, member) => ({ ...shared, gloss, movement: movements[member % movements.length] ?? forward('line') }));
}

/** Names the stream that the recipes are drawn from. */
const signSeed = 105_10;

const openHand: HandShape = { curl: [0, 0, 0, 0, 0], spread: 0.8 };
const closedHand: HandShape = { curl: [0.9, 0.9, 0.9, 0.9, 0.9], spread: 0 };

function farFrom(shape: HandShape): HandShape {
  return shape.curl.reduce((sum, curl) => sum + curl) > 2.5 ? openHand : closedHand;
}

function otherHand(sign: SignRecipe, dominant: HandPose, moved: Place): HandPose | undefined {
  switch (sign.other) {
    case 'rests':
      return undefined;
    case 'mirrors':
      return { ...dominant, wrist: mirrored(add(dominant.wrist, { x: 0.15, y: 0, z: 0 })) };
    case 'follows':
      return { ...dominant, wrist: add(mirrored(add(sign.middle, { x: 0.15, y: 0, z: 0 })), moved) };
    case 'holds':
      return { wrist: { x: -0.2, y: 0.65, z: 0.4 }, direction: 1.1, roll: 0.6, shape: openHand };
  }
}
