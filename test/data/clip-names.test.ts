import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from '@jest/globals';
import type { Dataset } from '../../src/data/clip-set';
import { DataError } from '../../src/data/data-error';
import { openDataset, type DatasetOptions } from '../../src/data/dataset';
import { formatNpz } from '../../src/data/npz';
import { clipArrays, inTemporaryFolder, writeDataFolder } from '../support/clip-files';
import { itWithShared } from '../support/shared';

const options: DatasetOptions = { key: 'X', width: 156, keypoints: 'of the data', memoryBudgetBytes: 1e9, needTrain: true };
const clip = (name: string, gloss: number): { name: string; gloss: number; category: number; frames: number } => ({
  name,
  gloss,
  category: 0,
  frames: 4,
});

/** Opens a set of three training clips a, b, c and one of validation after `change`, with what it warned of. */
async function opened(change: (folder: string, clips: string) => void): Promise<{ dataset: Dataset; warnings: string[] }> {
  return inTemporaryFolder(async (folder) => {
    writeDataFolder(folder, { train: [clip('a', 0), clip('b', 1), clip('c', 0)], val: [clip('d', 1)] });
    change(folder, path.join(folder, 'keypoints_train'));
    const warnings: string[] = [];
    const dataset = await openDataset({ folder }, { ...options, onWarning: (line) => warnings.push(line.replaceAll(`${folder}/`, '')) });
    return { dataset, warnings };
  });
}

async function problemsOf(change: (folder: string, clips: string) => void): Promise<string[]> {
  const error: unknown = await opened(change).then(
    () => new Error('it opened'),
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof DataError)) throw error;
  return error.problems.map(({ file, problem }) => `${path.basename(file)}: ${problem}`);
}

const labelled = (folder: string, ...names: string[]): void => {
  writeFileSync(
    path.join(folder, 'train_labels.csv'),
    ['file,gloss,cat', ...names.map((name, index) => `${name},${index % 2},0`)].join('\n'),
  );
};
const filesOf = ({ train }: Dataset): string[] => (train?.entries ?? []).map(({ file }) => path.basename(file));
const namesOf = ({ train }: Dataset): string[] => (train?.entries ?? []).map(({ name }) => name);

describe("a clip's file", () => {
  it('is found whichever form of a letter the labels and the file have', async () => {
    const [composed, decomposed] = ['niño'.normalize('NFC'), 'niño'.normalize('NFD')];
    const one = await opened((folder, clips) => {
      renameSync(path.join(clips, 'a.npz'), path.join(clips, `${decomposed}.npz`));
      labelled(folder, composed, 'b', 'c');
    });
    const other = await opened((folder, clips) => {
      renameSync(path.join(clips, 'a.npz'), path.join(clips, `${composed}.npz`));
      labelled(folder, decomposed, 'b', 'c');
    });
    expect([namesOf(one.dataset)[0], namesOf(other.dataset)[0]]).toEqual([composed, composed]);
    expect(filesOf(one.dataset)[0]).toBe(`${decomposed}.npz`);
    expect(one.dataset.fingerprint).toBe(other.dataset.fingerprint);
    expect([...one.warnings, ...other.warnings]).toEqual([]);
  });

  it('is found by the name of its video, beside the video or with its extension', async () => {
    const { dataset, warnings } = await opened((folder, clips) => {
      writeFileSync(path.join(clips, 'a.mp4'), 'a video');
      renameSync(path.join(clips, 'b.npz'), path.join(clips, 'b.3gp.npz'));
      renameSync(path.join(clips, 'c.npz'), path.join(clips, 'c.MOV.npz'));
      labelled(folder, 'a.mp4', 'b.3gp', 'c');
    });
    expect(namesOf(dataset)).toEqual(['a', 'b', 'c']);
    expect(filesOf(dataset)).toEqual(['a.npz', 'b.3gp.npz', 'c.MOV.npz']);
    expect(warnings).toEqual([]);
  });

  it('is found in a folder that Windows names', async () => {
    const { dataset } = await opened((folder, clips) => {
      mkdirSync(path.join(clips, 'p0'));
      renameSync(path.join(clips, 'a.npz'), path.join(clips, 'p0/a.npz'));
      labelled(folder, 'p0\\a', 'b', 'c');
    });
    expect(namesOf(dataset)).toEqual(['p0/a', 'b', 'c']);
  });

  it('is found in another case where only one is like it, and that is said', async () => {
    const { dataset, warnings } = await opened((folder, clips) => {
      renameSync(path.join(clips, 'a.npz'), path.join(clips, 'Signer_A.NPZ'));
      labelled(folder, 'signer_a', 'b', 'c');
    });
    expect(filesOf(dataset)).toEqual(['Signer_A.NPZ', 'b.npz', 'c.npz']);
    expect(warnings).toEqual([
      '1 of 4 clips are named in another case than their files (the first: train_labels.csv line 2 has "signer_a", the file is Signer_A.NPZ)',
    ]);
  });

  it('that cannot be told from another is not guessed', async () => {
    const problems = await problemsOf((folder, clips) => {
      for (const name of ['Take.npz', 'TAKE.npz']) writeFileSync(path.join(clips, name), formatNpz(clipArrays(4)));
      labelled(folder, 'take', 'b', 'c');
    });
    expect(problems).toEqual([
      'take.npz: no such file, though train_labels.csv names it (line 2); TAKE.npz and Take.npz are there: name the right one with all its letters',
    ]);
  });

  it('that is not there is told with a near one that no line names', async () => {
    const problems = await problemsOf((folder, clips) => {
      renameSync(path.join(clips, 'a.npz'), path.join(clips, 'train-03.npz'));
      labelled(folder, 'train_03', 'b', 'c');
    });
    expect(problems).toEqual([
      'train_03.npz: no such file, though train_labels.csv names it (line 2); train-03.npz is there, which no line names: correct the line, add the clip or remove the line',
    ]);
  });

  it.each(['keypoints_train/a', 'keypoints_train\\a'])('that a line looks for in a folder that is not there is named: %s', async (name) => {
    expect(
      await problemsOf((folder) => {
        labelled(folder, name, 'b', 'c');
      }),
    ).toEqual([
      'a.npz: no such file, though train_labels.csv names it (line 2); a.npz is there, which no line names: correct the line, add the clip or remove the line',
    ]);
  });

  it('that is not there is not mistaken for a numbered neighbour that has its own line', async () => {
    const problems = await problemsOf((folder, clips) => {
      for (const [from, to] of [
        ['a', 'take_1'],
        ['b', 'take_2'],
      ] as const)
        renameSync(path.join(clips, `${from}.npz`), path.join(clips, `${to}.npz`));
      labelled(folder, 'take_1', 'take_2', 'take_3', 'no/where');
    });
    expect(problems).toEqual([
      'take_3.npz: no such file, though train_labels.csv names it (line 4); add the clip or remove the line',
      'where.npz: no such file, though train_labels.csv names it (line 5); add the clip or remove the line',
    ]);
  });
});

describe('one clip under two names', () => {
  it.each<[string, string, string, RegExp]>([
    ['forms of a letter', 'niño'.normalize('NFC'), 'niño'.normalize('NFD'), /line 3: clip "niño" is on line 2 already/],
    ['separators', 'p0/a', 'p0\\a', /line 3: clip "p0\/a" is on line 2 already/],
    ['names, with its video and without', 'b', 'b.mp4.npz', /line 3: clip "b\.mp4" and "b" of line 2 are one file, b\.mp4\.npz; keep one/],
    ['cases', 'c', 'C', /line 3: clip "C" and "c" of line 2 are one file, c\.npz; keep one of them/],
  ])('by two %s is told', async (_, first, second, message) => {
    const problems = await problemsOf((folder, clips) => {
      mkdirSync(path.join(clips, 'p0'));
      writeFileSync(path.join(clips, 'p0/a.npz'), formatNpz(clipArrays(4)));
      writeFileSync(path.join(clips, 'niño.npz'.normalize('NFD')), formatNpz(clipArrays(4)));
      renameSync(path.join(clips, 'b.npz'), path.join(clips, 'b.mp4.npz'));
      labelled(folder, first, second, 'a');
    });
    expect(problems).toEqual([expect.stringMatching(message)]);
  });

  it('in both splits is told', async () => {
    const problems = await problemsOf((folder, clips) => {
      renameSync(path.join(clips, 'a.npz'), path.join(clips, 'niño.npz'.normalize('NFD')));
      writeFileSync(path.join(folder, 'keypoints_val', 'niño.npz'.normalize('NFC')), formatNpz(clipArrays(4, 9)));
      labelled(folder, 'niño'.normalize('NFD'), 'b', 'c');
      writeFileSync(path.join(folder, 'val_labels.csv'), `file,gloss,cat\nd,1,0\n${'niño'.normalize('NFC')},0,0\n`);
    });
    expect(problems).toEqual([
      'val_labels.csv: line 3: clip "niño" is in train_labels.csv (line 2) too; a clip is for training or for validation',
    ]);
  });
});

describe('the cases', () => {
  for (const set of ['nfd-names', 'mp4-names', 'semicolons', 'utf16', 'ok']) {
    itWithShared(`cases/sets/${set}`, `open: ${set}`, async (folder) => {
      const warnings: string[] = [];
      const dataset = await openDataset({ folder }, { ...options, onWarning: (line) => warnings.push(line) });
      expect([dataset.train?.entries.length, dataset.validation.entries.length, dataset.labels.gloss]).toEqual([6, 3, ['A', 'B', 'C']]);
      expect(warnings).toEqual([]);
    });
  }

  itWithShared('cases/sets/all-zero-clip', 'warn of a clip of zeros', async (folder) => {
    const warnings: string[] = [];
    await openDataset({ folder }, { ...options, onWarning: (line) => warnings.push(line) });
    expect(warnings).toEqual([expect.stringMatching(/^1 of 9 clips hold nothing but zeros \(the first: .*train_0\.npz\)/)]);
  });
});
