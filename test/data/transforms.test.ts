import { describe, expect, it } from '@jest/globals';
import { HOLISTIC_78 } from '../../src/config/known-layouts';
import { bucketLengths, planEpoch } from '../../src/data/batch';
import type { Clip } from '../../src/data/clip';
import { modelTransforms, TransformPipeline } from '../../src/data/transforms/pipeline';
import type { Transform } from '../../src/data/transforms/transform';
import { savedInputs } from '../../src/evaluation/saved-inputs';
import { UserError } from '../../src/foundation/errors';
import { signTransformer } from '../../src/models/transformer/sign-transformer';
import { clipValues } from '../support/clip-files';
import { tinyArchitecture } from '../support/tiny-transformer';

type Points = Readonly<Record<number, readonly [x: number, y: number]>>;

/** A clip with these key points in its frames, the others missing. */
function clipOf(...frames: readonly Points[]): Clip {
  const values = new Float32Array(frames.length * 156);
  frames.forEach((points, frame) => {
    for (const [point, place] of Object.entries(points)) values.set(place, frame * 156 + 2 * Number(point));
  });
  return { values, frames: frames.length };
}

/** Values that differ by no more than the rounding of float32. */
function expectClose(found: Float32Array, wanted: Float32Array): void {
  expect(found).toHaveLength(wanted.length);
  found.forEach((value, at) => {
    expect(Math.abs(value - (wanted[at] ?? NaN))).toBeLessThan(2e-5);
  });
}

describe('normalisation by the shoulders', () => {
  const pipeline = TransformPipeline.of([{ name: 'normalize', by: 'shoulders' }], HOLISTIC_78);
  const normalized = (clip: Clip): Float32Array => pipeline.apply(clip).values;
  const example = clipOf(
    { 0: [0.5, 0.25], 11: [0.625, 0.5], 12: [0.375, 0.5], 46: [0.25, 0.75] },
    { 0: [0.55, 0.2], 11: [0.75, 0.6], 12: [0.3, 0.45], 67: [0.52, 0.21] },
    { 0: [0.5, 0.3], 12: [0.4, 0.5] },
  );

  it('gives what NumPy computes with the lines of docs/data.md, a missing key point staying (0, 0)', () => {
    const numpy = clipOf(
      {
        0: [0, -0.6902819871902466],
        11: [0.3451409935951233, 0],
        12: [-0.3451409935951233, 0],
        46: [-0.6902819871902466, 0.6902819871902466],
      },
      {
        0: [0.06902821362018585, -0.8973665833473206],
        11: [0.6212537884712219, 0.20708465576171875],
        12: [-0.6212537884712219, -0.20708465576171875],
        67: [-0.013805708847939968, -0.8697553277015686],
      },
      { 0: [-0.034514106810092926, -0.5867396593093872], 12: [-0.31062689423561096, -0.034514106810092926] },
    );
    const before = example.values.slice();
    expectClose(normalized(example), numpy.values);
    expect(example.values).toEqual(before);
  });

  it('does not see where the camera stood, nor how near', () => {
    const values = clipValues(12).map((value) => value || 0.5);
    values.fill(0, 92, 134); // A hand that was not found.
    const moved = values.map((value, at) => (value === 0 ? 0 : 0.5 * value + (at % 2 === 0 ? 0.25 : 0.125)));
    expectClose(normalized({ values: moved, frames: 12 }), normalized({ values, frames: 12 }));
  });

  it('changes nothing more the second time', () => {
    const once = normalized(example);
    expectClose(normalized({ values: once, frames: 3 }), once);
  });

  it('leaves a clip as it is that shows both shoulders in no frame, or both on one spot', () => {
    for (const clip of [
      clipOf({ 0: [0.5, 0.25], 11: [0.625, 0.5] }, { 12: [0.4, 0.5] }),
      clipOf({ 11: [0.5, 0.5], 12: [0.5, 0.5], 20: [0.1, 0.1] }),
    ])
      expect(normalized(clip)).toEqual(clip.values);
  });

  it('is part of the model; other clips than key points and other options are refused', () => {
    const description = { name: 'normalize', by: 'shoulders' };
    expect(modelTransforms([description], HOLISTIC_78)).toEqual([description]);
    expect(() => TransformPipeline.of([description], undefined)).toThrow(
      new UserError('normalize by shoulders needs key points; these clips have none'),
    );
    expect(() => TransformPipeline.of([{ name: 'normalize', by: 'hips' }], HOLISTIC_78)).toThrow(
      /knows by: shoulders and nothing else, found {"by":"hips"}/,
    );
    expect(() => TransformPipeline.of([{ ...description, of: 2 }], HOLISTIC_78)).toThrow(/nothing else/);
  });
});

describe('saved transforms', () => {
  const model = signTransformer(tinyArchitecture);
  const saved = (transforms: unknown): unknown => savedInputs({ kumpas_version: '0.0.0', transforms }, model, 'm.pt').transforms;

  it('are none in a checkpoint of another program, whatever it calls so', () => {
    expect(savedInputs({ transforms: 'ToTensor()' }, model, 'm.pt').transforms).toEqual([]);
  });

  it('are read back, and none where there are none', () => {
    expect(saved(undefined)).toEqual([]);
    expect(saved([{ name: 'normalize', by: 'shoulders' }])).toEqual([{ name: 'normalize', by: 'shoulders' }]);
  });

  it('are refused where they are not known here: a model must not see clips that lack them', () => {
    expect(() => saved([{ name: 'rotate' }])).toThrow(
      /^m\.pt: config\.transforms: the transform "rotate" is not known here; known are normalize, derived_inputs, speed, crop, time_warp, shift, mirror, picture_crop, picture_colour, rotation, scale, translation, perspective, noise, finger_dropout, hand_dropout, keypoint_dropout, time_mask, mix$/,
    );
    expect(() => saved('normalize')).toThrow(/expected a list of transforms/);
    expect(() => saved([null])).toThrow(/expected a list of transforms/);
  });
});

describe('transforms that draw random numbers', () => {
  const drop: Transform = {
    isPartOfModel: false,
    apply: ({ values, frames }, random) => {
      const kept = frames - random.below(4);
      return { values: values.slice(0, kept * 156), frames: kept };
    },
    frames: { of: (frames, random) => frames - random.below(4), most: (frames) => frames },
  };
  const noise: Transform = {
    isPartOfModel: false,
    apply: ({ values, frames }, random) => ({ values: values.map((value) => value + random.uniform(-0.1, 0.1)), frames }),
  };
  const clip = { values: clipValues(20), frames: 20 };
  const pipeline = new TransformPipeline([
    ['drop', drop],
    ['noise', noise],
  ]);

  it('draw the same for the same seed, epoch and clip, and something else for another', () => {
    const at = (seed: number, epoch: number, index: number): Float32Array => pipeline.apply(clip, index, { seed, epoch }).values;
    expect(at(1, 2, 3)).toEqual(at(1, 2, 3));
    for (const other of [at(2, 2, 3), at(1, 3, 3), at(1, 2, 4)]) expect(other).not.toEqual(at(1, 2, 3));
  });

  it('have streams of their own: one more does not change what the others draw', () => {
    const alone = new TransformPipeline([['noise', noise]]);
    const [both, one] = [pipeline, alone].map((of) => of.apply(clip, 5, { seed: 7, epoch: 1 }).values);
    expect(both).toEqual(one?.subarray(0, both?.length));
  });

  it('are planned with the frames that they will give', () => {
    const entries = Array.from({ length: 30 }, (_, index) => ({
      name: `${index}`,
      file: '',
      frames: 9 + index,
      gloss: 0,
      category: 0,
      occluded: undefined,
    }));
    const lengths = bucketLengths(entries, { maxBuckets: 4, maxFrames: 40, batchSize: 4, transforms: pipeline });
    const randomness = { seed: 3, epoch: 2 };
    const plans = planEpoch(
      { entries },
      { batchSize: 4, maxFrames: 40, ...randomness, shuffle: true, bucketLengths: lengths, transforms: pipeline },
    );
    for (const { indices, frames, randomness: drawn } of plans) {
      expect(drawn).toEqual(randomness);
      for (const index of indices) {
        const before = entries[index]?.frames ?? NaN;
        const changed = pipeline.apply({ values: clipValues(before), frames: before }, index, drawn);
        expect(changed.frames).toBe(pipeline.framesOf(before, index, randomness));
        expect(changed.frames).toBeLessThanOrEqual(frames);
      }
    }
    expect(plans).not.toEqual(
      planEpoch({ entries }, { batchSize: 4, maxFrames: 40, ...randomness, shuffle: true, bucketLengths: lengths }),
    );
  });
});
