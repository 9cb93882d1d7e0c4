import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { editLabels } from '../../../src/data/collections/edit-labels';
import { readCollection } from '../../../src/data/collections/read-collection';
import { inTemporaryFolder, writeCollection } from '../../support/clip-files';

const REFERENCE = 'gloss_id,label,cat_id,category\n0,hello,0,greeting\n1,señor,0,greeting\n2,"a, b",1,letters\n3,=x,1,letters\n';

/** Clips without tables. */
function clips(folder: string, ...names: string[]): void {
  for (const name of names) {
    const file = path.join(folder, 'keypoints', `${name}.npz`);
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, '');
  }
}

const read = (...parts: string[]): string => readFileSync(path.join(...parts), 'utf8');

describe('editLabels of a folder', () => {
  it('takes the first folder as the sign, or what a pattern says; old tables are kept', async () => {
    await inTemporaryFolder(async (folder) => {
      clips(folder, 'hello/001', 'thank you/a', 'hello/002');
      expect(await editLabels({ place: folder })).toMatchObject({ clips: 3, kept: [] });
      expect(read(folder, 'labels.csv')).toBe('file,gloss,cat\nhello/001,0,0\nhello/002,0,0\nthank you/a,1,0\n');
      await expect(editLabels({ place: folder })).rejects.toThrow(/labels\.csv: it is there already; give --in-place/);
      const { kept } = await editLabels({ place: folder, in_place: true, pattern: '{sign}/{any}' });
      expect(kept.map((file) => path.basename(file))).toEqual(['labels.csv.old', 'labels_reference.csv.old']);
      expect(read(folder, 'labels.csv.old')).toBe(read(folder, 'labels.csv'));
    });
    await inTemporaryFolder(async (folder) => {
      clips(folder, 'maria/thank_you_003', 'jose/hello_1');
      await editLabels({ place: folder, pattern: '{signer}/{sign}_{number}' });
      const { clips: found, names } = await readCollection(folder);
      expect(found.map(({ label, cell }) => [label.name, names.gloss[label.gloss], cell('signer')])).toEqual([
        ['jose/hello_1', 'hello', 'jose'],
        ['maria/thank_you_003', 'thank_you', 'maria'],
      ]);
    });
  });

  it('takes ids of a reference, in any case and either form of a letter, and names signs that it lacks', async () => {
    await inTemporaryFolder(async (folder) => {
      const reference = path.join(folder, 'names.csv');
      writeFileSync(reference, REFERENCE);
      clips(folder, 'HELLO_1', 'sen\u0303or_1');
      await editLabels({ place: folder, pattern: '{sign}_{number}', labels_reference: reference });
      expect(read(folder, 'labels.csv')).toBe('file,gloss,cat\nHELLO_1,0,0\nse\u00f1or_1,1,0\n');
      expect((await readCollection(folder)).names.gloss).toEqual(['hello', 'señor', 'a, b', '=x']);
      clips(folder, 'bye_1');
      const again = { place: folder, labels_reference: reference, in_place: true };
      await expect(editLabels({ ...again, pattern: '{sign}_{number}' })).rejects.toThrow(/bye_1: its sign "bye" is none of the reference/);
      await expect(editLabels(again)).rejects.toThrow(/lies in no folder of a sign.*--pattern/);
      await expect(editLabels({ ...again, pattern: '{sing}' })).rejects.toThrow(/\{sing\} stands for nothing/);
      await expect(editLabels({ ...again, pattern: '{number}' })).rejects.toThrow(/it has no \{sign\}/);
    });
  });
});

describe('editLabels of a CSV', () => {
  const mended = async (text: string, options: Parameters<typeof editLabels>[0] = {}): Promise<string> =>
    inTemporaryFolder(async (folder) => {
      const file = path.join(folder, 'old.csv');
      writeFileSync(file, text);
      writeFileSync(path.join(folder, 'labels_reference.csv'), REFERENCE);
      const out = path.join(folder, 'new.csv');
      await editLabels({ place: file, out, ...options });
      return read(out);
    });

  it('turns names into ids and back, whatever marks, line ends, quotes, semicolons and cases they come in', async () => {
    const names =
      '\uFEFFfile;gloss;cat;note\r\np\\a.mp4;HELLO;Greeting;x\r\nb;sen\u0303or;greeting;\r\nc;"a, b";letters;\'=1\r\nd;\'=x;letters;\r\n';
    const ids = "file,gloss,cat,note\np/a.mp4,0,0,x\nb,1,0,\nc,2,1,'=1\nd,3,1,\n";
    expect(await mended(names)).toBe(ids);
    const back = await mended(ids, { to: 'names' });
    expect(back).toBe('file,gloss,cat,note\np/a.mp4,hello,greeting,x\nb,señor,greeting,\nc,"a, b",letters,\'=1\nd,\'=x,letters,\n');
    expect(await mended(back)).toBe(ids);
  });

  it('asks whether ids count from 1 where they look so, and takes 1 off where they do', async () => {
    const text = 'file,gloss,cat\na,1,1\nb,4,2\n';
    await expect(mended(text)).rejects.toThrow(/column gloss go from 1 to 4, and there are 4 classes.*--one-based yes takes 1 off/);
    expect(await mended(text, { one_based: 'yes' })).toBe('file,gloss,cat\na,0,0\nb,3,1\n');
    await expect(mended(text, { one_based: 'no' })).rejects.toThrow(/line 3: gloss 4 is out of range: there are 4 \(0–3\)/);
    await expect(mended('file,gloss,cat\na,0,0\nb,3,1\n', { one_based: 'yes' })).rejects.toThrow(/has the gloss 0/);
    expect(await mended('file,gloss,cat\na,1,0\nb,2,1\n')).toBe('file,gloss,cat\na,1,0\nb,2,1\n');
  });

  it('names every line whose class is none, and writes over nothing unasked', async () => {
    await expect(mended('file,gloss\na,helo\nb,hello\nc,bye\n')).rejects.toThrow(
      /2 problems.*line 2: gloss "helo" is none of the reference; "hello" may be meant.*line 4: gloss "bye"/s,
    );
    await inTemporaryFolder(async (folder) => {
      const file = path.join(folder, 'labels.csv');
      writeFileSync(file, 'file;gloss\na;0\n');
      await expect(editLabels({ place: file })).rejects.toThrow(/--out FILE\.csv, or --in-place/);
      await expect(editLabels({ place: file, to: 'names', in_place: true })).rejects.toThrow(/give --labels-reference/);
      await editLabels({ place: file, in_place: true });
      expect([read(file), read(`${file}.old`)]).toEqual(['file,gloss\na,0\n', 'file;gloss\na;0\n']);
    });
  });
});

describe('editLabels that merges', () => {
  it('unites glosses by name, tells clips of one name apart, and keeps every column', async () => {
    await inTemporaryFolder(async (folder) => {
      const [one, other, out] = ['one', 'other', 'all'].map((name) => path.join(folder, name)) as [string, string, string];
      const categories = new Map([
        ['a', 'first'],
        ['b', 'second'],
        ['c', 'first'],
      ]);
      writeCollection(
        one,
        [
          { name: 'x', sign: 'b' },
          { name: 'y', sign: 'a', signer: 'maria' },
        ],
        categories,
      );
      writeCollection(
        other,
        [
          { name: 'x', sign: 'c' },
          { name: 'z', sign: 'b', split: 'val' },
        ],
        categories,
      );
      expect(await editLabels({ merge: [one, other], out })).toMatchObject({ clips: 4, renamed: 2 });
      const { clips: merged, names } = await readCollection(out);
      expect(names).toEqual({ gloss: ['a', 'b', 'c'], category: ['first', 'second'] });
      expect(merged.map(({ label, cell }) => [label.name, label.gloss, label.category, cell('signer'), cell('split')])).toEqual([
        ['one/x', 1, 1, '', ''],
        ['other/x', 2, 0, '', ''],
        ['y', 0, 0, 'maria', ''],
        ['z', 1, 1, '', 'val'],
      ]);
      await expect(editLabels({ merge: [one, other], out })).rejects.toThrow(/something is there already/);
      writeCollection(other, [{ name: 'x', sign: 'b' }], new Map([['b', 'third']]));
      await expect(editLabels({ merge: [one, other], out: `${out}2` })).rejects.toThrow(
        /gloss "b" is of category "third" here and of "second"/,
      );
      renameSync(path.join(other, 'labels_reference.csv'), path.join(folder, 'gone'));
      await expect(editLabels({ merge: [one, other], out: `${out}2` })).rejects.toThrow(/it has ids and no labels_reference\.csv/);
    });
  });
});
