import { renameSync, rmSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from '@jest/globals';
import type { Dataset } from '../../src/data/clip-set';
import { openDataset, type DatasetOptions } from '../../src/data/dataset';
import type { LocatedClip } from '../../src/data/locate-clips';
import { openClips } from '../../src/data/open-clips';
import { divideClips, type ValidationShare } from '../../src/data/validation-share';
import { inTemporaryFolder, writeDataFolder } from '../support/clip-files';

const options: DatasetOptions = { key: 'X', width: 156, keypoints: 'of the data', memoryBudgetBytes: 1e9, needTrain: true };
const share: ValidationShare = { share: 0.2, seed: 7, refuseOwn: true };

/** Clips of glosses with so many clips each. */
const clipsOf = (...counts: number[]): LocatedClip[] =>
  counts.flatMap((count, gloss) =>
    Array.from({ length: count }, (_, index) => {
      const name = `g${gloss}_${index}`;
      return {
        label: { name, gloss, category: 0, occluded: undefined, line: 2 },
        file: name,
        labelsFile: 'train_labels.csv',
        otherCase: false,
      };
    }),
  );
const namesOf = (clips: readonly LocatedClip[]): string[] => clips.map(({ label }) => label.name);
const countsOf = (clips: readonly LocatedClip[], glosses: number): number[] =>
  Array.from({ length: glosses }, (_, gloss) => clips.filter(({ label }) => label.gloss === gloss).length);
const draw = (clips: readonly LocatedClip[], changes: Partial<ValidationShare> = {}): ReturnType<typeof divideClips> =>
  divideClips(clips, { ...share, ...changes }, { mayDraw: true });

async function withTrainingClips(test: (folder: string) => Promise<void>): Promise<void> {
  await inTemporaryFolder(async (folder) => {
    const train = Array.from({ length: 20 }, (_, index) => ({ name: `c${index}`, gloss: index % 4, category: index % 2, frames: 3 }));
    writeDataFolder(folder, { train, val: [] });
    await test(folder);
  });
}

function withoutValidation(folder: string): void {
  rmSync(path.join(folder, 'keypoints_val'), { recursive: true });
  rmSync(path.join(folder, 'val_labels.csv'));
}

const opened = (dataset: Dataset): { train: string[] | undefined; validation: string[] } => ({
  train: dataset.train?.entries.map(({ name }) => name),
  validation: dataset.validation.entries.map(({ name }) => name),
});

describe('a share of the training clips', () => {
  it('is of every gloss alike, and met as a whole where glosses have few clips', () => {
    expect(countsOf(draw(clipsOf(10, 20, 5)).validation, 3)).toEqual([2, 4, 1]);
    expect(draw(clipsOf(...new Array<number>(20).fill(2))).validation).toHaveLength(8);
    expect(countsOf(draw(clipsOf(1, 1, 1, 1, 1, 1, 1, 1, 10)).validation, 9)).toEqual([0, 0, 0, 0, 0, 0, 0, 0, 2]);
    expect(countsOf(draw(clipsOf(2, 2), { share: 0.99 }).train, 2)).toEqual([1, 1]);
  });

  it('is a function of names and seed, whatever the order of the lines', () => {
    const clips = clipsOf(10, 20, 5);
    const names = namesOf(draw(clips).validation).sort();
    expect(namesOf(draw(clips.toReversed()).validation).sort()).toEqual(names);
    expect(namesOf(draw(clips, { seed: 8 }).validation).sort()).not.toEqual(names);
    expect([...names, ...namesOf(draw(clips).train)].sort()).toEqual(namesOf(clips).sort());
  });

  it('stays what it was where it was kept: clips that were added train', () => {
    const kept = namesOf(draw(clipsOf(10, 10)).validation);
    const later = draw(clipsOf(15, 12, 4), { kept, seed: 99 });
    expect(namesOf(later.validation).sort()).toEqual(kept.toSorted());
    expect(later.train).toHaveLength(31 - kept.length);
  });

  it('that would be no clip, or of which none is there any more in an evaluation, is refused', () => {
    expect(() => draw(clipsOf(2, 1))).toThrow(/train_labels\.csv: a share of 0\.2 of its 3 clips is no clip/);
    expect(() => divideClips(clipsOf(9), { ...share, kept: ['gone'] }, { mayDraw: false })).toThrow(/none of the clips that validated/);
    expect(draw(clipsOf(10), { kept: ['gone'] }).validation).toHaveLength(2);
  });

  it('makes the splits of a folder without validation clips, and is refused beside them', async () => {
    await withTrainingClips(async (folder) => {
      await expect(openDataset({ folder }, { ...options, validationShare: share })).rejects.toThrow(
        /validation clips of its own .* leave --val-share out/,
      );
      withoutValidation(folder);
      await expect(openDataset({ folder }, options)).rejects.toThrow(/--val-share 0\.2 takes a share of the training clips/);
      const notes: string[] = [];
      const both = opened(await openDataset({ folder }, { ...options, validationShare: share, onNote: (line) => notes.push(line) }));
      expect(both.train).toHaveLength(16);
      expect(both.validation).toHaveLength(4);
      expect(notes).toEqual(['4 of 20 clips validate and are not trained on; the model keeps which']);
      const named = { keypoints_train: path.join(folder, 'keypoints_train'), labels_train_csv: path.join(folder, 'train_labels.csv') };
      expect(opened(await openDataset(named, { ...options, validationShare: share }))).toEqual(both);
      const evaluated = opened(
        await openDataset({ folder }, { ...options, needTrain: false, validationShare: { ...share, kept: both.validation, seed: 1 } }),
      );
      expect(evaluated).toEqual({ train: undefined, validation: both.validation });
      const validation = await openClips({ data: folder, split: 'validation', valShare: 0.2, seed: 7 });
      expect(validation.entries.map(({ name }) => name)).toEqual(both.validation);
      await expect(openClips({ data: folder, valShare: 1 })).rejects.toThrow(/valShare must lie between 0 and 1/);
    });
  });

  it('makes the same splits of a collection, which is not split yet', async () => {
    await withTrainingClips(async (folder) => {
      withoutValidation(folder);
      const ofSet = opened(await openDataset({ folder }, { ...options, validationShare: share }));
      renameSync(path.join(folder, 'keypoints_train'), path.join(folder, 'keypoints'));
      renameSync(path.join(folder, 'train_labels.csv'), path.join(folder, 'labels.csv'));
      expect(opened(await openDataset({ folder }, { ...options, validationShare: share }))).toEqual(ofSet);
      const kept = { ...share, kept: ofSet.validation };
      const evaluated = await openDataset({ folder }, { ...options, needTrain: false, validationShare: kept });
      expect(opened(evaluated)).toEqual({ train: undefined, validation: ofSet.validation });
    });
  });
});
