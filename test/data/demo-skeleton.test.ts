import { describe, expect, it } from '@jest/globals';
import { drawSigner } from '../../src/data/demo/clip';
import { handLandmarks, keypointsOf, type Posture } from '../../src/data/demo/skeleton';
import { KEYPOINT_GROUPS } from '../../src/data/keypoints';
import { RandomStream } from '../../src/foundation/random';

describe('the skeleton', () => {
  const { proportions } = drawSigner(new RandomStream(3), false);
  const hand = { wrist: { x: 0.5, y: 0.5, z: 0.4 }, direction: 0, roll: 0, shape: { curl: [0, 0, 0, 0, 0], spread: 0.5 } } as const;
  const posture: Posture = {
    dominant: hand,
    other: { ...hand, wrist: { x: -0.5, y: 0.5, z: 0.4 } },
    sway: { x: 0, y: 0, z: 0 },
    head: { turn: 0, nod: 0, tilt: 0 },
  };
  const camera = { x: 0.5, y: 0.45, scale: 0.3 };

  it('has the 78 key points where a person has them', () => {
    const point = pointsOf(keypointsOf(posture, proportions, camera, false));
    expect(point(11).x).toBeGreaterThan(point(12).x);
    expect(point(0).y).toBeLessThan(point(11).y);
    expect(point(23).y).toBeGreaterThan(point(11).y);
    expect(point(KEYPOINT_GROUPS.leftHand)).toEqual(point(15));
    expect(point(KEYPOINT_GROUPS.rightHand)).toEqual(point(16));
    expect(point(KEYPOINT_GROUPS.rightHand + 12).y).toBeLessThan(point(KEYPOINT_GROUPS.rightHand).y);
    const [mouthRight, mouthLeft, chin] = [
      point(KEYPOINT_GROUPS.face + 5),
      point(KEYPOINT_GROUPS.face + 6),
      point(KEYPOINT_GROUPS.face + 9),
    ];
    expect(mouthRight.x).toBeLessThan(mouthLeft.x);
    expect(chin.y).toBeGreaterThan(mouthLeft.y);
  });

  it('mirrors a left-handed person', () => {
    const right = pointsOf(keypointsOf(posture, proportions, camera, false));
    const left = pointsOf(keypointsOf(posture, proportions, camera, true));
    expect(left(13).x).toBeCloseTo(1 - right(14).x, 10);
    expect(left(KEYPOINT_GROUPS.leftHand + 8).x).toBeCloseTo(1 - right(KEYPOINT_GROUPS.rightHand + 8).x, 10);
  });

  it('keeps the arms to their lengths, out of reach too', () => {
    const far = { ...posture, dominant: { ...hand, wrist: { x: 3, y: -1, z: 0 } } };
    const point = pointsOf(keypointsOf(far, proportions, camera, false));
    const reach = camera.scale * (proportions.upperArm + proportions.forearm);
    expect(Math.hypot(point(16).x - point(12).x, point(16).y - point(12).y)).toBeLessThanOrEqual(reach);
  });

  it('closes a hand by curling its fingers', () => {
    const reachOf = (curl: number): number => {
      const landmarks = handLandmarks({ ...hand, shape: { curl: [curl, curl, curl, curl, curl], spread: 0.5 } }, 1, 1);
      const [wrist, tip] = [landmarks[0] ?? hand.wrist, landmarks[12] ?? hand.wrist];
      return Math.hypot(tip.x - wrist.x, tip.y - wrist.y, tip.z - wrist.z);
    };
    expect(handLandmarks(hand, 1, 1)).toHaveLength(21);
    expect(reachOf(0)).toBeCloseTo(1, 1);
    expect(reachOf(1)).toBeLessThan(0.75);
  });
});

function pointsOf(frame: ArrayLike<number>): (point: number) => { x: number; y: number } {
  return (point) => ({ x: frame[2 * point] ?? Number.NaN, y: frame[2 * point + 1] ?? Number.NaN });
}
