import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { HOLISTIC_78 } from '../../src/config/known-layouts';
import { inspectClip, readClip, type InspectedClip } from '../../src/data/clip';
import { checkValues, type ClipFormat } from '../../src/data/clip-checks';
import type { NpyArray } from '../../src/data/npy-array';
import { formatNpy } from '../../src/data/npy-write';
import { formatNpz } from '../../src/data/npz';
import { clipArrays, clipValues, inTemporaryFolder } from '../support/clip-files';

const format: ClipFormat = { key: 'X', width: 156, keypoints: HOLISTIC_78 };

/** A clip of 4 frames with these arrays changed, as it is found. */
async function inspected(changes: Readonly<Record<string, NpyArray | undefined>>, expected = format): Promise<InspectedClip> {
  return inTemporaryFolder(async (folder) => {
    const file = path.join(folder, 'clip.npz');
    writeFileSync(file, formatNpz(clipArrays(4, 1, changes)));
    return inspectClip(file, expected);
  });
}

/** What is wrong with it. */
const problemsWith = async (...clip: Parameters<typeof inspected>): Promise<readonly string[]> => (await inspected(...clip)).problems;

const floats = (shape: readonly number[], fill = 0.5): NpyArray => {
  const count = shape.reduce((product, length) => product * length, 1);
  return { dtype: 'float32', shape, values: new Float32Array(count).fill(fill) };
};
const times = (...values: number[]): NpyArray => ({ dtype: 'int64', shape: [values.length], values: BigInt64Array.from(values, BigInt) });
const text = (value: string): NpyArray => ({ dtype: 'text', shape: [], values: [value] });
const withNotFinite = (): NpyArray => {
  const values = clipValues(4);
  values[157] = NaN;
  values[400] = -Infinity;
  return { dtype: 'float32', shape: [4, 156], values };
};

describe('a clip', () => {
  it('that is in order has no problems, with all its arrays or with X alone', async () => {
    expect(await problemsWith({})).toEqual([]);
    expect(await problemsWith({ mask: undefined, timestamps_ms: undefined, meta: undefined })).toEqual([]);
    expect(await problemsWith({ meta: text('{"signer": 3}') })).toEqual([]);
  });

  it.each<[string, Record<string, NpyArray | undefined>, RegExp]>([
    ['no X', { X: undefined }, /no array "X"; the file holds: mask, timestamps_ms, meta; choose the right one with --kp-key/],
    ['X of another width', { X: floats([4, 150]) }, /"X" is \[4, 150\], 150 numbers a frame; expected 156/],
    ['X of three dimensions', { X: floats([4, 78, 2]) }, /"X" is \[4, 78, 2\]; expected \[frames, 156\]/],
    ['X of text', { X: { dtype: 'text', shape: [1, 156], values: new Array<string>(156).fill('a') } }, /"X": text where numbers/],
    ['no frames', { X: floats([0, 156]) }, /"X" has no frames/],
    ['NaN and infinity', { X: withNotFinite() }, /"X" holds 2 NaN or infinite numbers \(the first: frame 1, number 1\)/],
    ['meta of other key points', { meta: text('{"keypoints_total": 75}') }, /"meta" says keypoints_total 75; expected 78/],
    ['meta of another order', { meta: text('{"order": "face11"}') }, /"meta" says order "face11"; expected "pose25,/],
  ])('with %s is told so', async (_, changes, message) => {
    expect(await problemsWith(changes)).toEqual([expect.stringMatching(message)]);
  });

  it('is looked at in every number, wherever it lies', () => {
    const checkedWith = (number: number, place: number, frames: number): [boolean, number] => {
      const values = new Float32Array(2 * frames).fill(0.25);
      values[place] = number;
      const { insideUnit, problems } = checkValues({ dtype: 'float32', shape: [frames, 2], values }, { key: 'X', width: 2 });
      return [insideUnit, problems.length];
    };
    for (const frames of [3, 4, 5])
      for (let place = 0; place < 2 * frames; place++) {
        for (const number of [0, 1, 2 ** -149])
          expect([number, place, checkedWith(number, place, frames)]).toEqual([number, place, [true, 0]]);
        for (const number of [-(2 ** -149), -1, 1 + 2 ** -23, 300])
          expect([number, place, checkedWith(number, place, frames)]).toEqual([number, place, [false, 0]]);
        for (const number of [NaN, Infinity, -Infinity])
          expect([number, place, checkedWith(number, place, frames)]).toEqual([number, place, [false, 1]]);
      }
    expect(checkValues(floats([2, 156], 0), format).insideUnit).toBe(false);
  });

  it.each<[string, Record<string, NpyArray | undefined>, RegExp]>([
    ['a mask of other length', { mask: floats([3, 78]) }, /"mask" is \[3, 78\], the clip has 4 frames/],
    ['a mask of other width', { mask: floats([4, 77]) }, /"mask" is \[4, 77\]; expected \[4, 78\]/],
    ['a mask that hides everything', { mask: floats([4, 78], 0) }, /no key point is visible/],
    ['timestamps of other length', { timestamps_ms: times(0, 1) }, /"timestamps_ms" is \[2\]; expected \[4\]/],
    ['a negative timestamp', { timestamps_ms: times(-5, 0, 1, 2) }, /negative \(-5 at frame 0\)/],
    ['timestamps that go back', { timestamps_ms: times(0, 33, 32, 66) }, /goes back \(33, then 32 at frame 2\)/],
    ['meta that is no JSON', { meta: text('{') }, /"meta" is no JSON/],
    ['meta that is a number', { meta: floats([]) }, /"meta" is no single text/],
    ['meta that is a list', { meta: text('[1]') }, /"meta" is no JSON object/],
  ])('with %s beside its values is remarked on and used', async (_, changes, message) => {
    const { clip, problems, remarks } = await inspected(changes);
    expect(remarks).toEqual([expect.stringMatching(message)]);
    expect(problems).toEqual([]);
    expect(clip?.values).toEqual(clipValues(4));
  });

  it('with several problems and remarks has them all listed', async () => {
    const changes = { X: withNotFinite(), mask: floats([3, 78]), timestamps_ms: times(1, 0, 0, 0), meta: text('{"order": ""}') };
    const { problems, remarks } = await inspected(changes);
    expect(problems).toHaveLength(2);
    expect(remarks).toHaveLength(2);
  });

  it('says what frames of another kind look like, and which array or model is meant', async () => {
    expect(await problemsWith({ X: floats([30, 126]) })).toEqual([
      '"X" is [30, 126], 126 numbers a frame; expected 156: 78 key points × (x, y): pose 25, left hand 21, right hand 21, face 11 (docs/data.md); this looks like the two hands of MediaPipe, 42 × (x, y, z); if it is left hand, right hand in this order, a file keypoints.json beside the folder of the clips says so: {"layout": "hands42x3"}',
    ]);
    expect(await problemsWith({ X: floats([1662]) })).toEqual([expect.stringMatching(/looks like a single frame: MediaPipe Holistic/)]);
    expect(await problemsWith({ X: floats([4, 78, 2]) })).toEqual([expect.stringMatching(/; save X\.reshape\(len\(X\), 156\)$/)]);
    expect(await problemsWith({ X: undefined, arr_0: floats([4, 156]) })).toEqual([
      expect.stringMatching(/no array "X"; .*"arr_0" is \[4, 156\]: choose it with --kp-key arr_0$/),
    ]);
    expect(await problemsWith({}, { key: 'X2048', width: 2048 })).toEqual([
      expect.stringMatching(/no array "X2048"; .*"X" is \[4, 156\]: key points as --model transformer reads them$/),
    ]);
  });

  it('that never moves is noticed and no problem', async () => {
    expect(await inspected({ X: floats([4, 156]) })).toMatchObject({ problems: [], constant: true });
    expect(await inspected({ X: floats([4, 156], 0) })).toMatchObject({ problems: [], constant: false, allZero: true });
    expect(await inspected({})).toMatchObject({ constant: false });
  });

  it('may be a single array, a .npy', async () => {
    await inTemporaryFolder(async (folder) => {
      const file = path.join(folder, 'clip.npy');
      writeFileSync(file, formatNpy({ dtype: 'float32', shape: [2, 156], values: clipValues(2) }));
      expect(await readClip(file, format)).toEqual({ values: clipValues(2), frames: 2 });
      expect(await inspectClip(file, { key: 'Y', width: 156, keypoints: HOLISTIC_78 })).toMatchObject({
        problems: [],
        remarks: [],
        clip: { frames: 2 },
      });
      writeFileSync(file, 'no array');
      await expect(readClip(file, format)).rejects.toThrow(/clip\.npy: not a readable \.npy: not a \.npy array/);
    });
  });

  it('is no video, and no .npy under another name', async () => {
    await inTemporaryFolder(async (folder) => {
      const video = path.join(folder, 'clip.mp4');
      writeFileSync(video, 'ftyp');
      await expect(readClip(video, format)).rejects.toThrow(
        /clip\.mp4: it is a video; expected its key points in an \.npz, "X"; npm run data -- extract makes it/,
      );
      const renamed = path.join(folder, 'clip.npz');
      writeFileSync(renamed, formatNpy({ dtype: 'float32', shape: [2, 156], values: clipValues(2) }));
      await expect(readClip(renamed, format)).rejects.toThrow(/clip\.npz: it is a single array; name it \.npy/);
    });
  });

  it('of features is not held to what key points are', async () => {
    const features = { key: 'X2048', width: 2048 };
    expect(await problemsWith({ X2048: floats([4, 2048], 3), mask: undefined, meta: text('{"dims_per_frame": 2048}') }, features)).toEqual(
      [],
    );
    expect((await inspected({ X2048: floats([5, 2048]) }, features)).remarks).toHaveLength(2);
  });

  it('outside [0, 1] is noticed and no problem', async () => {
    await inTemporaryFolder(async (folder) => {
      const file = path.join(folder, 'clip.npz');
      writeFileSync(file, formatNpz(clipArrays(4, 1, { X: floats([4, 156], 1.5) })));
      expect(await inspectClip(file, format)).toMatchObject({ problems: [], outsideUnit: true });
    });
  });

  it('is read alone, as float32 whatever it was saved as, or refused with its file named', async () => {
    await inTemporaryFolder(async (folder) => {
      const file = path.join(folder, 'clip.npz');
      writeFileSync(file, formatNpz({ X: { dtype: 'float64', shape: [2, 156], values: Float64Array.from(clipValues(2)) } }));
      expect(await readClip(file, format)).toEqual({ values: clipValues(2), frames: 2 });
      await expect(readClip(file, { key: 'X', width: 150 })).rejects.toThrow(/clip\.npz: "X" is \[2, 156\]/);
      await expect(readClip(file, { key: 'Y', width: 156, keypoints: HOLISTIC_78 })).rejects.toThrow(
        /clip\.npz: no array "Y"; the file holds: X/,
      );
    });
  });
});
