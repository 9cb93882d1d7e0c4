import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { inTemporaryFolder } from '../support/clip-files';
import { sharedCommands } from '../support/commands';

const { kumpas } = sharedCommands();

describe('demo-data', () => {
  it('writes a folder and says that it is synthetic', async () => {
    await inTemporaryFolder(async (folder) => {
      const out = path.join(folder, 'demo');
      expect(await kumpas('demo-data', '--out', out, '--seed=7')).toEqual({
        code: 0,
        output: `${out}: the synthetic demo set, 630 training and 210 validation clips (made by a generator, nobody was filmed)\n`,
        errors: '',
      });
      expect(existsSync(path.join(out, 'val_labels.csv'))).toBe(true);
    });
  }, 60_000);

  it('refuses what it cannot use, and writes nothing', async () => {
    await inTemporaryFolder(async (folder) => {
      writeFileSync(path.join(folder, 'mine.txt'), 'mine');
      const out = path.join(folder, 'demo');
      for (const [argv, error] of [
        [['--out', out, '--seed', '1.5'], '--seed: expected a whole number from 0 to 2147483647, found "1.5"'],
        [['--out', out, '--seed', '4294967296'], '--seed: expected a whole number from 0 to 2147483647, found "4294967296"'],
        [['--out', out, '--sed', '1'], '--sed: unknown flag; did you mean --seed?'],
        [['--out', folder], `${folder}: not empty; name a new or an empty folder with --out`],
      ] as const) {
        expect(await kumpas('demo-data', ...argv)).toEqual({ code: 1, output: '', errors: `${error}\n` });
      }
      expect(readdirSync(folder)).toEqual(['mine.txt']);
    });
  }, 60_000);
});
