import { describe, expect, it } from '@jest/globals';
import { layoutOf } from '../../src/config/keypoint-layout';
import { HOLISTIC_78 } from '../../src/config/known-layouts';
import { pointInWords } from '../../src/config/landmark-names';
import { gapsOf, heatOf, pathLength, shoulderWidth, trackOf } from '../../src/app/page/shared/movement';

const layout = layoutOf({
  name: 'two shoulders and a wrist',
  dimensions: 2,
  parts: [{ name: 'body', points: ['left_shoulder', 'right_shoulder', 'wrist'] }],
  mirror: [],
  bones: [],
});
const [LEFT, RIGHT, WRIST] = [0, 1, 2];

/** Four frames; the wrist is missing in the third. */
const keypoints = {
  layout,
  mask: undefined,
  values: Float32Array.of(
    ...[0.75, 0.5, 0.25, 0.5, 0.5, 0.5],
    ...[0.75, 0.5, 0.25, 0.5, 0.5, 0.25],
    ...[0.75, 0.5, 0.25, 0.5, 0, 0],
    ...[0.75, 0.5, 0.25, 0.5, 0.75, 0.25],
  ),
};

describe('how a part of the body moves', () => {
  it('follows points, and the middle of several that are there', () => {
    expect(trackOf(keypoints, [WRIST])).toEqual({ x: Float64Array.of(0.5, 0.5, NaN, 0.75), y: Float64Array.of(0.5, 0.25, NaN, 0.25) });
    expect([...trackOf(keypoints, [LEFT, RIGHT]).x]).toEqual([0.5, 0.5, 0.5, 0.5]);
    expect([...trackOf(keypoints, [LEFT, WRIST]).y]).toEqual([0.5, 0.375, 0.5, 0.375]);
  });

  it('measures a way without what lies across a gap, in heights of the picture', () => {
    expect(pathLength(trackOf(keypoints, [WRIST]), 2)).toBeCloseTo(0.25);
    expect(pathLength({ x: Float64Array.of(0, 0.5), y: Float64Array.of(0, 0) }, 2)).toBeCloseTo(1);
    expect(gapsOf(trackOf(keypoints, [WRIST]))).toEqual({ frames: 1, longest: 1 });
    expect(gapsOf({ x: Float64Array.of(NaN, 1, NaN, NaN), y: new Float64Array(4) })).toEqual({ frames: 3, longest: 2 });
    expect(shoulderWidth(keypoints, 2)).toBeCloseTo(1);
    expect(shoulderWidth({ ...keypoints, layout: { ...layout, points: ['a', 'b', 'c'] } }, 2)).toBeUndefined();
  });

  it('is warmest where a point has been most', () => {
    const grid = { columns: 4, rows: 2, left: 0, top: 0, width: 1, height: 1 };
    const heat = heatOf({ ...keypoints, values: keypoints.values.map((value) => (value === 0 ? 0 : value + 0.1)) }, [WRIST], grid);
    expect(heat).toHaveLength(8);
    expect(Math.max(...heat)).toBe(1);
    expect(heat.indexOf(1) % 4).toBe(2); // x is about 0.6 in two of three frames.
    expect(heatOf({ ...keypoints, values: new Float32Array(24) }, [WRIST], grid)).toEqual(new Float32Array(8));
  });

  it('calls points what people call them', () => {
    const words = ['pose_15', 'left_hand_8', 'right_hand_0', 'right_hand_17', 'face_199'].map((name) =>
      pointInWords(HOLISTIC_78, HOLISTIC_78.points.indexOf(name)),
    );
    expect(words).toEqual(['left wrist', 'index fingertip', 'wrist', 'little finger, knuckle', 'chin']);
    expect(pointInWords(layout, LEFT)).toBe('left shoulder');
    expect(HOLISTIC_78.points.map((_, point) => pointInWords(HOLISTIC_78, point)).filter((name) => /\d/.test(name))).toEqual([]);
  });
});
