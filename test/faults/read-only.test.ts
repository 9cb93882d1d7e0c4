import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { describe, expect } from '@jest/globals';
import { cacheFolder } from '../../src/engine/provision/locations';
import { inTemporaryFolder } from '../support/clip-files';
import { itWithDisk, kumpasWithReadOnly } from '../support/small-disk';
import { smallFlags, writeSmallData } from '../support/small-training';

describe('a place that cannot be written', () => {
  itWithDisk('is refused as --save-dir in a line, before anything is trained', async () => {
    await inTemporaryFolder((folder) => {
      const data = writeSmallData(folder);
      const models = path.join(folder, 'models');
      mkdirSync(models);
      const { code, errors } = kumpasWithReadOnly(models, {}, 'train', '--data', data, ...smallFlags, '--save-dir', models);
      expect(code).toBe(1);
      expect(errors).toMatch(/^--save-dir [^\n]*: no folder can be made there: [^\n]*\(EROFS\)[^\n]*\n$/);
    });
  });

  itWithDisk('does no harm as the cache where all is prepared, nor does a missing HOME', async () => {
    await inTemporaryFolder((folder) => {
      const data = writeSmallData(folder);
      const cache = cacheFolder(process.env);
      const environment = { KUMPAS_CACHE: cache, HOME: path.join(folder, 'nowhere') };
      const argv = ['train', '--data', data, ...smallFlags, '--epochs', '1', '--save-dir', path.join(folder, 'models')];
      expect(kumpasWithReadOnly(cache, environment, ...argv)).toMatchObject({ code: 0, errors: '' });
    });
  });
});
