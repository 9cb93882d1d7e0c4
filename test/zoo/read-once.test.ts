import fs from 'node:fs';
import path from 'node:path';
import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { diffModel } from '../../src/zoo/release/diff';
import { promoteModel } from '../../src/zoo/release/promote';
import { releaseModel } from '../../src/zoo/release/release';
import { bestOf, ownData, releaseRequest, releaseWorld, trainedZoo } from '../support/small-zoo';

const { inZoo } = trainedZoo();

/** How often each file of a folder, by its name, is opened from now on. */
function countOpens(folder: string): (name: string) => number {
  const opened: string[] = [];
  const openSync = fs.openSync.bind(fs);
  jest.spyOn(fs, 'openSync').mockImplementation((file, ...how) => {
    if (String(file).startsWith(`${folder}${path.sep}`)) opened.push(path.relative(folder, String(file)));
    return openSync(file, ...how);
  });
  return (name) => opened.filter((file) => file === name).length;
}

afterEach(() => {
  jest.restoreAllMocks();
});

describe('a checkpoint that is large', () => {
  it('is read once for a release, and once for its checksum', async () => {
    await inZoo(async ({ root, model }) => {
      const opens = countOpens(model.folder);
      await releaseModel(root, model, releaseRequest({ bump: 'major' }), releaseWorld());
      expect(opens(path.basename(bestOf(model)))).toBe(2);
    });
  });

  it('is read once to be promoted, and once for its checksum', async () => {
    await inZoo(async ({ model }) => {
      const opens = countOpens(model.folder);
      await promoteModel(model, { dtype: 'float32', data: ownData }, releaseWorld());
      expect(opens(path.basename(bestOf(model)))).toBe(2);
    });
  });

  it('is read once to tell what has changed since a release', async () => {
    await inZoo(async ({ root, model }) => {
      await releaseModel(root, model, releaseRequest({ bump: 'major' }), releaseWorld());
      const opens = countOpens(model.folder);
      diffModel(root, model, []);
      expect(opens(path.basename(bestOf(model)))).toBe(1);
    });
  });
});
