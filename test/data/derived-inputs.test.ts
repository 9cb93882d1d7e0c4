import { describe, expect, it } from '@jest/globals';
import { layoutOf, widthOfLayout } from '../../src/config/keypoint-layout';
import { HOLISTIC_78, KNOWN_LAYOUTS } from '../../src/config/known-layouts';
import type { Clip } from '../../src/data/clip';
import { modelTransforms, TransformPipeline } from '../../src/data/transforms/pipeline';
import { UserError } from '../../src/foundation/errors';
import { required } from '../../src/foundation/required';

/** An arm of three points, and a point that no line touches. */
const ARM = layoutOf({
  name: 'arm',
  dimensions: 2,
  parts: [{ name: 'arm', points: ['shoulder', 'elbow', 'wrist', 'nose'] }],
  mirror: [],
  bones: [
    ['shoulder', 'elbow', 'wrist'],
    ['wrist', 'elbow'],
  ],
});

/** Powers of two, of which the differences are exact: the shoulder, the elbow (missing in the second frame), the wrist, and a nose that comes in the third. */
const CLIP: Clip = {
  values: Float32Array.from([
    ...[0.5, 0.25, 0.5, 0.5, 0.75, 0.5, 0, 0],
    ...[0.5, 0.375, 0, 0, 0.75, 0.25, 0, 0],
    ...[0.625, 0.375, 0.5, 0.5, 0.75, 0, 0.125, 0.5],
  ]),
  frames: 3,
};

function derived(options: Readonly<Record<string, boolean>>, layout = ARM, clip = CLIP): number[][] {
  const pipeline = TransformPipeline.of([{ name: 'derived_inputs', ...options }], layout);
  const { values, frames } = pipeline.apply(clip);
  const width = pipeline.widthOf(widthOfLayout(layout));
  expect(values).toHaveLength(frames * width);
  return Array.from({ length: frames }, (_, frame) => [...values.subarray(frame * width, (frame + 1) * width)]);
}

const positions = [0, 8, 16].map((from) => [...CLIP.values.subarray(from, from + 8)]);

const velocities = [
  [0, 0, 0, 0, 0, 0, 0, 0],
  [0, 0.125, 0, 0, 0, -0.25, 0, 0],
  [0.125, 0, 0, 0, 0, -0.25, 0, 0],
];
const bones = [
  [0, 0.25, 0.25, 0],
  [0, 0, 0, 0],
  [-0.125, 0.125, 0.25, -0.5],
];
const missing = [
  [0, 0, 0, 1],
  [0, 1, 0, 1],
  [0, 0, 0, 0],
];

describe('inputs that are computed of key points', () => {
  it('are velocities from frame to frame: none in the first, and none from or to a missing key point', () => {
    expect(derived({ motion: true })).toEqual(positions.map((frame, at) => [...frame, ...(velocities[at] ?? [])]));
  });

  it('are bones from each point of a chain to the next, each once, and none from or to a missing key point', () => {
    expect(derived({ bones: true })).toEqual(positions.map((frame, at) => [...frame, ...(bones[at] ?? [])]));
  });

  it('are 1 for each key point that is missing, a point of which one number alone is 0 is there', () => {
    expect(derived({ missingness: true })).toEqual(positions.map((frame, at) => [...frame, ...(missing[at] ?? [])]));
  });

  it('stand one behind the other, and leave the clip as it is', () => {
    const before = Float32Array.from(CLIP.values);
    const all = positions.map((frame, at) => [...frame, ...(velocities[at] ?? []), ...(bones[at] ?? []), ...(missing[at] ?? [])]);
    expect(derived({ motion: true, bones: true, missingness: true })).toEqual(all);
    expect(CLIP.values).toEqual(before);
  });

  it('have a depth where the key points have one', () => {
    const deep = { ...ARM, dimensions: 3 } as const;
    const clip = { values: Float32Array.from([1, 1, 1, 1, 2, 3, 0, 0, 0, 0, 0, 0.5, 2, 1, 0.5, 1, 2, 3, 0, 0, 0, 0, 0, 0]), frames: 2 };
    const [, second = []] = derived({ motion: true, bones: true, missingness: true }, deep, clip);
    expect(second.slice(12)).toEqual([1, 0, -0.5, 0, 0, 0, 0, 0, 0, 0, 0, 0, -1, 1, 2.5, 0, 0, 0, 0, 0, 1, 1]);
  });

  it('make frames of the usual key points as wide as a model that is kept counts on', () => {
    const widthOf = (options: Readonly<Record<string, boolean>>): number =>
      TransformPipeline.of([{ name: 'derived_inputs', ...options }], HOLISTIC_78).widthOf(156);
    expect([widthOf({ motion: true }), widthOf({ bones: true }), widthOf({ missingness: true })]).toEqual([312, 256, 234]);
  });

  it('are part of the model, come of key points alone, and bones of those that have some', () => {
    const description = { name: 'derived_inputs', motion: true };
    expect(modelTransforms([description], HOLISTIC_78)).toEqual([description]);
    expect(() => TransformPipeline.of([description], undefined)).toThrow(
      new UserError('motion: computed of key points; these clips have none'),
    );
    expect(() => TransformPipeline.of([{ name: 'derived_inputs', bones: true }], { ...ARM, bones: [] })).toThrow(
      /^bones: the layout arm has none; leave it out, or give the layout its chains of points under "bones"$/,
    );
    expect(() => TransformPipeline.of([{ ...description, speed: true }], HOLISTIC_78)).toThrow(
      /knows motion, bones, missingness, each true/,
    );
    expect(() => TransformPipeline.of([{ name: 'derived_inputs' }], HOLISTIC_78)).toThrow(/nothing else, found {}/);
  });

  it.each([...KNOWN_LAYOUTS.keys()])('have bones of %s', (name) => {
    const layout = required(KNOWN_LAYOUTS.get(name), name);
    expect(TransformPipeline.of([{ name: 'derived_inputs', bones: true }], layout).widthOf(0)).toBeGreaterThan(widthOfLayout(layout));
  });
});
