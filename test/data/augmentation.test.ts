import path from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { augmentations, keypointAugmentSettings } from '../../src/config/augment-settings';
import type { TransformDescription } from '../../src/config/data-settings';
import { HOLISTIC_78 } from '../../src/config/known-layouts';
import { bucketLengths, planEpoch, type Batch } from '../../src/data/batch';
import { BatchSource } from '../../src/data/batch-source';
import type { Clip } from '../../src/data/clip';
import { isMissing } from '../../src/data/keypoints';
import { openClips } from '../../src/data/open-clips';
import { modelTransforms, TransformPipeline } from '../../src/data/transforms/pipeline';
import { savedInputs } from '../../src/evaluation/saved-inputs';
import { countNotFinite } from '../../src/foundation/required';
import { signTransformer } from '../../src/models/transformer/sign-transformer';
import { clipValues, inTemporaryFolder } from '../support/clip-files';
import { openFolder } from '../support/open-folder';
import { writeSmallData } from '../support/small-training';
import { tinyArchitecture } from '../support/tiny-transformer';

/** A clip of a signer who moves smoothly, without a right hand in the first half, and with a key point that is never found. */
function signer(frames = 40): Clip {
  const values = new Float32Array(frames * 156);
  for (let frame = 0; frame < frames; frame++) {
    for (let point = 0; point < 78; point++) {
      if (point === 30 || (point >= 46 && point < 67 && frame < frames / 2)) continue;
      values.set(
        [0.3 + 0.4 * Math.sin(point) ** 2 + 0.002 * frame, 0.2 + 0.5 * Math.cos(2 * point) ** 2 - 0.002 * frame],
        frame * 156 + 2 * point,
      );
    }
  }
  return { values, frames };
}

/** The clip that nothing may change. */
const SIGNER = signer();

const point = ({ values }: Clip, frame: number, index: number): [number, number] => {
  const [x = NaN, y = NaN] = values.subarray(frame * 156 + 2 * index);
  return [x, y];
};
const missing = (clip: Clip, frame: number, index: number): boolean => isMissing(clip.values, frame * 156 + 2 * index);
const bytes = ({ buffer, byteOffset, byteLength }: Float32Array): Buffer => Buffer.from(buffer, byteOffset, byteLength);
const distance = ([x, y]: readonly [number, number], [a, b]: readonly [number, number]): number => Math.hypot(x - a, y - b);

/** What a part always applied makes of a clip in the epoch `epoch`. */
function changed(description: Omit<TransformDescription, 'p'> & { readonly name: string }, clip = SIGNER, epoch = 1): Clip {
  const keypoints = clip.values.length === clip.frames * 156 ? HOLISTIC_78 : undefined;
  return TransformPipeline.of([{ ...description, p: 1 }], keypoints).apply(clip, 3, { seed: 7, epoch });
}

const epochs = Array.from({ length: 24 }, (_, index) => index + 1);
const most = (values: readonly number[]): number => Math.max(...values.map(Math.abs));
const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

/** Every part at the strength of the preset strong. */
const all = augmentations({
  augment: 'strong',
  ...Object.fromEntries(
    Object.keys(keypointAugmentSettings)
      .filter((key) => key !== 'augment')
      .map((key) => [key, null]),
  ),
});

describe('each part of the augmentation', () => {
  it('changes a clip, keeps what is missing missing, and leaves the clip that it was given as it is', () => {
    expect(all.map(({ name }) => name)).toHaveLength(14);
    for (const { name, p, ...options } of all) {
      const [clip, before] = [signer(), SIGNER];
      const made = epochs.map((epoch) => changed({ name, ...options }, clip, epoch));
      expect({ name, changes: made.some(({ values }) => Buffer.compare(bytes(values), bytes(before.values)) !== 0) }).toEqual({
        name,
        changes: true,
      });
      expect(clip).toEqual(before);
      for (const { values, frames } of made) {
        expect(values).toHaveLength(frames * 156);
        expect(countNotFinite(values)).toBe(0);
        // Key point 30 of the left hand, in a mirror 51 of the right one, is never found.
        const never = name === 'mirror' ? 51 : 30;
        expect([...Array(frames).keys()].every((frame) => missing({ values, frames }, frame, never))).toBe(true);
      }
      expect(p).toBeGreaterThan(0);
    }
  });

  it('changes the share p of the clips, and none where p is 0', () => {
    for (const { name, ...options } of all) {
      const clip = SIGNER;
      const ofShare = (p: number): number => {
        const pipeline = TransformPipeline.of([{ name, ...options, p }], HOLISTIC_78);
        return epochs
          .flatMap((epoch) => [0, 1, 2, 3].map((index) => pipeline.apply(clip, index, { seed: 1, epoch })))
          .filter((made) => made !== clip).length;
      };
      expect(ofShare(0)).toBe(0);
      expect(Math.abs(ofShare(0.5) - 48)).toBeLessThan(20);
      expect(ofShare(1)).toBe(96);
    }
  });

  it('stands a clip of one frame, and one without any key point', () => {
    for (const { name, p, ...options } of all)
      for (const clip of [signer(1), signer(2), { values: new Float32Array(5 * 156), frames: 5 }]) {
        const made = changed({ name, ...options }, clip);
        expect(made.frames).toBeGreaterThan(0);
        expect(countNotFinite(made.values)).toBe(0);
        if (clip.frames === 5) expect(made.values.every((value) => value === 0)).toBe(true);
        expect(p).toBeGreaterThan(0);
      }
  });

  it('is of training clips alone: no part of a model, and refused in a checkpoint', () => {
    expect(modelTransforms(all, HOLISTIC_78)).toEqual([]);
    const config = { kumpas_version: '0.0.0', transforms: [{ name: 'noise', p: 1, std: 1 }] };
    expect(() => savedInputs(config, signTransformer(tinyArchitecture), 'm.pt')).toThrow(
      'm.pt: config.transforms: noise changes training clips, and is no part of a model',
    );
  });

  it('refuses options that it does not know, and clips that it cannot change', () => {
    expect(() => TransformPipeline.of([{ name: 'noise', p: 1, sdt: 0.1 }], HOLISTIC_78)).toThrow(
      'the transform noise knows p from 0 to 1 and std, a number, and nothing else, found {"p":1,"sdt":0.1}',
    );
    expect(() => TransformPipeline.of([{ name: 'noise', p: 2, std: 0.1 }], HOLISTIC_78)).toThrow(/p from 0 to 1/);
    expect(() => TransformPipeline.of([{ name: 'mirror', p: 1, share: 0.1 }], HOLISTIC_78)).toThrow(/knows p from 0 to 1 and nothing else/);
    expect(() => TransformPipeline.of([{ name: 'rotation', p: 1, degrees: 3 }], undefined)).toThrow(
      'rotation needs key points; these clips have none',
    );
  });
});

describe('when things happen', () => {
  it('speed: between as fast and as slow as it says, both about as often, its ends the clip’s own', () => {
    const made = epochs.map((epoch) => changed({ name: 'speed', change: 0.25 }, SIGNER, epoch));
    const frames = made.map((clip) => clip.frames);
    expect(Math.min(...frames)).toBeGreaterThanOrEqual(32);
    expect(Math.max(...frames)).toBeLessThanOrEqual(50);
    expect(Math.min(...frames)).toBeLessThan(36);
    expect(Math.max(...frames)).toBeGreaterThan(45);
    for (const clip of made) {
      expect(point(clip, 0, 5)).toEqual(point(SIGNER, 0, 5));
      expect(distance(point(clip, clip.frames - 1, 5), point(SIGNER, 39, 5))).toBeLessThan(1e-6);
    }
  });

  it('speed: a key point between two frames lies between its places, one that only the nearer has lies there, and none comes from the farther', () => {
    const values = new Float32Array(3 * 156);
    values.set([0.2, 0.4], 0);
    values.set([0.4, 0.8], 156);
    values.set([0.5, 0.5], 156 + 2);
    const clip = { values, frames: 3 };
    const made = epochs.map((epoch) => changed({ name: 'time_warp', share: 0.2 }, clip, epoch));
    for (const warped of made) {
      const [x, y] = point(warped, 1, 0);
      expect(y).toBeCloseTo(2 * x, 5);
      expect(missing(warped, 0, 1) && missing(warped, 2, 1)).toBe(true);
      expect(point(warped, 1, 1)).toEqual([0.5, 0.5]);
    }
    expect(new Set(made.map((warped) => point(warped, 1, 0)[0])).size).toBeGreaterThan(10);
  });

  it('crop: a stretch of the clip, of at least the share that is left', () => {
    const made = epochs.map((epoch) => changed({ name: 'crop', share: 0.25 }, SIGNER, epoch));
    const starts = made.map(({ values, frames }) => {
      expect(frames).toBeGreaterThanOrEqual(30);
      const start = [...Array(41 - frames).keys()].find(
        (from) => SIGNER.values.subarray(from * 156, (from + frames) * 156).join() === values.join(),
      );
      expect(start).toBeDefined();
      return start;
    });
    expect(new Set(starts).size).toBeGreaterThan(3);
    expect(new Set(made.map(({ frames }) => frames)).size).toBeGreaterThan(5);
  });

  it('time_warp: begins and ends where the clip does, and never goes back', () => {
    for (const epoch of epochs) {
      const warped = changed({ name: 'time_warp', share: 0.2 }, SIGNER, epoch);
      expect(warped.frames).toBe(40);
      expect(point(warped, 0, 5)).toEqual(point(SIGNER, 0, 5));
      expect(distance(point(warped, 39, 5), point(SIGNER, 39, 5))).toBeLessThan(1e-6);
      const along = Array.from({ length: 40 }, (_, frame) => point(warped, frame, 5)[0]);
      expect(along.every((x, frame) => frame === 0 || x >= (along[frame - 1] ?? NaN))).toBe(true);
    }
  });

  it('shift: as many frames, moved as a whole, the first or last standing still', () => {
    const shifts = epochs.map((epoch) => {
      const shifted = changed({ name: 'shift', share: 0.1 }, SIGNER, epoch);
      expect(shifted.frames).toBe(40);
      const by = [-4, -3, -2, -1, 0, 1, 2, 3, 4].find((frames) =>
        Array.from({ length: 40 }, (_, frame) => frame).every(
          (frame) => point(shifted, frame, 5).join() === point(SIGNER, Math.min(Math.max(frame - frames, 0), 39), 5).join(),
        ),
      );
      return Number(by);
    });
    expect(Math.min(...shifts)).toBeLessThan(-1);
    expect(Math.max(...shifts)).toBeGreaterThan(1);
  });
});

describe('where the camera stands', () => {
  const pairs = [
    [0, 11],
    [11, 12],
    [5, 70],
  ] as const;
  const lengths = (clip: Clip): number[] => pairs.map(([one, other]) => distance(point(clip, 30, one), point(clip, 30, other)));
  const ratios = (clip: Clip): number[] => lengths(clip).map((length, index) => length / (lengths(SIGNER)[index] ?? NaN));

  it('rotation: keeps all distances, and turns by up to so many degrees, either way', () => {
    const angleOf = (clip: Clip): number => {
      const [[x, y], [a, b]] = [point(clip, 30, 11), point(clip, 30, 0)];
      return Math.atan2(b - y, a - x);
    };
    const angles = epochs.map((epoch) => {
      const turned = changed({ name: 'rotation', degrees: 10 }, SIGNER, epoch);
      for (const ratio of ratios(turned)) expect(ratio).toBeCloseTo(1, 4);
      const turn = ((angleOf(turned) - angleOf(SIGNER)) * 180) / Math.PI;
      return turn > 180 ? turn - 360 : turn < -180 ? turn + 360 : turn;
    });
    expect(most(angles)).toBeLessThan(10.01);
    expect(Math.max(...angles)).toBeGreaterThan(5);
    expect(Math.min(...angles)).toBeLessThan(-5);
  });

  it('scale: all distances by one factor, larger as often as smaller', () => {
    const factors = epochs.map((epoch) => {
      const [first = NaN, ...others] = ratios(changed({ name: 'scale', change: 0.25 }, SIGNER, epoch));
      for (const other of others) expect(other).toBeCloseTo(first, 4);
      return first;
    });
    expect(Math.max(...factors)).toBeLessThan(1.2501);
    expect(Math.min(...factors)).toBeGreaterThan(0.7999);
    expect(Math.max(...factors)).toBeGreaterThan(1.1);
    expect(Math.min(...factors)).toBeLessThan(0.9);
  });

  it('translation: all key points by the same, in each direction', () => {
    const moves = epochs.map((epoch) => {
      const moved = changed({ name: 'translation', share: 0.1 }, SIGNER, epoch);
      const [dx, dy] = [0, 1].map((axis) => (point(moved, 30, 50)[axis] ?? NaN) - (point(SIGNER, 30, 50)[axis] ?? NaN));
      expect(point(moved, 3, 7)[0] - point(SIGNER, 3, 7)[0]).toBeCloseTo(dx ?? NaN, 5);
      return [dx ?? NaN, dy ?? NaN];
    });
    for (const axis of [0, 1]) {
      const along = moves.map((move) => move[axis] ?? NaN);
      expect(most(along)).toBeLessThan(0.1001);
      expect(Math.max(...along)).toBeGreaterThan(0.05);
      expect(Math.min(...along)).toBeLessThan(-0.05);
    }
  });

  it('perspective: straight lines stay straight, while distances change from place to place', () => {
    const values = new Float32Array(156);
    values.set([0.2, 0.2, 0.4, 0.3, 0.6, 0.4, 0.9, 0.9, 0.1, 0.8]);
    for (const epoch of epochs) {
      const tilted = changed({ name: 'perspective', tilt: 0.2 }, { values, frames: 1 }, epoch);
      const [[x, y], [a, b], [c, d]] = [point(tilted, 0, 0), point(tilted, 0, 1), point(tilted, 0, 2)];
      expect((a - x) * (d - y) - (b - y) * (c - x)).toBeCloseTo(0, 5);
      expect(Math.abs(Math.hypot(a - x, b - y) - Math.hypot(c - a, d - b))).toBeGreaterThan(1e-5);
    }
  });

  it('mirror: hands and the left and right of body and face exchanged, the nose its own; twice is the clip', () => {
    const mirrored = changed({ name: 'mirror' });
    const middle = (point(SIGNER, 30, 0)[0] + point(mirrored, 30, 0)[0]) / 2;
    const partners = [
      [0, 0],
      [2, 5],
      [11, 12],
      [16, 15],
      [23, 24],
      [29, 50],
      [60, 39],
      [67, 67],
      [68, 69],
      [73, 72],
      [75, 74],
      [77, 77],
    ] as const;
    for (const [one, other] of partners) {
      const [[x, y], [a, b]] = [point(mirrored, 30, one), point(SIGNER, 30, other)];
      expect([x, y]).toEqual([expect.closeTo(2 * middle - a, 5), expect.closeTo(b, 5)]);
    }
    for (const frame of [3, 30]) expect([missing(mirrored, frame, 25), missing(mirrored, frame, 46)]).toEqual([frame < 20, false]);
    const twice = changed({ name: 'mirror' }, mirrored);
    expect(most(Array.from(twice.values, (value, at) => value - (SIGNER.values[at] ?? NaN)))).toBeLessThan(1e-6);
    const range = (clip: Clip): number[] => {
      const along = clip.values.filter((value, at) => at % 2 === 0 && value !== 0);
      return [Math.min(...along), Math.max(...along)].map((x) => Number(x.toFixed(5)));
    };
    expect(range(mirrored)).toEqual(range(SIGNER));
  });

  it('leave a found key point found that comes to lie at (0, 0)', () => {
    const values = new Float32Array(156);
    values.set([1, 0, 0, 0.5]);
    expect(missing(changed({ name: 'mirror' }, { values, frames: 1 }), 0, 0)).toBe(false);
  });
});

describe('what is found', () => {
  it('noise: normal deviates of that standard deviation on what is found', () => {
    const noisy = changed({ name: 'noise', std: 0.01 });
    const added = [...noisy.values].flatMap((value, at) => (SIGNER.values[at] === 0 ? [] : [value - (SIGNER.values[at] ?? NaN)]));
    expect(Math.abs(mean(added))).toBeLessThan(0.001);
    expect(Math.sqrt(mean(added.map((value) => value ** 2)))).toBeCloseTo(0.01, 3);
    noisy.values.forEach((value, at) => {
      if (SIGNER.values[at] === 0) expect(value).toBe(0);
    });
  });

  it('time_mask: one stretch of the share of the frames is zero, never all of them, and remains part of the clip', () => {
    const starts = epochs.map((epoch) => {
      const { values, frames } = changed({ name: 'time_mask', share: 0.1 }, SIGNER, epoch);
      const masked = [...Array(frames).keys()].filter((frame) =>
        values.subarray(frame * 156, (frame + 1) * 156).every((value) => value === 0),
      );
      expect(masked).toEqual([0, 1, 2, 3].map((further) => (masked[0] ?? NaN) + further));
      return masked[0];
    });
    expect(new Set(starts).size).toBeGreaterThan(8);
    expect(changed({ name: 'time_mask', share: 1 }, signer(3)).values.some((value) => value !== 0)).toBe(true);
  });

  it('noise and time_mask change features too, zeros of noise among them', () => {
    const features = { values: clipValues(10, 1, 2048).fill(0, 0, 2048), frames: 10 };
    const noisy = changed({ name: 'noise', std: 0.01 }, features).values;
    expect(noisy.every((value, at) => value !== features.values[at])).toBe(true);
    const masked = changed({ name: 'time_mask', share: 0.3 }, features).values;
    expect(masked.filter((value) => value === 0).length).toBeGreaterThan(3 * 2000);
  });

  it('finger_dropout: whole fingers, as many at most, in all frames, and never a wrist', () => {
    const counts = epochs.map((epoch) => {
      const left = changed({ name: 'finger_dropout', fingers: 3 }, SIGNER, epoch);
      expect([25, 46].map((wrist) => missing(left, 39, wrist))).toEqual([false, false]);
      const fingers = [25, 46].flatMap((hand) => [0, 1, 2, 3, 4].map((finger) => hand + 1 + 4 * finger));
      const lost = fingers.filter((first) => [0, 1, 2, 3].every((joint) => missing(left, 39, first + joint)));
      const points = Array.from({ length: 78 }, (_, index) => index).filter((index) => missing(left, 39, index) && index !== 30);
      expect(points.filter((index) => lost.every((first) => index < first || index > first + 3))).toEqual([]);
      for (const first of lost) expect(missing(left, 21, first)).toBe(true);
      return lost.length;
    });
    expect(new Set(counts)).toEqual(new Set([1, 2, 3]));
  });

  it('hand_dropout: one hand for a stretch of at most that share, either of them', () => {
    const hands = epochs.map((epoch) => {
      const clip = { values: clipValues(40).map((value) => value || 0.5), frames: 40 };
      const left = changed({ name: 'hand_dropout', share: 0.25 }, clip, epoch);
      const lostOf = (hand: number): number[] =>
        [...Array(40).keys()].filter((frame) => missing(left, frame, hand) && missing(left, frame, hand + 20));
      const [ofLeft, ofRight] = [lostOf(25), lostOf(46)];
      const lost = ofLeft.length > 0 ? ofLeft : ofRight;
      expect(Math.min(ofLeft.length, ofRight.length)).toBe(0);
      expect(lost.length).toBeGreaterThan(0);
      expect(lost.length).toBeLessThanOrEqual(10);
      expect(lost).toEqual(lost.map((_, index) => (lost[0] ?? NaN) + index));
      expect(missing(left, lost[0] ?? NaN, 0)).toBe(false);
      return ofLeft.length > 0;
    });
    expect(new Set(hands).size).toBe(2);
  });

  it('keypoint_dropout: about that share of the key points, each frame others', () => {
    const clip = { values: clipValues(40).map((value) => value || 0.5), frames: 40 };
    const left = changed({ name: 'keypoint_dropout', share: 0.1 }, clip);
    const lost = (frame: number): number[] => [...Array(78).keys()].filter((index) => missing(left, frame, index));
    const share = mean([...Array(40).keys()].map((frame) => lost(frame).length / 78));
    expect(Math.abs(share - 0.1)).toBeLessThan(0.03);
    expect(lost(1)).not.toEqual(lost(2));
  });
});

describe('batches of augmented clips', () => {
  /** The clip of every position of a set, as batches of the source hold it. */
  async function clipsOf(batches: AsyncIterable<Batch>): Promise<Map<number, string>> {
    const clips = new Map<number, string>();
    for await (const { indices, frames, width, mask, features } of batches)
      indices.forEach((index, row) => {
        const count = mask.subarray(row * frames, (row + 1) * frames).reduce((sum, kept) => sum + kept, 0);
        clips.set(index, features.subarray(row * frames * width, (row * frames + count) * width).join());
        expect(features.subarray((row * frames + count) * width, (row + 1) * frames * width).every((value) => value === 0)).toBe(true);
      });
    return clips;
  }

  it('are the same from memory and from the reading thread, whatever the order and size of batches; each seed and epoch has others', async () => {
    await inTemporaryFolder(async (folder) => {
      writeSmallData(folder);
      const certain = all.map((part) => ({ ...part, p: 0.7 }));
      const pipeline = TransformPipeline.of(certain, HOLISTIC_78);
      const clipsIn = async (
        memoryBudgetBytes: number,
        batchSize: number,
        maxBuckets: number,
        seed = 5,
        epoch = 2,
      ): Promise<Map<number, string>> => {
        const { train } = await openFolder(path.join(folder, 'data'), { memoryBudgetBytes, needTrain: true });
        if (train === undefined) throw new Error('no training clips');
        expect(train.values === undefined).toBe(memoryBudgetBytes < 1e6);
        const options = { batchSize, maxFrames: 300, transforms: pipeline };
        const lengths = bucketLengths(train.entries, { ...options, maxBuckets });
        const source = new BatchSource(train, { batchSize, transforms: certain });
        const clips = await clipsOf(source.epoch(planEpoch(train, { ...options, seed, epoch, shuffle: true, bucketLengths: lengths })));
        await source.close();
        expect(clips.size).toBe(train.entries.length);
        return clips;
      };
      const here = await clipsIn(1e9, 4, 3);
      expect(await clipsIn(1000, 4, 3)).toEqual(here);
      for (const [index, clip] of await clipsIn(1e9, 7, 1)) expect(clip).toBe(here.get(index));
      expect(await clipsIn(1e9, 4, 3, 6)).not.toEqual(here);
      expect(await clipsIn(1e9, 4, 3, 5, 3)).not.toEqual(here);
    });
  });

  it('change a clip that balanced sampling draws again otherwise each time, the first time as ever; the same from memory and the reading thread', async () => {
    await inTemporaryFolder(async (folder) => {
      writeSmallData(folder);
      const parts = [
        { name: 'speed', p: 1, change: 0.5 },
        { name: 'noise', p: 1, std: 0.01 },
      ];
      const transforms = TransformPipeline.of(parts, HOLISTIC_78);
      const randomness = { seed: 5, epoch: 2 };
      const batchesIn = async (memoryBudgetBytes: number): Promise<Batch[]> => {
        const { train } = await openFolder(path.join(folder, 'data'), { memoryBudgetBytes, needTrain: true });
        if (train === undefined) throw new Error('no training clips');
        const rare = { ...train, entries: train.entries.map((entry, index) => ({ ...entry, gloss: index === 0 ? 0 : 1 })) };
        const options = { batchSize: 4, maxFrames: 300, transforms };
        const lengths = bucketLengths(rare.entries, { ...options, maxBuckets: 3 });
        const source = new BatchSource(rare, { batchSize: 4, transforms: parts });
        const plans = planEpoch(rare, { ...options, ...randomness, shuffle: true, sampling: 'balanced', bucketLengths: lengths });
        const draws = plans.flatMap(({ indices, draws: before }) =>
          indices.flatMap((index, row) => (index === 0 ? [before?.[row] ?? 0] : [])),
        );
        expect(draws.toSorted((one, other) => one - other)).toEqual(draws.map((_, draw) => draw));
        const batches: Batch[] = [];
        for await (const batch of source.epoch(plans)) batches.push(batch);
        await source.close();
        if (train.values !== undefined) {
          const [values = new Float32Array(), frames = 0] = [train.values[0], train.entries[0]?.frames];
          const first = transforms.apply({ values, frames }, 0, randomness);
          expect(drawnOf(batches)).toContain(first.values.join());
          const again = draws.map((draw) => transforms.apply({ values, frames }, 0, { ...randomness, draw }));
          expect(again.map((clip) => clip.frames)).toEqual(draws.map((draw) => transforms.framesOf(frames, 0, { ...randomness, draw })));
          expect(drawnOf(batches).toSorted()).toEqual(again.map((clip) => clip.values.join()).toSorted());
        }
        return batches;
      };
      /** The clip 0 as often as it was drawn. */
      const drawnOf = (batches: readonly Batch[]): string[] =>
        batches.flatMap(({ indices, frames, width, mask, features }) =>
          indices.flatMap((index, row) => {
            const count = mask.subarray(row * frames, (row + 1) * frames).reduce((sum, kept) => sum + kept, 0);
            return index === 0 ? [features.subarray(row * frames * width, (row * frames + count) * width).join()] : [];
          }),
        );
      const batches = await batchesIn(1e9);
      expect(drawnOf(batches).length).toBeGreaterThan(2);
      expect(new Set(drawnOf(batches)).size).toBe(drawnOf(batches).length);
      expect(await batchesIn(1000)).toEqual(batches);
    });
  });

  it('hold clips that became longer whole, in buckets for the clips as they are and as long as they may become', () => {
    const entries = Array.from({ length: 64 }, (_, index) => ({
      name: `${index}`,
      file: '',
      frames: 40,
      gloss: 0,
      category: 0,
      occluded: undefined,
    }));
    const transforms = TransformPipeline.of([{ name: 'speed', p: 0.5, change: 0.5 }], HOLISTIC_78);
    const options = { batchSize: 8, maxFrames: 300, transforms };
    const lengths = bucketLengths(entries, { ...options, maxBuckets: 4 });
    expect(lengths).toEqual([40, 64]);
    const plans = planEpoch({ entries }, { ...options, seed: 1, epoch: 1, shuffle: true, bucketLengths: lengths });
    expect(new Set(plans.map(({ frames }) => frames))).toEqual(new Set([40, 64]));
    for (const { indices, frames, randomness } of plans)
      for (const index of indices) {
        const made = transforms.apply(SIGNER, index, randomness);
        expect(made.frames).toBeLessThanOrEqual(frames);
        expect(made.frames).toBe(transforms.framesOf(40, index, { seed: 1, epoch: 1 }));
      }
    expect(bucketLengths(entries, { ...options, maxFrames: 50, maxBuckets: 4 }).at(-1)).toBe(50);
  });

  it('are what a program gets of openClips for training, and not for validation', async () => {
    await inTemporaryFolder(async (folder) => {
      const data = writeSmallData(folder);
      const certain = all.map((part) => ({ ...part, p: 1 }));
      const valuesIn = async (split: 'train' | 'validation', transforms: readonly TransformDescription[]): Promise<Float32Array> =>
        (await (await openClips({ data, split, transforms })).read(0)).values;
      expect(await valuesIn('validation', certain)).toEqual(await valuesIn('validation', []));
      expect(await valuesIn('train', certain)).not.toEqual(await valuesIn('train', []));
    });
  });
});
