import { describe, expect, it } from '@jest/globals';
import { keypointDoubts } from '../../src/data/clip-checks';
import { KEYPOINT_WIDTH } from '../../src/config/data-settings';

/** Two frames of key points that move a little. */
function moving(scale: number): Float32Array {
  return Float32Array.from({ length: 2 * KEYPOINT_WIDTH }, (_, place) => (scale * ((place * 7) % 311)) / 311);
}

describe('what is odd about the key points of a clip', () => {
  it('is nothing where they lie between 0 and 1 and move', () => {
    expect(keypointDoubts(moving(1))).toEqual([]);
  });

  it('is that they look like pixels', () => {
    expect(keypointDoubts(moving(640))).toEqual([
      { kind: 'outside-unit', text: expect.stringMatching(/^numbers from 0 to 63\d.*divide x by the width/) as unknown as string },
    ]);
    expect(keypointDoubts(moving(1.2))[0]?.text).not.toContain('pixels');
    expect(keypointDoubts(moving(-1))[0]?.text).toContain('numbers from -0.99');
  });

  it('is that there are none, or that nothing moves', () => {
    expect(keypointDoubts(new Float32Array(2 * KEYPOINT_WIDTH)).map(({ kind }) => kind)).toEqual(['no-keypoints']);
    expect(keypointDoubts(new Float32Array(2 * KEYPOINT_WIDTH).fill(0.4)).map(({ kind }) => kind)).toEqual(['constant']);
    expect(keypointDoubts(new Float32Array(KEYPOINT_WIDTH).fill(0.4))).toEqual([]);
  });
});
