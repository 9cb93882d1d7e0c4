import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { formatNpz } from '../../src/data/npz';
import { clipArrays, inTemporaryFolder } from '../support/clip-files';
import { sharedCommands } from '../support/commands';

const { kumpasIn } = sharedCommands();

describe('data labels and data split', () => {
  it('make a set of a folder of clips by two commands, and say what to type next', async () => {
    await inTemporaryFolder(async (folder) => {
      for (const [index, name] of ['hello/1', 'hello/2', 'hello/3', 'bye/1', 'bye/2'].entries()) {
        const file = path.join(folder, 'clips', 'keypoints', `${name}.npz`);
        mkdirSync(path.dirname(file), { recursive: true });
        writeFileSync(file, formatNpz(clipArrays(3, index + 1)));
      }
      const data = (...argv: readonly string[]) => kumpasIn(folder, 'data', ...argv);
      expect(await data('split', 'clips', '--out', 'set')).toMatchObject({
        code: 1,
        errors: expect.stringMatching(/npm run data -- labels clips makes labels\.csv/),
      });
      expect(await data('labels', 'clips')).toEqual({
        code: 0,
        output: 'clips/labels.csv, clips/labels_reference.csv: 5 clips\n',
        errors: '',
      });
      expect(await data('split', 'clips', '--out', 'set')).toEqual({
        code: 0,
        output: 'set: 3 training clips, 2 validation clips\n2 glosses in 1 category\nnpm run train -- --data set\n',
        errors: '',
      });
      const { output } = await data('split', 'set', '--out', 'folds', '--folds', '2', '--glosses', 'hello', '--json');
      expect(JSON.parse(output)).toMatchObject({ glosses: 1, sets: [{ folder: 'folds/fold_1' }, { folder: 'folds/fold_2' }] });
      writeFileSync(path.join(folder, 'old.csv'), 'file,gloss\na,1\nb,2\n');
      expect(await data('labels', 'old.csv', '--in-place', '--labels-reference', 'clips/labels_reference.csv')).toMatchObject({
        code: 1,
        errors: expect.stringMatching(/do they count from 1\? --one-based yes/),
      });
    });
  });
});
