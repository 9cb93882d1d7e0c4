import { readFileSync } from 'node:fs';
import path from 'node:path';
import { parse } from 'csv-parse/sync';
import { RandomStream } from '../../foundation/random';
import { elementAt } from '../../foundation/required';
import type { LabelNames } from '../clip-set';
import { add, blendShapes, mirrored, type HandPose, type HandShape, type Place } from './skeleton';

/** What the other hand does. */
type OtherHand = 'rests' | 'mirrors' | 'follows' | 'holds';

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
interface Hands {
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
  const main = elementAt(handShapes, category % handShapes.length);
  const region = elementAt(regions, category % regions.length);
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
    other: elementAt(otherHands, (index + category) % otherHands.length),
  };
  const movements = elementAt(movementsOfFamily, family % movementsOfFamily.length);
  return members.map((gloss, member) => ({ ...shared, gloss, movement: elementAt(movements, member % movements.length) }));
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

/** What a stroke does to a hand at one moment, about the middle of the stroke. */
interface Displacement {
  /** Along the sign's axis, −0.5 … 0.5. */
  readonly along: number;
  /** Across it, −0.5 … 0.5. */
  readonly across: number;
  /** Turn of the hand in its plane, in radians. */
  readonly turn: number;
  /** Which hand shape: 0 the first, 1 the second. */
  readonly shape: number;
}

/**
 * The forms that a stroke can have. Each but `tap` spends as long on one side of its middle as on the other, so that forms of one sign family cannot be
 * told apart by where the hand is on average.
 */
type MovementForm = 'line' | 'arc' | 'circle' | 'zigzag' | 'shake' | 'tap' | 'morph' | 'flutter' | 'twist';

/** A form, and whether it runs from its start to its end or back. */
interface Movement {
  readonly form: MovementForm;
  readonly reversed: boolean;
  /** True where the form is turned by a right angle from the family's axis. */
  readonly crosswise: boolean;
}

/** The displacement at `phase` (0 … 1) of a stroke. A reversed movement is the same one, run backwards in time. */
function displacementAt(movement: Movement, phase: number): Displacement {
  const displacement = forms[movement.form](movement.reversed ? 1 - phase : phase);
  return movement.crosswise ? { ...displacement, along: displacement.across, across: displacement.along } : displacement;
}

const still: Displacement = { along: 0, across: 0, turn: 0, shape: 0.5 };

/** From −1 to 1, starting and ending softly. */
const sweep = (phase: number): number => -Math.cos(Math.PI * phase);

const forms: Readonly<Record<MovementForm, (phase: number) => Displacement>> = {
  line: (phase) => ({ ...still, along: 0.5 * sweep(phase) }),
  arc: (phase) => ({ ...still, along: 0.5 * sweep(phase), across: 0.6 * (2 / Math.PI - Math.sin(Math.PI * phase)), shape: phase }),
  circle: (phase) => ({ ...still, along: -0.4 * Math.cos(2 * Math.PI * phase), across: 0.4 * Math.sin(2 * Math.PI * phase) }),
  zigzag: (phase) => ({ ...still, along: 0.5 * sweep(phase), across: 0.25 * Math.sin(5 * Math.PI * phase) }),
  shake: (phase) => ({ ...still, along: -0.4 * Math.cos(5 * Math.PI * phase) }),
  tap: (phase) => ({ ...still, along: 0.5 - 0.8 * Math.abs(Math.sin(3 * Math.PI * phase)) }),
  morph: (phase) => ({ ...still, along: 0.15 * sweep(phase), shape: 0.5 + 0.5 * sweep(phase) }),
  flutter: (phase) => ({ ...still, shape: 0.5 - 0.5 * Math.cos(5 * Math.PI * phase) }),
  twist: (phase) => ({ ...still, turn: 0.7 * Math.sin(4 * Math.PI * phase) }),
};

/** The names of the demo set's 105 glosses and 10 categories, and which category each gloss belongs to. */
export interface DemoLabels extends LabelNames {
  /** Position = gloss id, value = category id. */
  readonly categoryOfGloss: readonly number[];
}

/** The labels file beside this code: the 105 glosses and 10 categories of the Filipino Sign Language data, under their real names. */
const demoLabelsFile = path.join(__dirname, 'labels_reference.csv');

/** Reads {@link demoLabelsFile}, whose rows are ordered by gloss id. */
export function demoLabels(): DemoLabels {
  const rows: string[][] = parse(readFileSync(demoLabelsFile), { from_line: 2 });
  const gloss: string[] = [];
  const category: string[] = [];
  const categoryOfGloss: number[] = [];
  for (const [, glossName = '', categoryId = '', categoryName = ''] of rows) {
    gloss.push(glossName);
    categoryOfGloss.push(Number(categoryId));
    category[Number(categoryId)] = categoryName;
  }
  return { gloss, category, categoryOfGloss };
}
