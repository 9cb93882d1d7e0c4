import { describe, expect, it } from '@jest/globals';
import { HOLISTIC_78 } from '../../src/config/known-layouts';
import { savedInputs } from '../../src/evaluation/saved-inputs';
import type { Model } from '../../src/models/model';
import { signTransformer } from '../../src/models/transformer/sign-transformer';
import { tinyArchitecture } from '../support/tiny-transformer';

const modelOf = (width: number): Model => signTransformer({ ...tinyArchitecture, input_dim: width });
const motion = { kumpas_version: '0.0.0', transforms: [{ name: 'derived_inputs', motion: true, missingness: true }] };

describe('what a checkpoint says of the inputs of its model', () => {
  it('are the usual key points where they give the width that the weights take, before their transforms', () => {
    expect(savedInputs(motion, modelOf(390), 'm.pt')).toEqual({ keypoints: HOLISTIC_78, transforms: motion.transforms, clipWidth: 156 });
    expect(savedInputs({}, modelOf(156), 'm.pt')).toEqual({ keypoints: HOLISTIC_78, transforms: [], clipWidth: 156 });
  });

  it('are as they are given where another program wrote it, and never where Kumpas did', () => {
    const { transforms } = motion;
    expect(savedInputs({ transforms: 'its own' }, modelOf(390), 'm.pt', transforms)).toEqual({
      keypoints: HOLISTIC_78,
      transforms,
      clipWidth: 156,
    });
    expect(savedInputs({ kumpas_version: '0.0.0' }, modelOf(156), 'm.pt', transforms)).toMatchObject({ transforms: [] });
  });

  it('are points of which nothing but their number is known, at other widths', () => {
    const { keypoints, clipWidth } = savedInputs(motion, modelOf(100), 'm.pt');
    expect([keypoints?.name, keypoints?.points.length, keypoints?.dimensions, clipWidth]).toEqual(['unknown', 20, 2, 40]);
    expect(savedInputs({}, modelOf(312), 'm.pt')).toMatchObject({ transforms: [], clipWidth: 312, keypoints: { name: 'unknown' } });
  });

  it('are refused where transforms and key points do not give the width that the weights take', () => {
    expect(() => savedInputs({ ...motion, keypoints: { layout: 'hands42' } }, modelOf(390), 'm.pt')).toThrow(
      /^m\.pt: config\.keypoints: hands42 has 210 numbers a frame, and the weights take 390$/,
    );
    expect(() => savedInputs(motion, modelOf(101), 'm.pt')).toThrow(
      /^m\.pt: its weights take 101 numbers a frame, which are no key points/,
    );
    const bones = { ...motion, transforms: [{ name: 'derived_inputs', bones: true }] };
    expect(() => savedInputs(bones, modelOf(100), 'm.pt')).toThrow(/^m\.pt: config\.transforms: bones: the layout unknown has none/);
  });
});
