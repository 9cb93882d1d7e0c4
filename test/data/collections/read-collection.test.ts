import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { findCollection, readCollection } from '../../../src/data/collections/read-collection';
import { inTemporaryFolder, writeCollection, writeDataFolder } from '../../support/clip-files';

const CLIPS = [
  { name: 'maria/hello_1', sign: 'hello', signer: 'maria', occluded: true },
  { name: 'maria/thanks_1', sign: 'thanks', signer: 'maria' },
  { name: 'jose/hello_1', sign: 'hello', signer: 'jose' },
];

describe('readCollection', () => {
  it('gives the clips of a collection with their classes, their files and every further column', async () => {
    await inTemporaryFolder(async (folder) => {
      writeCollection(folder, CLIPS);
      const { clips, names, isSplit, isNamed, furtherColumns, kind } = await readCollection(folder);
      expect(clips.map(({ label, split, cell }) => [label.name, label.gloss, label.occluded, split, cell('signer')])).toEqual([
        ['jose/hello_1', 0, false, undefined, 'jose'],
        ['maria/hello_1', 0, true, undefined, 'maria'],
        ['maria/thanks_1', 1, false, undefined, 'maria'],
      ]);
      expect(clips[0]?.file).toBe(path.join(folder, 'keypoints', 'jose', 'hello_1.npz'));
      expect(names).toEqual({ gloss: ['hello', 'thanks'], category: ['sign'] });
      expect({ isSplit, isNamed, furtherColumns, kind }).toEqual({
        isSplit: false,
        isNamed: true,
        furtherColumns: ['occluded', 'signer'],
        kind: 'keypoints',
      });
    });
  });

  it('reads a set that is laid out for training as one list that knows the parts, those of features too', async () => {
    await inTemporaryFolder(async (folder) => {
      const clip = (name: string, gloss: number) => ({ name, gloss, category: 0, frames: 2 });
      writeDataFolder(folder, { train: [clip('a', 0), clip('b', 1)], val: [clip('c', 1)] });
      writeFileSync(path.join(folder, 'test_labels.csv'), 'file,gloss,cat\nd,0,0\n');
      mkdirSync(path.join(folder, 'keypoints_test'));
      writeFileSync(path.join(folder, 'keypoints_test', 'd.npz'), '');
      const partsOf = async () => (await readCollection(folder)).clips.map(({ label, split }) => [label.name, split]);
      const parts = [
        ['a', 'train'],
        ['b', 'train'],
        ['c', 'validation'],
        ['d', 'test'],
      ];
      expect(await partsOf()).toEqual(parts);
      expect(await readCollection(folder)).toMatchObject({ isNamed: false, names: { gloss: ['gloss 0', 'gloss 1'] } });
      for (const part of ['train', 'val', 'test'])
        renameSync(path.join(folder, `keypoints_${part}`), path.join(folder, `features_${part}`));
      expect(await partsOf()).toEqual(parts);
    });
  });

  it('lists at once what is wrong with tables and clips, and gives the rest to those who ask for it', async () => {
    await inTemporaryFolder(async (folder) => {
      writeCollection(folder, CLIPS);
      rmSync(path.join(folder, 'keypoints', 'jose', 'hello_1.npz'));
      const labels = path.join(folder, 'labels.csv');
      writeFileSync(labels, readFileSync(labels, 'utf8').replace('thanks_1,1', 'thanks_1,7') + '../out,0,0,0,x\n');
      await expect(readCollection(folder)).rejects.toThrow(/3 problems.*leads out of.*gloss 7 is out of range.*no such file/su);
      const { collection, problems } = await findCollection(folder);
      expect(problems).toHaveLength(3);
      expect(collection.clips.map(({ label, missing }) => [label.name, missing === undefined])).toEqual([
        ['jose/hello_1', false],
        ['maria/hello_1', true],
        ['maria/thanks_1', true],
      ]);
    });
  });

  it('advises on ids without a class what can be done here: classes are added in the reference, ids that count from 1 mended', async () => {
    await inTemporaryFolder(async (folder) => {
      writeCollection(folder, CLIPS);
      const labels = path.join(folder, 'labels.csv');
      const text = readFileSync(labels, 'utf8');
      writeFileSync(labels, text.replace('thanks_1,1', 'thanks_1,7'));
      await expect(readCollection(folder)).rejects.toThrow(/gloss 7 .*; correct it, or add the gloss to labels_reference\.csv$/u);
      writeFileSync(labels, text.replace('thanks_1,1', 'thanks_1,2').replaceAll('hello_1,0', 'hello_1,1'));
      await expect(readCollection(folder)).rejects.toThrow(
        /gloss 2 .*where ids count from 1, npm run data -- labels FILE\.csv --one-based yes/u,
      );
      await expect(readCollection(labels)).rejects.toThrow(/labels\.csv: it is a file; give the folder/);
    });
  });

  it('says what there is where a folder is neither', async () => {
    await inTemporaryFolder(async (folder) => {
      mkdirSync(path.join(folder, 'keypoints'));
      writeFileSync(path.join(folder, 'keypoints', 'a.npz'), '');
      await expect(readCollection(folder)).rejects.toThrow(
        /expected keypoints\/ and labels\.csv.*data -- labels .* makes.*Found: 1 \.npz/u,
      );
      await expect(readCollection(path.join(folder, 'none'))).rejects.toThrow(/none: no such folder/);
    });
  });

  it('gives back names that a spreadsheet would take for formulas as they were', async () => {
    await inTemporaryFolder(async (folder) => {
      writeCollection(folder, [{ name: '=a', sign: '+1' }]);
      expect(readFileSync(path.join(folder, 'labels.csv'), 'utf8')).toContain("'=a");
      const { clips, names } = await readCollection(folder);
      expect(clips.map(({ label }) => label.name)).toEqual(['=a']);
      expect(names.gloss).toEqual(['+1']);
    });
  });
});
