import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from '@jest/globals';
import type { Dataset } from '../../src/data/clip-set';
import { DataError } from '../../src/data/data-error';
import { openDataset, type DatasetOptions } from '../../src/data/dataset';
import { formatNpy } from '../../src/data/npy-write';
import { formatNpz } from '../../src/data/npz';
import { clipArrays, clipValues, inTemporaryFolder, writeDataFolder } from '../support/clip-files';

const options: DatasetOptions = { key: 'X', width: 156, keypoints: 'of the data', memoryBudgetBytes: 1e9, needTrain: true };
const REFERENCE = 'gloss_id,label,cat_id,category\n0,THANKS,1,POLITE\n1,HELLO,0,GREETING\n2,GOOD,1,POLITE\n';

/** A folder of clips a to d whose labels are these; what opening it gives. */
async function opened(
  tables: { readonly train: string; readonly val: string; readonly reference?: string },
  more: Partial<DatasetOptions> = {},
): Promise<{ readonly dataset: Dataset | undefined; readonly notes: string[]; readonly problems: string[] }> {
  return inTemporaryFolder(async (folder) => {
    writeDataFolder(folder, { train: [], val: [] });
    for (const [index, name] of ['train/a', 'train/b', 'train/c', 'val/d'].entries())
      writeFileSync(path.join(folder, `keypoints_${name}.npz`), formatNpz(clipArrays(3, index + 1)));
    writeFileSync(path.join(folder, 'train_labels.csv'), tables.train);
    writeFileSync(path.join(folder, 'val_labels.csv'), tables.val);
    if (tables.reference !== undefined) writeFileSync(path.join(folder, 'labels_reference.csv'), tables.reference);
    const notes: string[] = [];
    try {
      const dataset = await openDataset({ folder }, { ...options, onNote: (line) => notes.push(line), ...more });
      return { dataset, notes, problems: [] };
    } catch (error) {
      if (!(error instanceof DataError)) throw error;
      return { dataset: undefined, notes, problems: error.problems.map(({ file, problem }) => `${path.basename(file)}: ${problem}`) };
    }
  });
}

const idsOf = (dataset: Dataset | undefined): (readonly [number, number])[] =>
  [...(dataset?.train?.entries ?? []), ...(dataset?.validation.entries ?? [])].map(({ gloss, category }) => [gloss, category] as const);

describe('names in the gloss column', () => {
  const named = { train: 'file,gloss,cat\na,THANKS,0\nb,HELLO,1\nc,GOOD,0\n', val: 'file,gloss,cat\nd,HELLO,1\n' };

  it('get ids in their order, said in a line, and are the names of the classes', async () => {
    const { dataset, notes } = await opened(named);
    expect(idsOf(dataset)).toEqual([
      [2, 0],
      [1, 1],
      [0, 0],
      [1, 1],
    ]);
    expect(dataset?.labels).toEqual({ gloss: ['GOOD', 'HELLO', 'THANKS'], category: ['category 0', 'category 1'] });
    expect(dataset?.givenLabels).toEqual(dataset?.labels);
    expect(notes).toEqual([
      'the column gloss holds names: 3 glosses of the labels, numbered in their order (GOOD is 0, THANKS 2) and kept with the model',
    ]);
  });

  it('get the ids of the reference, where there is one', async () => {
    const { dataset, notes } = await opened({ ...named, reference: REFERENCE });
    expect(idsOf(dataset).map(([gloss]) => gloss)).toEqual([0, 1, 2, 1]);
    expect(notes).toEqual(['the column gloss holds names: 3 glosses of labels_reference.csv']);
    const { problems } = await opened({ ...named, val: 'file,gloss,cat\nd,HELO,1\n', reference: REFERENCE });
    expect(problems).toEqual(['val_labels.csv: line 2: gloss "HELO" is none of labels_reference.csv; "HELLO" may be meant']);
  });

  it('get the ids that a model has, also where not all of its classes are there; nobody else gives an evaluation any', async () => {
    const namesOfModel = { gloss: ['HELLO', 'NO', 'GOOD', 'THANKS'], category: ['x', 'y'] };
    const { dataset } = await opened(named, { needTrain: false, namesOfModel });
    expect(idsOf(dataset)).toEqual([[0, 1]]);
    expect(dataset?.labels.gloss).toEqual(namesOfModel.gloss);
    const { problems } = await opened(named, { needTrain: false });
    expect(problems).toEqual([expect.stringMatching(/^val_labels\.csv: the column gloss holds names, and neither/)]);
  });

  it('are none where most cells are ids: then one is a slip', async () => {
    const { problems } = await opened({ ...named, train: 'file,gloss,cat\na,0,0\nb,1,1\nc,GOOD,0\n', val: 'file,gloss,cat\nd,1,1\n' });
    expect(problems).toEqual(['train_labels.csv: line 4: gloss "GOOD" is no class id; expected a whole number from 0']);
  });

  it('may be parted by semicolons, in quotes; categories may have names too', async () => {
    const { dataset } = await opened({
      train: '"file";"gloss";"category"\n"a";"THANKS";"P"\n"b";"HELLO";"G"\n"c";"GOOD";"P"\n',
      val: '"file"\t"gloss"\t"category"\n"d"\t"HELLO"\t"G"\n',
    });
    expect(idsOf(dataset)).toEqual([
      [2, 1],
      [1, 0],
      [0, 1],
      [1, 0],
    ]);
    expect(dataset?.labels.category).toEqual(['G', 'P']);
  });
});

describe('labels without a column of categories', () => {
  const bare = { train: 'file,gloss\na,0\nb,1\nc,2\n', val: 'file,gloss\nd,1\n' };

  it('have one category for all, said in a line', async () => {
    const { dataset, notes } = await opened(bare);
    expect(idsOf(dataset)).toEqual([
      [0, 0],
      [1, 0],
      [2, 0],
      [1, 0],
    ]);
    expect(dataset?.labels.category).toEqual(['all']);
    expect(notes).toEqual([expect.stringMatching(/^the labels have no column cat: only glosses are learned; .* one category/)]);
  });

  it('have the categories that a reference gives their glosses', async () => {
    const { dataset, notes } = await opened({ ...bare, reference: REFERENCE });
    expect(idsOf(dataset)).toEqual([
      [0, 1],
      [1, 0],
      [2, 1],
      [1, 0],
    ]);
    expect(notes).toEqual([expect.stringMatching(/each clip has the category that labels_reference\.csv gives its gloss$/)]);
  });

  it('are refused where only one of the two has it, and where a model tells categories apart', async () => {
    expect((await opened({ ...bare, val: 'file,gloss,cat\nd,1,0\n' })).problems).toEqual([
      'train_labels.csv: line 1: no column "cat", which the other labels have; add it, or leave it out of both',
    ]);
    const namesOfModel = { gloss: ['A', 'B', 'C'], category: ['x', 'y'] };
    expect((await opened(bare, { needTrain: false, namesOfModel })).problems).toEqual([
      expect.stringMatching(/^val_labels\.csv: line 1: no column "cat", though the model tells 2 categories apart/),
    ]);
  });
});

describe('a folder in another layout', () => {
  it('is told in a line: what is expected, what was found, what a clip looks like, where it is described', async () => {
    await inTemporaryFolder(async (folder) => {
      for (const sign of ['hello', 'thanks']) {
        mkdirSync(path.join(folder, sign, '0'), { recursive: true });
        for (const frame of [0, 1])
          writeFileSync(
            path.join(folder, sign, '0', `${frame}.npy`),
            formatNpy({ dtype: 'float64', shape: [1662], values: Float64Array.from(clipValues(1, 1, 1662)) }),
          );
      }
      writeFileSync(path.join(folder, 'signs.csv'), 'path;sign\nhello/0;hello\n');
      const error: unknown = await openDataset({ folder }, options).catch((thrown: unknown) => thrown);
      expect(error).toBeInstanceOf(DataError);
      const [first, ...others] = error instanceof DataError ? error.problems : [];
      expect(others).toEqual([]);
      expect(first?.problem).toMatch(/^expected keypoints_train\/, .* as docs\/data\.md describes; not there: /);
      expect(first?.problem).toMatch(
        /Found: 4 \.npy, 1 \.csv in hello\/, thanks\/; signs\.csv with the columns path, sign; hello\/0\/0\.npy: float64 \[1662\], which looks like a single frame: MediaPipe Holistic/,
      );
    });
  });
});
