import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { clipFolders } from '../../src/config/data-settings';
import type { Dataset } from '../../src/data/clip-set';
import { DataError } from '../../src/data/data-error';
import { openDataset, type DatasetOptions } from '../../src/data/dataset';
import type { NpyArray } from '../../src/data/npy-array';
import { formatNpy } from '../../src/data/npy-write';
import { formatNpz } from '../../src/data/npz';
import { clipArrays, clipValues, inTemporaryFolder, writeDataFolder, type TestClip } from '../support/clip-files';
import { itWithShared } from '../support/shared';

const options: DatasetOptions = { key: 'X', width: 156, keypoints: 'of the data', memoryBudgetBytes: 1e9, needTrain: true };
const clip = (name: string, gloss: number, category: number, frames: number): TestClip => ({ name, gloss, category, frames });
const good = {
  train: [clip('a', 0, 0, 5), clip('b', 1, 0, 7), clip('c', 2, 1, 6)],
  val: [clip('d', 0, 0, 5), clip('e', 3, 1, 9)],
};

async function problemsOf(opening: Promise<Dataset>): Promise<string[]> {
  const error: unknown = await opening.then(
    () => new Error('it opened'),
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(DataError);
  if (!(error instanceof DataError)) return [];
  return error.problems.map(({ file, problem }) => `${path.basename(file)}: ${problem}`);
}

describe('a data folder', () => {
  it('opens with its clips in the order of the labels, counts from the labels, and values', async () => {
    await inTemporaryFolder(async (folder) => {
      writeDataFolder(folder, good);
      const progress: [number, number][] = [];
      const warnings: string[] = [];
      const dataset = await openDataset(
        { folder },
        { ...options, onProgress: (...step) => progress.push(step), onWarning: (line) => warnings.push(line) },
      );
      expect(dataset.title).toBe(folder);
      expect(dataset.synthetic).toBe(false);
      expect(dataset.train?.entries.map(({ name, gloss, category, frames }) => [name, gloss, category, frames])).toEqual([
        ['a', 0, 0, 5],
        ['b', 1, 0, 7],
        ['c', 2, 1, 6],
      ]);
      expect(dataset.train?.values?.[1]).toEqual(clipValues(7, 2));
      expect(dataset.validation.values?.[0]).toEqual(clipValues(5, 501));
      expect(dataset.labels).toEqual({ gloss: ['gloss 0', 'gloss 1', 'gloss 2', 'gloss 3'], category: ['category 0', 'category 1'] });
      expect(progress).toEqual([1, 2, 3, 4, 5].map((done) => [done, 5]));
      expect(warnings).toEqual(['glosses without a training clip, though validation clips have them: 3; the model cannot learn them']);
    });
  });

  it('has the same fingerprint wherever it lies, and another when a value, a label or a name changes', async () => {
    await inTemporaryFolder(async (folder) => {
      const fingerprintOf = async (name: string, change: (at: string) => void = () => undefined): Promise<string> => {
        const at = path.join(folder, name);
        writeDataFolder(at, good);
        change(at);
        return (await openDataset({ folder: at }, options)).fingerprint;
      };
      const original = await fingerprintOf('original');
      expect(original).toMatch(/^[0-9a-f]{64}$/);
      expect(await fingerprintOf('copy')).toBe(original);
      const reordered = (at: string): void => {
        writeFileSync(path.join(at, 'train_labels.csv'), 'file,gloss,cat\nc,2,1\na,0,0\nb,1,0\n');
      };
      expect(await fingerprintOf('reordered', reordered)).toBe(original);
      const relabelled = (at: string): void => {
        writeFileSync(path.join(at, 'train_labels.csv'), 'file,gloss,cat\na,1,0\nb,1,0\nc,2,1\n');
      };
      const revalued = (at: string): void => {
        writeFileSync(path.join(at, 'keypoints_val/d.npz'), formatNpz(clipArrays(5, 77)));
      };
      const changed = [await fingerprintOf('relabelled', relabelled), await fingerprintOf('revalued', revalued)];
      expect(new Set([original, ...changed]).size).toBe(3);
    });
  });

  it('keeps no values where they do not fit the memory budget, and is otherwise the same', async () => {
    await inTemporaryFolder(async (folder) => {
      writeDataFolder(folder, good);
      const all = await openDataset({ folder }, options);
      const frames = 5 + 7 + 6 + 5 + 9;
      const fitting = await openDataset({ folder }, { ...options, memoryBudgetBytes: frames * 156 * 4 });
      const streamed = await openDataset({ folder }, { ...options, memoryBudgetBytes: frames * 156 * 4 - 1 });
      expect(fitting).toEqual(all);
      expect(streamed.train?.values).toBeUndefined();
      expect(streamed.validation).toEqual({ ...all.validation, values: undefined });
      expect(streamed.fingerprint).toBe(all.fingerprint);
    });
  });

  it('opens without its training clips for an evaluation', async () => {
    await inTemporaryFolder(async (folder) => {
      writeDataFolder(folder, good);
      rmSync(path.join(folder, 'keypoints_train'), { recursive: true });
      const dataset = await openDataset({ folder }, { ...options, needTrain: false });
      expect(dataset.train).toBeUndefined();
      expect(dataset.validation.entries).toHaveLength(2);
    });
  });

  it('takes names from labels_reference.csv, and counts that were asked for', async () => {
    await inTemporaryFolder(async (folder) => {
      writeDataFolder(folder, good);
      const reference = 'gloss_id,label,cat_id,category\n0,A,0,X\n1,B,0,X\n2,C,1,Y\n3,D,1,Y\n4,E,1,Y\n';
      writeFileSync(path.join(folder, 'labels_reference.csv'), reference);
      expect((await openDataset({ folder }, options)).labels).toEqual({ gloss: ['A', 'B', 'C', 'D', 'E'], category: ['X', 'Y'] });
      const more = await openDataset({ folder }, { ...options, numGloss: 7, numCat: 3 });
      expect(more.labels).toEqual({ gloss: ['A', 'B', 'C', 'D', 'E', 'gloss 5', 'gloss 6'], category: ['X', 'Y', 'category 2'] });
      expect((await openDataset({ folder }, { ...options, numGloss: 4, numCat: null })).labels.gloss).toEqual(['A', 'B', 'C', 'D']);
      expect(await problemsOf(openDataset({ folder }, { ...options, numGloss: 3 }))).toEqual([
        'val_labels.csv: line 3: gloss 3 is out of range, there are 3 classes (0–2); correct it, or give --num-gloss 5',
      ]);
    });
  });

  it('warns of what is odd, a line each', async () => {
    await inTemporaryFolder(async (folder) => {
      writeDataFolder(folder, { ...good, val: [{ ...clip('d', 0, 1, 5), seed: 1 }] });
      const far = clipArrays(6, 3, {
        X: { dtype: 'float32', shape: [6, 156], values: Float32Array.from({ length: 6 * 156 }, (_, at) => 2 + (at % 5)) },
      });
      writeFileSync(path.join(folder, 'keypoints_train/c.npz'), formatNpz(far));
      writeFileSync(path.join(folder, 'labels_reference.csv'), 'gloss_id,label,cat_id,category\n0,A,0,X\n1,B,0,X\n2,C,1,Y\n');
      const warnings: string[] = [];
      await openDataset({ folder }, { ...options, onWarning: (line) => warnings.push(line) });
      expect(warnings).toEqual([
        expect.stringMatching(/^1 of 4 clips hold numbers outside \[0, 1\] \(the first: .*c\.npz\)$/),
        expect.stringMatching(/^1 of 4 clips have a category other .*val_labels\.csv line 2: gloss 0 with category 1/),
        expect.stringMatching(/^validation clips with exactly the values of a training clip: 1 \(the first: "d" and "a"\)/),
      ]);
    });
  });

  it('warns of stills, of equal clips with different labels, and of arrays that are not read though the values are', async () => {
    await inTemporaryFolder(async (folder) => {
      writeDataFolder(folder, { train: [...good.train, { ...clip('f', 2, 1, 5), seed: 1 }], val: [clip('d', 0, 0, 5)] });
      const meta: NpyArray = { dtype: 'text', shape: [], values: ['recorded in Manila'] };
      for (const name of ['b', 'c'])
        writeFileSync(path.join(folder, `keypoints_train/${name}.npz`), formatNpz(clipArrays(6, 9 + name.length, { meta })));
      const still: NpyArray = { dtype: 'float32', shape: [6, 156], values: new Float32Array(6 * 156).fill(0.5) };
      writeFileSync(path.join(folder, 'keypoints_train/c.npz'), formatNpz(clipArrays(6, 3, { X: still, meta })));
      const warnings: string[] = [];
      const dataset = await openDataset({ folder }, { ...options, onWarning: (line) => warnings.push(line) });
      expect(dataset.train?.entries).toHaveLength(4);
      expect(warnings).toEqual([
        expect.stringMatching(/^1 of 5 clips are the same in every frame \(the first: .*c\.npz\): nothing moves in them/),
        expect.stringMatching(/^2 of 5 clips hold an array that is not read \(the first: .*b\.npz\): "meta" is no JSON/),
        '1 clip has exactly the values of a clip of another gloss (the first: "f", gloss 2, and "a", gloss 0): one of the two labels must be wrong',
      ]);
    });
  });

  it('may hold clips as .npy, and tells all that is wrong at once where parts are missing', async () => {
    await inTemporaryFolder(async (folder) => {
      writeDataFolder(folder, good);
      rmSync(path.join(folder, 'keypoints_val'), { recursive: true });
      rmSync(path.join(folder, 'keypoints_train/a.npz'));
      writeFileSync(
        path.join(folder, 'keypoints_train/a.npy'),
        formatNpy({ dtype: 'float32', shape: [5, 126], values: new Float32Array(630) }),
      );
      writeFileSync(path.join(folder, 'val_labels.csv'), 'name,label\nd,1\n');
      expect(await problemsOf(openDataset({ folder }, options))).toEqual([
        expect.stringMatching(
          /not there: keypoints_val; without validation clips, --val-share 0\.2 takes a share of the training clips\. Found: 2 \.csv, 2 \.npz, 1 \.npy in keypoints_train\/; .*train_labels\.csv with the columns file, gloss, cat/,
        ),
        expect.stringMatching(/^val_labels\.csv: line 1: no column "file" \(columns: name, label\)/),
        expect.stringMatching(/^val_labels\.csv: line 1: no column "gloss"/),
        expect.stringMatching(/^a\.npy: "X" is \[5, 126\].*this looks like the two hands of MediaPipe/),
      ]);
    });
  });
});

describe('everything that is wrong', () => {
  it('is listed at once, file by file', async () => {
    await inTemporaryFolder(async (folder) => {
      writeDataFolder(folder, good);
      writeFileSync(path.join(folder, 'labels_reference.csv'), 'gloss_id,label,cat_id,category\n0,A,0,X\n1,B,0,X\n2,C,1,Y\n');
      writeFileSync(path.join(folder, 'train_labels.csv'), 'file,gloss,cat\na,0,0\nb,9,0\nc,2,1\nc,2,1\nd,0,0\nf,oops,0\n');
      const clips = path.join(folder, 'keypoints_train');
      writeFileSync(path.join(clips, 'a.npz'), 'not a zip');
      const values = clipValues(7);
      values[0] = NaN;
      writeFileSync(path.join(clips, 'b.npz'), formatNpz(clipArrays(7, 2, { X: { dtype: 'float32', shape: [7, 156], values } })));
      renameSync(path.join(clips, 'c.npz'), path.join(clips, 'other.npz'));
      writeFileSync(path.join(clips, 'd.npz'), formatNpz(clipArrays(5, 1, { X: undefined })));

      const problems = await problemsOf(openDataset({ folder }, options));
      expect(problems).toEqual([
        'train_labels.csv: line 5: clip "c" is on line 4 already; keep one of them',
        'train_labels.csv: line 7: gloss "oops" is no class id; expected a whole number from 0',
        'train_labels.csv: line 3: gloss 9 is out of range, there are 3 classes (0–2); correct it, or give --num-gloss 10',
        'val_labels.csv: line 3: gloss 3 is out of range, there are 3 classes (0–2); correct it, or give --num-gloss 10',
        'val_labels.csv: line 2: clip "d" is in train_labels.csv (line 6) too; a clip is for training or for validation',
        'a.npz: it is no .npz, which is a zip file of arrays: it begins with "not a zip"; make the file again',
        expect.stringMatching(/^b\.npz: "X" holds 1 NaN/),
        'c.npz: no such file, though train_labels.csv names it (line 4); add the clip or remove the line',
        expect.stringMatching(/^d\.npz: no array "X"; the file holds: mask, timestamps_ms, meta/),
      ]);
    });
  });

  it('has a message with a summary and a line a problem, cut after fifty', () => {
    const few = new DataError([
      { file: 'a.npz', problem: 'one' },
      { file: 'b.csv', problem: 'three' },
      { file: 'a.npz', problem: 'two' },
    ]);
    expect(few.message).toBe('data: 3 problems in 2 files\na.npz: one\na.npz: two\nb.csv: three');
    const words = Array.from({ length: 60 }, (_, index) => 'x'.repeat(index + 1));
    const many = new DataError(words.map((word) => ({ file: `${word}.npz`, problem: `gone ${word}` })));
    expect(many.message.split('\n')).toHaveLength(52);
    expect(many.message).toMatch(/and 10 more$/);
    expect(many.problems).toHaveLength(60);
  });

  it('of one cause is one line: the first of them, how many more, and where', () => {
    const gone = Array.from({ length: 390 }, (_, index) => ({ file: `${index}.npz`, problem: `"X" is [${index}, 126]; expected 156` }));
    const lines = [2, 3, 4, 5].map((line) => ({ file: 'l.csv', problem: `line ${line}: gloss "${'A'.repeat(line)}" is none of 3` }));
    const few = ['a', 'b', 'c'].map((name) => ({ file: `${name}.npz`, problem: 'no such file' }));
    expect(new DataError([...lines, ...gone, ...few]).message.split('\n')).toEqual([
      'data: 397 problems in 394 files',
      'l.csv: line 2: gloss "AA" is none of 3 (and 3 more of this kind: line 3, line 4 …)',
      '0.npz: "X" is [0, 126]; expected 156 (and 389 more of this kind: 1.npz, 2.npz …)',
      'a.npz: no such file',
      'b.npz: no such file',
      'c.npz: no such file',
    ]);
  });

  it('names every folder and file that was looked for and is not there', async () => {
    await inTemporaryFolder(async (folder) => {
      expect(await problemsOf(openDataset({ folder: path.join(folder, 'nowhere') }, options))).toEqual([
        'nowhere: no such folder; check the path',
      ]);
      mkdirSync(path.join(folder, 'keypoints_train'));
      expect(await problemsOf(openDataset({ folder }, options))).toEqual([
        expect.stringMatching(
          /: expected keypoints_train\/, train_labels\.csv, keypoints_val\/, val_labels\.csv in it, as docs\/data\.md describes; not there: train_labels\.csv, keypoints_val, val_labels\.csv\. Found: no files$/,
        ),
      ]);
      const named = { keypoints_val: path.join(folder, 'a'), labels_val_csv: path.join(folder, 'b.csv') };
      expect(await problemsOf(openDataset(named, { ...options, needTrain: false }))).toEqual([
        'a: no such folder; check the path',
        'b.csv: no such file; check the path',
      ]);
    });
  });
});

describe('folders and labels named one by one', () => {
  it('open as the folder does', async () => {
    await inTemporaryFolder(async (folder) => {
      writeDataFolder(folder, good);
      const named = {
        keypoints_train: path.join(folder, 'keypoints_train'),
        keypoints_val: path.join(folder, 'keypoints_val'),
        labels_train_csv: path.join(folder, 'train_labels.csv'),
        labels_val_csv: path.join(folder, 'val_labels.csv'),
      };
      const dataset = await openDataset(named, options);
      expect({ ...dataset, title: folder }).toEqual(await openDataset({ folder }, options));
      const { keypoints_val, labels_val_csv } = named;
      expect((await openDataset({ keypoints_val, labels_val_csv }, { ...options, needTrain: false })).validation.entries).toHaveLength(2);
      expect(await problemsOf(openDataset({ keypoints_val, labels_val_csv }, options))).toEqual([
        expect.stringMatching(/--keypoints-train/),
      ]);
    });
  });

  it('may be called otherwise by another model', async () => {
    await inTemporaryFolder(async (folder) => {
      writeDataFolder(folder, good);
      renameSync(path.join(folder, 'keypoints_train'), path.join(folder, 'features_train'));
      renameSync(path.join(folder, 'keypoints_val'), path.join(folder, 'features_val'));
      const layout = clipFolders('features');
      expect((await openDataset({ folder }, { ...options, layout })).train?.entries).toHaveLength(3);
    });
  });
});

itWithShared('data/isl13', 'the real set opens without a warning', async (folder) => {
  const warnings: string[] = [];
  const dataset = await openDataset({ folder }, { ...options, onWarning: (line) => warnings.push(line) });
  expect(dataset.train?.entries).toHaveLength(312);
  expect(dataset.validation.entries).toHaveLength(78);
  expect(dataset.labels.gloss).toHaveLength(13);
  expect(dataset.labels.category).toEqual(['ACTION', 'GREETING', 'QUALITY', 'RELATION']);
  expect(new Set([...(dataset.train?.entries ?? []), ...dataset.validation.entries].map(({ frames }) => frames))).toEqual(new Set([30]));
  expect(warnings).toEqual([]);
});
