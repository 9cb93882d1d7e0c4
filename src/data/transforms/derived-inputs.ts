import { DERIVED_INPUTS, derivedInputsOf, type DerivedInputs } from '../../config/derived-inputs';
import { widthOfLayout, type KeypointLayout } from '../../config/keypoint-layout';
import { UserError } from '../../foundation/errors';
import { elementAt } from '../../foundation/required';
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
  let to = 0;
  const putWay = (from: number, until: number): void => {
    if (!isMissing(values, from, dimensions) && !isMissing(values, until, dimensions))
      for (let axis = 0; axis < dimensions; axis++) derived[to + axis] = elementAt(values, until + axis) - elementAt(values, from + axis);
    to += dimensions;
  };
  for (let frame = 0; frame < frames; frame++) {
    const start = frame * positions;
    const end = start + positions;
    for (let at = start; at < end; at++) derived[to++] = elementAt(values, at);
    if (wanted.motion) {
      if (frame === 0) to += positions;
      else for (let at = start; at < end; at += dimensions) putWay(at - positions, at);
    }
    for (const { parent, child } of bones) putWay(start + dimensions * parent, start + dimensions * child);
    if (wanted.missingness) for (let at = start; at < end; at += dimensions) derived[to++] = isMissing(values, at, dimensions) ? 1 : 0;
  }
  return { values: derived, frames };
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
