import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { splitOfWord, stratifiedFolds, stratifiedSplit, type ClipToAssign } from '../../../src/data/collections/assign-clips';
import { assignGroups, type GroupedClip } from '../../../src/data/collections/assign-groups';
import { elementAt } from '../../../src/foundation/required';

const clipsOf = (counts: readonly number[]): ClipToAssign[] =>
  counts.flatMap((count, gloss) => Array.from({ length: count }, (_, index) => ({ name: `g${gloss}/${index}`, gloss })));

/** Clips a gloss of each part. */
function countsOf<Part>(clips: readonly ClipToAssign[], parts: readonly Part[], part: Part): Map<number, number> {
  const counts = new Map<number, number>();
  clips.forEach(({ gloss }, place) => {
    if (parts[place] === part) counts.set(gloss, (counts.get(gloss) ?? 0) + 1);
  });
  return counts;
}

const byName = <Part>(clips: readonly ClipToAssign[], parts: readonly Part[]): Map<string, Part> =>
  new Map(clips.map(({ name }, place) => [name, elementAt(parts, place)]));

const counts = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 30 });
const ratios = fc.integer({ min: 1, max: 99 }).map((percent) => percent / 100);
const seeds = fc.integer({ min: 0, max: 2 ** 31 - 1 });

describe('stratifiedSplit', () => {
  it('gives each gloss of two clips or more clips in both parts, as many as the ratio says but for less than one', () => {
    fc.assert(
      fc.property(counts, ratios, seeds, (sizes, ratio, seed) => {
        const clips = clipsOf(sizes);
        const validating = countsOf(clips, stratifiedSplit(clips, ratio, seed), 'validation');
        sizes.forEach((size, gloss) => {
          const count = validating.get(gloss) ?? 0;
          const exact = size * (1 - ratio);
          if (size === 1) expect(count).toBe(0);
          else {
            expect(count).toBeGreaterThanOrEqual(1);
            expect(count).toBeLessThan(size);
            if (count > 1 && count < size - 1) expect(Math.abs(count - exact)).toBeLessThan(1);
          }
        });
      }),
    );
  });

  it('meets the ratio as a whole where glosses have clips enough', () => {
    for (const sizes of [new Array<number>(105).fill(23), [10, 20, 35], new Array<number>(40).fill(7)]) {
      const clips = clipsOf(sizes);
      const validation = stratifiedSplit(clips, 0.8, 42).filter((part) => part === 'validation').length;
      expect(Math.abs(validation - 0.2 * clips.length)).toBeLessThan(1);
    }
  });

  it('is a function of names, glosses and seed, whatever the order of the clips', () => {
    fc.assert(
      fc.property(counts, seeds, (sizes, seed) => {
        const clips = clipsOf(sizes);
        const turned = clips.toReversed();
        expect(byName(turned, stratifiedSplit(turned, 0.8, seed))).toEqual(byName(clips, stratifiedSplit(clips, 0.8, seed)));
      }),
    );
    const clips = clipsOf([50]);
    expect(stratifiedSplit(clips, 0.8, 1)).not.toEqual(stratifiedSplit(clips, 0.8, 2));
  });

  it('divides a hundred thousand clips', () => {
    const clips = clipsOf(new Array<number>(1000).fill(100));
    expect(stratifiedSplit(clips, 0.8, 42).filter((part) => part === 'validation')).toHaveLength(20_000);
  });
});

describe('stratifiedFolds', () => {
  it('deals every clip to one fold, of every gloss as many to each but for one', () => {
    fc.assert(
      fc.property(counts, fc.integer({ min: 2, max: 8 }), seeds, (sizes, folds, seed) => {
        const clips = clipsOf(sizes);
        const dealt = stratifiedFolds(clips, folds, seed);
        expect(dealt.every((fold) => fold >= 0 && fold < folds)).toBe(true);
        const perFold = Array.from({ length: folds }, (_, fold) => countsOf(clips, dealt, fold));
        sizes.forEach((_, gloss) => {
          const ofGloss = perFold.map((ofFold) => ofFold.get(gloss) ?? 0);
          expect(Math.max(...ofGloss) - Math.min(...ofGloss)).toBeLessThanOrEqual(1);
        });
        const all = perFold.map((ofFold) => [...ofFold.values()].reduce((sum, count) => sum + count, 0));
        expect(Math.max(...all) - Math.min(...all)).toBeLessThanOrEqual(1);
      }),
    );
  });
});

describe('assignGroups', () => {
  const groupedClips = fc
    .array(fc.tuple(fc.integer({ min: 0, max: 9 }), fc.integer({ min: 0, max: 11 })), { minLength: 30, maxLength: 120 })
    .map((drawn) => drawn.map(([gloss, signer], index): GroupedClip => ({ name: `c${index}`, gloss, group: `s${signer}` })));

  it('divides no group and leaves no part empty, whatever the order of the clips', () => {
    fc.assert(
      fc.property(groupedClips, seeds, (clips, seed) => {
        const parts = assignGroups(clips, [0.8, 0.2], seed);
        const groups = new Set(clips.map(({ group }) => group));
        for (const group of groups) expect(new Set(parts.filter((_, place) => clips[place]?.group === group)).size).toBe(1);
        if (groups.size > 1) expect(new Set(parts).size).toBe(2);
        const turned = clips.toReversed();
        expect(byName(turned, assignGroups(turned, [0.8, 0.2], seed))).toEqual(byName(clips, parts));
      }),
    );
  });

  it('meets the shares where the groups allow it: two of ten signers who sign the same', () => {
    const clips = Array.from({ length: 200 }, (_, index) => ({ name: `c${index}`, gloss: index % 5, group: `s${Math.floor(index / 20)}` }));
    const validating = countsOf(clips, assignGroups(clips, [0.8, 0.2], 42), 1);
    expect([...validating].sort(([one], [other]) => one - other)).toEqual([0, 1, 2, 3, 4].map((gloss) => [gloss, 8]));
    const folds = assignGroups(clips, new Array<number>(5).fill(0.2), 42);
    expect(new Set([0, 1, 2, 3, 4].map((fold) => folds.filter((found) => found === fold).length))).toEqual(new Set([40]));
  });

  it('keeps a gloss in both parts where that can be: the signer who alone knows it trains', () => {
    const clip = (name: string, gloss: number, group: string): GroupedClip => ({ name, gloss, group });
    const clips = ['a', 'b', 'c', 'd', 'e'].flatMap((group) => [0, 1, 2, 3].map((gloss) => clip(`${group}${gloss}`, gloss, group)));
    clips.push(clip('a9', 9, 'a'), clip('b9', 9, 'b'));
    const parts = assignGroups(clips, [0.8, 0.2], 3);
    expect(countsOf(clips, parts, 0).get(9)).toBe(1);
    expect(countsOf(clips, parts, 1).get(9)).toBe(1);
  });
});

it('reads the words of a split column', () => {
  expect(['train', 'Training', 'VAL', 'valid', 'validation', 'dev', 'test', 'Testing', '', 'constructor'].map(splitOfWord)).toEqual([
    ...['train', 'train'],
    ...['validation', 'validation', 'validation', 'validation'],
    ...['test', 'test'],
    undefined,
    undefined,
  ]);
});
