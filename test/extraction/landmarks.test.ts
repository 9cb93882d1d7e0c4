import { describe, expect, it } from '@jest/globals';
import { keypointsOf, LANDMARK_NUMBERS, LANDMARKS } from '../../src/extraction/landmarks';
import { occlusionOf } from '../../src/extraction/occlusion';

type Part = keyof typeof LANDMARKS;

/** A frame's landmarks as the worker sends them: of each part that is given, every landmark where the function puts it. */
function frameOf(parts: Partial<Record<Part, (landmark: number) => readonly number[]>>): Float32Array {
  const frame = new Float32Array(LANDMARK_NUMBERS).fill(NaN);
  for (const [name, place] of Object.entries(parts)) {
    const { start, count, numbers } = LANDMARKS[name as Part];
    for (let landmark = 0; landmark < count; landmark++) frame.set(place(landmark), start + landmark * numbers);
  }
  return frame;
}

/** A pose of which every landmark is as visible, at a place that tells it. */
const pose =
  (x: number, visibility = 1) =>
  (landmark: number) => [x, landmark / 100, visibility];
const still = (x: number, y: number) => () => [x, y];
/** A face whose landmarks go round an ellipse. */
const faceAt = (x: number, y: number) => (landmark: number) => [
  x + 0.1 * Math.cos((2 * Math.PI * landmark) / 478),
  y + 0.2 * Math.sin((2 * Math.PI * landmark) / 478),
];

/** x of a key point in every frame. */
function xOf({ values }: { readonly values: Float32Array }, point: number): number[] {
  return Array.from({ length: values.length / 156 }, (_, frame) => values[frame * 156 + 2 * point] ?? NaN);
}

describe('the key points of a clip', () => {
  it('are pose, left hand, right hand and eleven of the face, in this order', () => {
    const numbered = (part: number) => (landmark: number) => [part, landmark / 1000, 1].slice(0, part === 0.1 ? 3 : 2);
    const frame = frameOf({ pose: numbered(0.1), leftHand: numbered(0.2), rightHand: numbered(0.3), face: numbered(0.4) });
    const { values, mask } = keypointsOf([frame]);
    expect([...mask]).toEqual(new Array(78).fill(1));
    const at = (point: number): number[] => [...values.subarray(2 * point, 2 * point + 2)].map((value) => Number(value.toFixed(4)));
    expect([0, 24, 25, 45, 46, 66].map(at)).toEqual([
      [0.1, 0],
      [0.1, 0.024],
      [0.2, 0],
      [0.2, 0.02],
      [0.3, 0],
      [0.3, 0.02],
    ]);
    expect(Array.from({ length: 11 }, (_, point) => at(67 + point)[1])).toEqual(
      [1, 33, 263, 133, 362, 61, 291, 105, 334, 199, 4].map((landmark) => landmark / 1000),
    );
  });

  it('miss what was not found, and of the pose what is not visible enough', () => {
    const { values, mask } = keypointsOf([frameOf({ pose: (landmark) => [0.5, 0.5, landmark === 3 ? 0.49 : 0.5] })]);
    expect(mask.reduce((sum, found) => sum + found, 0)).toBe(24);
    expect([mask[3], values[6], values[7]]).toEqual([0, 0, 0]);
    expect([...values.subarray(50)].every((value) => value === 0)).toBe(true);
  });

  it('lie within the picture', () => {
    const { values, mask } = keypointsOf([frameOf({ pose: (landmark) => [landmark === 0 ? 1.2 : -0.1, landmark === 1 ? -0.3 : 0.5, 1] })]);
    expect([...values.subarray(0, 6)]).toEqual([1, 0.5, 0, 0, 0, 0.5]);
    expect([...mask.subarray(0, 3)]).toEqual([1, 0, 1]); // (0, 0) is what a missing one is.
  });

  it('are filled in along a line where at most five frames miss them, each for itself', () => {
    const visible = [0, 6].map((place) => frameOf({ pose: pose(place / 10) }));
    const hidden = frameOf({ pose: pose(0.9, 0.1) });
    const [first, last] = visible;
    if (first === undefined || last === undefined) throw new Error('no frames');
    const filled = keypointsOf([first, ...new Array<Float32Array>(5).fill(hidden), last]);
    xOf(filled, 11).forEach((x, frame) => {
      expect(x).toBeCloseTo(frame / 10, 6);
    });
    expect(Array.from({ length: 7 }, (_, frame) => filled.mask[frame * 78 + 11])).toEqual([1, 1, 1, 1, 1, 1, 1]);
    const open = keypointsOf([first, ...new Array<Float32Array>(6).fill(hidden), last]);
    expect(xOf(open, 11).slice(1, 7)).toEqual([0, 0, 0, 0, 0, 0]);
    expect(Array.from({ length: 8 }, (_, frame) => open.mask[frame * 78 + 11])).toEqual([1, 0, 0, 0, 0, 0, 0, 1]);
  });

  it('stay missing where a clip begins or ends without them', () => {
    const [seen, hidden] = [frameOf({ pose: pose(0.3) }), frameOf({ pose: pose(0.9, 0.1) })];
    const maskOf = (frames: readonly Float32Array[]): (number | undefined)[] => {
      const { mask } = keypointsOf(frames);
      return frames.map((_, frame) => mask[frame * 78 + 11]);
    };
    expect(maskOf([hidden, seen, hidden])).toEqual([0, 1, 0]);
    expect(maskOf([hidden, hidden])).toEqual([0, 0]);
  });
});

describe('occlusion of the face', () => {
  const face = faceAt(0.5, 0.4);
  const away = still(0.1, 0.9);

  it('counts frames with a palm or a fingertip within the ellipse of the face, and the longest run of them', () => {
    const palm = (landmark: number): readonly number[] => ([0, 5, 9, 13, 17].includes(landmark) ? [0.5, 0.4] : [0.1, 0.9]);
    const tip = (landmark: number): readonly number[] => (landmark === 8 ? [0.55, 0.5] : [0.1, 0.9]);
    const knuckle = (landmark: number): readonly number[] => (landmark === 7 ? [0.5, 0.4] : [0.1, 0.9]);
    const frames = [
      frameOf({ face, leftHand: palm }),
      frameOf({ face, rightHand: tip, leftHand: away }),
      frameOf({ face, leftHand: knuckle }),
      frameOf({ face, leftHand: palm }),
      frameOf({ face }),
    ];
    expect(occlusionOf(frames)).toEqual({ share: 3 / 5, longest_run: 2 });
  });

  it('is of the ellipse, not of the box about it', () => {
    const corner = still(0.5 + 0.09, 0.4 + 0.18);
    expect(occlusionOf([frameOf({ face, leftHand: corner })])).toEqual({ share: 0, longest_run: 0 });
    const edge = still(0.5 + 0.09, 0.4);
    expect(occlusionOf([frameOf({ face, leftHand: edge })])).toEqual({ share: 1, longest_run: 1 });
  });

  it('is of where the face was seen last while a hand hides it', () => {
    const before = still(0.5, 0.4);
    const hidden = frameOf({ leftHand: before });
    expect(occlusionOf([hidden, frameOf({ face }), hidden, hidden])).toEqual({ share: 2 / 4, longest_run: 2 });
  });

  it('is none without frames, faces or hands', () => {
    expect(occlusionOf([])).toEqual({ share: 0, longest_run: 0 });
    expect(occlusionOf([frameOf({ face }), frameOf({ pose: pose(0.5) })])).toEqual({ share: 0, longest_run: 0 });
  });
});
