import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { KEYPOINT_WIDTH } from '../../src/config/data-settings';
import type { ClipSet, Dataset } from '../../src/data/clip-set';
import { openDataset } from '../../src/data/dataset';
import { demoFrames, drawSigner, drawSigners, renderClip } from '../../src/data/demo/clip';
import { demoDataset } from '../../src/data/demo/generate';
import { writeDemoFolder } from '../../src/data/demo/sets';
import { demoLabels, demoSigns, handsAt, type SignRecipe } from '../../src/data/demo/signs';
import { KEYPOINT_GROUPS } from '../../src/data/keypoints';
import { openNpz } from '../../src/data/npz';
import { RandomStream } from '../../src/foundation/random';
import { inTemporaryFolder } from '../support/clip-files';

const demo = demoDataset({ seed: 42 });
const train = requireSet(demo.train);
const labels = demoLabels();
const signs = demoSigns(labels);

describe('the demo set', () => {
  it('says that it is synthetic, in its title and in every name', () => {
    expect(demo.synthetic).toBe(true);
    expect(demo.title).toContain('synthetic');
    for (const { name } of [...train.entries, ...demo.validation.entries]) expect(name).toMatch(/^synthetic_/);
  });

  it('has the 105 glosses and 10 categories under their names', () => {
    expect(demo.labels.gloss).toHaveLength(105);
    expect(demo.labels.category).toEqual([
      'GREETING',
      'SURVIVAL',
      'NUMBER',
      'CALENDAR',
      'DAYS',
      'FAMILY',
      'RELATIONSHIPS',
      'COLOR',
      'FOOD',
      'DRINK',
    ]);
    expect([demo.labels.gloss[0], demo.labels.gloss[11], demo.labels.gloss[104]]).toEqual(['GOOD MORNING', "DON'T UNDERSTAND", 'NO SUGAR']);
  });

  it('has every gloss in both splits, with its category', () => {
    for (const [set, times] of [
      [train, 6],
      [demo.validation, 2],
    ] as const) {
      const counts = new Map<number, number>();
      for (const { gloss, category } of set.entries) {
        counts.set(gloss, (counts.get(gloss) ?? 0) + 1);
        expect(category).toBe(labels.categoryOfGloss[gloss]);
      }
      expect([...counts.keys()].sort((a, b) => a - b)).toEqual([...labels.gloss.keys()]);
      expect(new Set(counts.values())).toEqual(new Set([times]));
    }
  });

  it('is a function of the seed', () => {
    const small = (seed: number): Dataset => demoDataset({ seed, clipsPerGloss: 1, validationClipsPerGloss: 1 });
    const [first, again, other] = [small(42), small(42), small(43)];
    expect(again.fingerprint).toBe(first.fingerprint);
    expect(again.validation.values?.[100]).toEqual(first.validation.values?.[100]);
    expect(other.fingerprint).not.toBe(first.fingerprint);
    expect(other.validation.values?.[100]).not.toEqual(first.validation.values?.[100]);
  });

  it('keeps every number within [0, 1], and its entries agree with the values', () => {
    for (const set of [train, demo.validation]) {
      expect(set.width).toBe(156);
      expect(set.values).toHaveLength(set.entries.length);
      for (const [index, entry] of set.entries.entries()) {
        const values = set.values?.[index] ?? new Float32Array();
        expect(values).toHaveLength(entry.frames * KEYPOINT_WIDTH);
        expect(values.every((value) => value >= 0 && value <= 1)).toBe(true);
      }
    }
  });

  it('has clips of many lengths', () => {
    const lengths = train.entries.map(({ frames }) => frames);
    expect(Math.min(...lengths)).toBeGreaterThanOrEqual(demoFrames.least);
    expect(Math.max(...lengths)).toBeLessThanOrEqual(demoFrames.most);
    expect(new Set(lengths).size).toBeGreaterThan(8);
  });

  it('misses key points in nearly every clip, and more of them where it is occluded', () => {
    const share = (occluded: boolean): number[] =>
      train.entries.flatMap((entry, index) => (entry.occluded === occluded ? [missingShare(train.values?.[index])] : []));
    const [open, hidden] = [share(false), share(true)];
    expect(open.filter((missing) => missing > 0).length).toBeGreaterThan(0.95 * open.length);
    expect(hidden.length).toBeGreaterThan(0.05 * train.entries.length);
    expect(hidden.length).toBeLessThan(0.25 * train.entries.length);
    expect(average(hidden)).toBeGreaterThan(average(open) + 0.03);
  });

  it('shows other people in validation than in training', () => {
    const { training, validation } = drawSigners(42);
    const bodies = new Set([...training, ...validation].map(({ proportions }) => JSON.stringify(proportions)));
    expect(bodies.size).toBe(training.length + validation.length);
    // Shoulders as wide as in the picture tell that the clips are of those people.
    for (const [set, people] of [
      [train, training],
      [demo.validation, validation],
    ] as const) {
      const scales = people.map(({ camera }) => camera.scale);
      for (const values of set.values ?? []) {
        const width = shoulderWidth(values);
        expect(scales.some((scale) => Math.abs(width / scale - 1) < 0.04)).toBe(true);
      }
    }
  });
});

describe('the signs', () => {
  const families = [...new Set(signs.map(({ family }) => family))].map((family) => signs.filter((sign) => sign.family === family));

  it('come in families that differ by nothing but their movement', () => {
    expect(signs.map(({ gloss }) => gloss)).toEqual([...labels.gloss.keys()]);
    for (const family of families) {
      expect(family.length).toBeGreaterThanOrEqual(2);
      const [first] = family;
      for (const { gloss, movement, ...shared } of family) expect({ gloss, movement, ...shared }).toEqual({ ...first, gloss, movement });
      expect(new Set(family.map(({ movement }) => JSON.stringify(movement))).size).toBe(family.length);
    }
  });

  it('of a pair show the same hands in the opposite order', () => {
    for (const [sign, reverse] of reversedPairs(families)) {
      for (const phase of [0, 0.3, 0.7]) expectSameHands(sign, phase, reverse, 1 - phase);
      expect(handsAt(sign, 0.3)).not.toEqual(handsAt(reverse, 0.3));
    }
    expect(reversedPairs(families).length).toBeGreaterThanOrEqual(30);
  });

  it('of a category keep to one part of the signing space', () => {
    for (const category of labels.category.keys()) {
      const places = signs.filter((sign) => sign.category === category).map(({ middle }) => middle);
      const spread = (axis: 'x' | 'y'): number =>
        Math.max(...places.map((place) => place[axis])) - Math.min(...places.map((place) => place[axis]));
      expect(Math.max(spread('x'), spread('y'))).toBeLessThanOrEqual(0.24);
    }
  });

  it('move smoothly: from one frame to the next no hand jumps', () => {
    for (const sign of signs) {
      const wrists = Array.from({ length: 101 }, (_, step) => handsAt(sign, step / 100).dominant.wrist);
      const steps = wrists.slice(1).map((to, index) => Math.hypot(to.x - (wrists[index]?.x ?? 0), to.y - (wrists[index]?.y ?? 0)));
      expect(Math.max(...steps)).toBeLessThan(0.08);
    }
  });
});

describe('a clip', () => {
  const sign = requireSign(0);

  it('moves the dominant hand and holds the shoulders nearly still', () => {
    const values = renderClip(sign, drawSigner(new RandomStream(7), false), false, new RandomStream(8));
    const rightWrist = travelled(values, KEYPOINT_GROUPS.pose + 16);
    const rightShoulder = travelled(values, KEYPOINT_GROUPS.pose + 12);
    expect(rightWrist).toBeGreaterThan(0.3);
    expect(rightShoulder).toBeLessThan(0.1);
  });

  it('of a left-handed person is signed with the left hand', () => {
    const values = renderClip(sign, drawSigner(new RandomStream(7), true), false, new RandomStream(8));
    expect(travelled(values, KEYPOINT_GROUPS.pose + 15)).toBeGreaterThan(0.3);
  });
});

describe('the written demo folder', () => {
  it('opens as the same data', async () => {
    await inTemporaryFolder(async (folder) => {
      const target = path.join(folder, 'demo_data');
      expect(writeDemoFolder(target, 42)).toEqual({ trainClips: train.entries.length, validationClips: demo.validation.entries.length });
      const warnings: string[] = [];
      const opened = await openDataset(
        { folder: target },
        {
          key: 'X',
          width: 156,
          keypoints: 'of the data',
          memoryBudgetBytes: 2 ** 30,
          needTrain: true,
          onWarning: (warning) => warnings.push(warning),
        },
      );
      expect(warnings).toEqual([]);
      expect(opened.labels).toEqual(demo.labels);
      expect(opened.validation.entries.map((entry) => ({ ...entry, file: '' }))).toEqual(demo.validation.entries);
      expect(opened.fingerprint).toBe(demo.fingerprint);
      expect(opened.synthetic).toBe(true);

      expect(readFileSync(path.join(target, 'README.txt'), 'utf8')).toMatch(/SYNTHETIC/);
      expect(readdirSync(folder)).toEqual(['demo_data']);
      const [entry] = opened.validation.entries;
      const clip = await openNpz(entry?.file ?? '');
      expect(clip.keys).toEqual(['X', 'mask', 'timestamps_ms', 'meta']);
      const meta = await clip.read('meta');
      expect(JSON.parse(String(meta.values[0]))).toMatchObject({ synthetic: true, frames: entry?.frames });
    });
  }, 60_000);

  it('is not written over anything', async () => {
    await inTemporaryFolder((folder) => {
      writeFileSync(path.join(folder, 'mine.txt'), 'mine');
      mkdirSync(path.join(folder, 'empty'));
      expect(() => writeDemoFolder(folder, 42)).toThrow(/not empty/);
      expect(() => writeDemoFolder(path.join(folder, 'mine.txt'), 42)).toThrow(/a file of this name/);
      expect(readdirSync(folder).sort()).toEqual(['empty', 'mine.txt']);
    });
  });
});

function requireSet(set: ClipSet | undefined): ClipSet {
  if (set === undefined) throw new Error('the demo set has no training clips');
  return set;
}

function requireSign(gloss: number): SignRecipe {
  const sign = signs[gloss];
  if (sign === undefined) throw new Error(`no sign ${gloss}`);
  return sign;
}

/** Signs of one family whose movements are each other's reverse. */
function reversedPairs(families: readonly (readonly SignRecipe[])[]): [SignRecipe, SignRecipe][] {
  return families.flatMap((family) =>
    family.flatMap((sign): [SignRecipe, SignRecipe][] => {
      const { form, crosswise, reversed } = sign.movement;
      const reverse = family.find(
        (other) => other.movement.form === form && other.movement.crosswise === crosswise && other.movement.reversed,
      );
      return reverse === undefined || reversed ? [] : [[sign, reverse]];
    }),
  );
}

function expectSameHands(sign: SignRecipe, phase: number, other: SignRecipe, otherPhase: number): void {
  const [hands, otherHands] = [handsAt(sign, phase), handsAt(other, otherPhase)];
  for (const [a, b] of [
    [hands.dominant, otherHands.dominant],
    [hands.other, otherHands.other],
  ]) {
    expect(a === undefined).toBe(b === undefined);
    if (a === undefined || b === undefined) continue;
    expect(a.wrist.x).toBeCloseTo(b.wrist.x, 10);
    expect(a.wrist.y).toBeCloseTo(b.wrist.y, 10);
    expect(a.direction).toBeCloseTo(b.direction, 10);
    for (const [finger, curl] of a.shape.curl.entries()) expect(curl).toBeCloseTo(b.shape.curl[finger] ?? Number.NaN, 10);
  }
}

function missingShare(values: Float32Array = new Float32Array()): number {
  let missing = 0;
  for (let point = 0; point < values.length; point += 2) if (values[point] === 0 && values[point + 1] === 0) missing++;
  return (2 * missing) / values.length;
}

function average(numbers: readonly number[]): number {
  return numbers.reduce((sum, number) => sum + number, 0) / numbers.length;
}

function pointsOf(frame: ArrayLike<number>): (point: number) => { x: number; y: number } {
  return (point) => ({ x: frame[2 * point] ?? Number.NaN, y: frame[2 * point + 1] ?? Number.NaN });
}

/** The distance between the shoulders, averaged over the frames that show both. */
function shoulderWidth(values: Float32Array): number {
  const widths: number[] = [];
  for (let start = 0; start < values.length; start += KEYPOINT_WIDTH) {
    const point = pointsOf(values.subarray(start, start + KEYPOINT_WIDTH));
    if (point(11).x > 0 && point(12).x > 0) widths.push(Math.abs(point(11).x - point(12).x));
  }
  return average(widths);
}

/** How far a key point goes in a clip, frames in which it is missing left out. */
function travelled(values: Float32Array, point: number): number {
  const seen: { x: number; y: number }[] = [];
  for (let start = 0; start < values.length; start += KEYPOINT_WIDTH) {
    const place = pointsOf(values.subarray(start, start + KEYPOINT_WIDTH))(point);
    if (place.x !== 0 || place.y !== 0) seen.push(place);
  }
  const [xs, ys] = [seen.map(({ x }) => x), seen.map(({ y }) => y)];
  return Math.max(Math.max(...xs) - Math.min(...xs), Math.max(...ys) - Math.min(...ys));
}
