import path from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { DataError } from '../../src/data/data-error';
import { openDataset, type DatasetOptions } from '../../src/data/dataset';
import { inTemporaryFolder, writeDataFolder, type TestClip } from '../support/clip-files';
import { itWithShared } from '../support/shared';

const options: DatasetOptions = { key: 'X', width: 156, keypoints: 'of the data', memoryBudgetBytes: 1e9, needTrain: true };

const clipsOf = (name: string, glosses: readonly number[], categories: readonly number[] = []): TestClip[] =>
  glosses.map((gloss, index) => ({ name: `${name}_${index}`, gloss, category: categories[index] ?? 0, frames: 2 }));

/** What opening clips of these ids says: the problems, or else the warnings. */
async function judged(train: readonly TestClip[], val: readonly TestClip[], more: Partial<DatasetOptions> = {}): Promise<string[]> {
  return inTemporaryFolder(async (folder) => {
    writeDataFolder(folder, { train, val });
    const warnings: string[] = [];
    try {
      await openDataset({ folder }, { ...options, ...more, onWarning: (line) => warnings.push(line) });
      return warnings;
    } catch (error) {
      if (!(error instanceof DataError)) throw error;
      return error.problems.map(({ file, problem }) => `refused: ${path.basename(file)}: ${problem}`);
    }
  });
}

describe('ids that alone say how many classes there are', () => {
  it('without a gap say nothing', async () => {
    expect(await judged(clipsOf('t', [0, 1, 2, 1]), clipsOf('v', [2, 0]))).toEqual([]);
    expect(await judged(clipsOf('t', [0, 0]), clipsOf('v', [0]))).toEqual([]);
  });

  it('of which one lies far from the others are refused, with its line', async () => {
    expect(await judged(clipsOf('t', [0, 1, 99_999, 2]), clipsOf('v', [0]))).toEqual([
      'refused: train_labels.csv: line 4: gloss 99999 would make 100000 glosses, 99996 of them without a training clip; the other ids are 0 to 2: correct it, or give --num-gloss 100000 if there are so many',
    ]);
    expect(await judged(clipsOf('t', [0, 1, 2]), clipsOf('v', [0, 77]))).toEqual([
      expect.stringMatching(/^refused: val_labels\.csv: line 3: gloss 77 would make 78 glosses, 75 of them without a training clip/),
    ]);
  });

  it('that go up by tens are refused, with the gap', async () => {
    expect(await judged(clipsOf('t', [0, 10, 20, 30]), clipsOf('v', [10]))).toEqual([
      expect.stringMatching(
        /^refused: train_labels\.csv: line 5: glosses 0, 10, 20, 30 are used, 1 to 9, 11 to 19, 21 to 29 are not: ids to 30 would make 31 glosses/,
      ),
    ]);
  });

  it('of both kinds are judged, and all is listed at once', async () => {
    const problems = await judged(clipsOf('t', [0, 50, 0], [0, 1, 60]), clipsOf('v', [0]));
    expect(problems).toEqual([
      expect.stringMatching(/line 3: gloss 50 would/),
      expect.stringMatching(/line 4: cat 60 would.*--num-cat 61/),
    ]);
  });

  it('from 1 are a question', async () => {
    expect(await judged(clipsOf('t', [1, 2, 3, 4], [1, 1, 1, 1]), clipsOf('v', [2], [1]))).toEqual([
      'glosses 1 to 4 are used, 0 is not: are the ids 1-based? They count from 0; such a class stays empty',
      'category 1 is used, 0 is not: are the ids 1-based? They count from 0; such a class stays empty',
    ]);
  });

  it('with a few gaps are a warning', async () => {
    expect(await judged(clipsOf('t', [0, 1, 3, 4, 7, 8]), clipsOf('v', [0]))).toEqual([
      'glosses 0 and 1, 3 and 4, 7 and 8 are used, 2, 5 and 6 are not; such a class stays empty',
    ]);
  });
});

describe('classes that something else counts', () => {
  it('may be without a clip where a setting says so', async () => {
    expect(await judged(clipsOf('t', [0, 30]), clipsOf('v', [0]), { numGloss: 40 })).toEqual([]);
  });

  it('are not judged where nothing is trained', async () => {
    expect(await judged(clipsOf('t', [0]), clipsOf('v', [12]), { needTrain: false })).toEqual([]);
  });

  it('that only validation clips have are named', async () => {
    expect(await judged(clipsOf('t', [0, 1, 2]), clipsOf('v', [3, 0]), { numGloss: 40 })).toEqual([
      'glosses without a training clip, though validation clips have them: 3; the model cannot learn them',
    ]);
  });

  itWithShared('cases/sets/no-train-clips', 'by their names where a reference has them', async (folder) => {
    const warnings: string[] = [];
    await openDataset({ folder }, { ...options, onWarning: (line) => warnings.push(line) });
    expect(warnings).toEqual(['glosses without a training clip, though validation clips have them: C (2); the model cannot learn them']);
  });
});
