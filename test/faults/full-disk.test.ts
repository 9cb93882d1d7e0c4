import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect } from '@jest/globals';
import { useBackend } from '../support/backend';
import { inTemporaryFolder } from '../support/clip-files';
import { kumpasAlone } from '../support/commands';
import { savedTraining } from '../support/saved-training';
import { itWithDisk, SmallDisk } from '../support/small-disk';
import { smallFlags, writeSmallData } from '../support/small-training';

beforeAll(async () => {
  await useBackend('cpu');
});

/** The only run in a folder of models. */
function runIn(models: string): string {
  const [name, ...more] = readdirSync(models).filter((entry) => !entry.startsWith('.'));
  expect(more).toEqual([]);
  return path.join(models, name ?? '');
}

describe('a full disk', () => {
  itWithDisk('ends a training in a line, keeps its last state, and lets it go on once there is space', async () => {
    await inTemporaryFolder(async (folder) => {
      const data = writeSmallData(folder);
      const flags = ['--data', data, ...smallFlags, '--ema'];
      const disk = await SmallDisk.mount(path.join(folder, 'disk'), 4096);
      try {
        const saveDir = path.join(disk.folder, 'models');
        expect(disk.kumpas('train', ...flags, '--save-dir', saveDir, '--epochs', '1')).toMatchObject({ code: 0, errors: '' });
        const run = runIn(disk.seen('models'));
        const last = path.join(run, 'SignTransformer_last.pt');
        const before = readFileSync(last);
        const place = path.join(saveDir, path.basename(run));

        const makeSpace = disk.fill(before.length / 2);
        const stopped = disk.kumpas('train', '--resume', place, '--epochs', '3');
        expect(stopped.code).toBe(1);
        expect(stopped.errors).toMatch(
          /^[^\n]*: no space is left on its disk \(ENOSPC\): it needs [\d.]+ KB, and [\d.]+ KB are free; free some; everything saved before is intact; go on with npm run train -- --resume [^\n]*\n$/,
        );
        expect(readFileSync(last).equals(before)).toBe(true);
        expect(readdirSync(run).filter((name) => name.endsWith('.tmp'))).toEqual([]);

        makeSpace();
        expect(disk.kumpas('train', '--resume', place, '--epochs', '3')).toMatchObject({ code: 0, errors: '' });
        const elsewhere = path.join(folder, 'models');
        expect(kumpasAlone(['train', ...flags, '--save-dir', elsewhere, '--epochs', '3'])).toMatchObject({ code: 0 });
        expect(savedTraining(run)).toEqual(savedTraining(runIn(elsewhere)));
      } finally {
        await disk.unmount();
      }
    });
  });
});
