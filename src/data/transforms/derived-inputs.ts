import { DERIVED_INPUTS, derivedInputsOf, type DerivedInputs } from '../../config/derived-inputs';
import { widthOfLayout, type KeypointLayout } from '../../config/keypoint-layout';
import { UserError } from '../../foundation/errors';
import { elementAt, numberAt } from '../../foundation/required';
import type { Clip } from '../clip';
import { isMissing } from '../keypoints';
import type { TransformKind } from './transform';

const create: TransformKind['create'] = (description, keypoints) => {
  const { name, ...options } = description;
  const isKnown = Object.entries(options).every(([option, value]) => value === true && DERIVED_INPUTS.some((known) => known === option));
  if (!isKnown || Object.keys(options).length === 0)
    throw new UserError(
      `the transform ${name} knows ${DERIVED_INPUTS.join(', ')}, each true, and nothing else, found ${JSON.stringify(options)}`,
    );
  const wanted = derivedInputsOf([description]);
  if (keypoints === undefined) throw new UserError(`${Object.keys(options).join(', ')}: computed of key points; these clips have none`);
  const bones = wanted.bones ? bonesOf(keypoints) : [];
  const width = widthWith(keypoints, wanted, bones);
  return { isPartOfModel: true, width, apply: (clip) => derive(clip, keypoints, { wanted, bones, width }) };
};

/**
 * Puts beside the positions what is computed of them, for a model to see: `{ name: 'derived_inputs', motion: true, bones: true, missingness: true }`, each of
 * which may be left out. A frame `[positions]` becomes `[positions, velocities, bones, missing-ness]`.
 */
export const derivedInputs: TransformKind = {
  create,
  python: (keypoints, description) => ({ name: 'derived_inputs', lines: pythonLines(keypoints, derivedInputsOf([description])) }),
};

/** From one point to the one that a line joins with it. */
interface Bone {
  readonly parent: number;
  readonly child: number;
}

/**
 * The bones of a skeleton: the lines that pictures draw, from each point of a chain to the next, each once.
 * @throws UserError where the layout has none.
 */
function bonesOf({ name, bones: chains }: KeypointLayout): Bone[] {
  const bones = new Map<string, Bone>();
  for (const chain of chains) {
    chain.slice(1).forEach((child, before) => {
      const parent = elementAt(chain, before);
      const ends = [parent, child].sort((one, other) => one - other).join();
      if (parent !== child && !bones.has(ends)) bones.set(ends, { parent, child });
    });
  }
  if (bones.size > 0) return [...bones.values()];
  throw new UserError(`bones: the layout ${name} has none; leave it out, or give the layout its chains of points under "bones"`);
}

function widthWith(layout: KeypointLayout, { motion, missingness }: DerivedInputs, bones: readonly Bone[]): number {
  const { points, dimensions } = layout;
  const positions = widthOfLayout(layout);
  return positions + (motion ? positions : 0) + dimensions * bones.length + (missingness ? points.length : 0);
}

/**
 * A velocity is the way from the frame before, a bone the way from its parent to its child: 0 where one of the two key points that it lies between is missing. In
 * the first frame nothing has moved.
 */
function derive(
  { values, frames }: Clip,
  layout: KeypointLayout,
  { wanted, bones, width }: { readonly wanted: DerivedInputs; readonly bones: readonly Bone[]; readonly width: number },
): Clip {
  const { dimensions } = layout;
  const positions = widthOfLayout(layout);
  const derived = new Float32Array(frames * width);
  const found = foundPoints(values, dimensions);
  const points = layout.points.length;
  let to = 0;
  for (let frame = 0; frame < frames; frame++) {
    const first = frame * points;
    derived.set(values.subarray(frame * positions, (frame + 1) * positions), to);
    to += positions;
    if (wanted.motion) {
      if (frame > 0)
        for (let point = 0; point < points; point++)
          if (found[first + point] === 1 && found[first + point - points] === 1)
            putWay(
              derived,
              to + dimensions * point,
              values,
              dimensions * (first + point - points),
              dimensions * (first + point),
              dimensions,
            );
      to += positions;
    }
    for (const { parent, child } of bones) {
      if (found[first + parent] === 1 && found[first + child] === 1)
        putWay(derived, to, values, dimensions * (first + parent), dimensions * (first + child), dimensions);
      to += dimensions;
    }
    if (wanted.missingness) for (let point = 0; point < points; point++) derived[to++] = found[first + point] === 1 ? 0 : 1;
  }
  return { values: derived, frames };
}

// Loops over every key point look these up once: it would take most of the time.
const [number, missing] = [numberAt, isMissing];

/** Of each key point in each frame 1 where it was found, 0 where it is missing. */
function foundPoints(values: Float32Array, dimensions: 2 | 3): Uint8Array {
  const found = new Uint8Array(values.length / dimensions);
  for (let point = 0; point < found.length; point++) found[point] = missing(values, dimensions * point, dimensions) ? 0 : 1;
  return found;
}

/** Puts the way from one key point to another at a place. */
function putWay(derived: Float32Array, to: number, values: Float32Array, from: number, until: number, dimensions: 2 | 3): void {
  derived[to] = number(values, until) - number(values, from);
  derived[to + 1] = number(values, until + 1) - number(values, from + 1);
  if (dimensions === 3) derived[to + 2] = number(values, until + 2) - number(values, from + 2);
}

function pythonLines(keypoints: KeypointLayout, wanted: DerivedInputs): string[] {
  const { points, dimensions } = keypoints;
  const bones = wanted.bones ? bonesOf(keypoints) : [];
  const widths = [widthOfLayout(keypoints), widthWith(keypoints, wanted, bones)];
  const streams = ['points', ...(wanted.motion ? ['velocities'] : []), ...(wanted.bones ? ['bones'] : [])];
  const parts = [...streams.map((stream) => `${stream}.reshape(len(X), -1)`), ...(wanted.missingness ? ['~there'] : [])];
  return [
    `def derived_inputs(X):  # float32 [frames, ${widths.join('] to [frames, ')}]`,
    `    points = X.reshape(len(X), ${points.length}, ${dimensions})`,
    `    there = points.any(-1)  # a missing key point is ${dimensions === 2 ? '(0, 0)' : '(0, 0, 0)'}`,
    ...(wanted.motion
      ? [
          '    velocities = np.zeros_like(points)  # none in the first frame, and none from or to a missing key point',
          '    velocities[1:] = np.where((there[1:] & there[:-1])[..., None], points[1:] - points[:-1], 0)',
        ]
      : []),
    ...(wanted.bones
      ? [
          ...numbersOf(
            'parents',
            bones.map(({ parent }) => parent),
          ),
          ...numbersOf(
            'children',
            bones.map(({ child }) => child),
          ),
          '    bones = np.where((there[:, parents] & there[:, children])[..., None], points[:, children] - points[:, parents], 0)',
        ]
      : []),
    `    return np.concatenate([${parts.join(', ')}], axis=1).astype("float32")`,
  ];
}

const NUMBERS_A_LINE = 25;

/** A Python list, in lines that a page can show. */
function numbersOf(name: string, numbers: readonly number[]): string[] {
  const lines = Array.from({ length: Math.ceil(numbers.length / NUMBERS_A_LINE) }, (_, line) =>
    numbers.slice(line * NUMBERS_A_LINE, (line + 1) * NUMBERS_A_LINE).join(', '),
  );
  if (lines.length === 1) return [`    ${name} = [${lines.join()}]`];
  return [`    ${name} = [`, ...lines.map((line) => `        ${line},`), '    ]'];
}
