import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { readCategories } from '../../src/data/collections/read-categories';
import { findVideos } from '../../src/extraction/find-videos';
import { inTemporaryFolder } from '../support/clip-files';

function writeFiles(folder: string, ...files: readonly string[]): void {
  for (const file of files) {
    mkdirSync(path.dirname(path.join(folder, file)), { recursive: true });
    writeFileSync(path.join(folder, file), '');
  }
}

describe('a folder of videos', () => {
  it('has a folder for each sign, in which videos lie however deep', () =>
    inTemporaryFolder(async (folder) => {
      writeFiles(folder, 'HELLO/1.mp4', 'HELLO/ann/2.MOV', 'THANK YOU/1.webm', 'HELLO/notes.txt', '.hidden/1.mp4', 'HELLO/.1.mp4');
      const { videos, others, categories } = await findVideos(folder);
      expect(videos.map(({ source, sign, name }) => [source, sign, name])).toEqual([
        ['HELLO/1.mp4', 'HELLO', 'HELLO/1'],
        ['HELLO/ann/2.MOV', 'HELLO', 'HELLO/ann/2'],
        ['THANK YOU/1.webm', 'THANK YOU', 'THANK YOU/1'],
      ]);
      expect({ others, categories }).toEqual({ others: 1, categories: undefined });
    }));

  it('gives each clip a name of its own, whatever the letters', () =>
    inTemporaryFolder(async (folder) => {
      writeFiles(folder, 'ñandú/a.mp4'.normalize('NFD'), '안녕/😀.mp4', 'B/a.mp4', 'B/a.avi', 'B/a-2.mp4');
      const { videos } = await findVideos(folder);
      expect(videos.map(({ name }) => name).sort()).toEqual(['B/a-2', 'B/a_avi', 'B/a_mp4', 'ñandú/a', '안녕/😀'].sort());
      expect(videos.find(({ name }) => name.startsWith('ñ'))?.sign).toBe('ñandú'.normalize('NFC'));
    }));

  it('is refused where it has no videos, or videos of no sign', () =>
    inTemporaryFolder(async (folder) => {
      await expect(findVideos(path.join(folder, 'absent'))).rejects.toThrow('there is no such folder or table');
      await expect(findVideos(folder)).rejects.toThrow('no video is in it; expected a folder for each sign');
      writeFiles(folder, '1.mp4', 'HELLO/1.mp4');
      await expect(findVideos(folder)).rejects.toThrow('1.mp4 lies in no folder of a sign');
    }));
});

describe('a table of videos', () => {
  const inTable = (text: string, test: (table: string) => Promise<void>): Promise<void> =>
    inTemporaryFolder(async (folder) => {
      const table = path.join(folder, 'videos.csv');
      writeFileSync(table, text);
      await test(table);
    });

  it('says the sign of each, and its category, signer and split where it has them', () =>
    inTable(
      '\uFEFFfile,gloss,category,signer,split\r\nin/1.mp4,"A/B, C",letters,ann,train\r\n/elsewhere/1.mp4,"A/B, C",letters,,val\r\n',
      async (table) => {
        const { videos, categories } = await findVideos(table);
        expect(videos).toMatchObject([
          {
            file: path.join(path.dirname(table), 'in/1.mp4'),
            source: 'in/1.mp4',
            sign: 'A/B, C',
            name: 'A_B, C/1_mp4',
            signer: 'ann',
            split: 'train',
          },
          { file: '/elsewhere/1.mp4', sign: 'A/B, C', name: 'A_B, C/1_mp4-2', split: 'val' },
        ]);
        expect(videos[1]).not.toHaveProperty('signer');
        expect(categories).toEqual(new Map([['A/B, C', 'letters']]));
      },
    ));

  it('leads out of the folder of clips with no name', () =>
    inTable('file,gloss\n../../1.mp4,..\n2.mp4,/\n', async (table) => {
      const { videos } = await findVideos(table);
      for (const { name } of videos) expect(path.posix.normalize(name)).not.toMatch(/^(\.\.|\/)/);
    }));

  it('is refused with all that is wrong with it', () =>
    inTable('file,gloss,category\n,HELLO,a\n1.mp4,,a\n2.mp4,HELLO,a\n3.mp4,HELLO,b\n4.mp4,BYE,\n', async (table) => {
      await expect(findVideos(table)).rejects.toThrow(
        /line 2: no file is named[^]*line 3: no gloss is named[^]*line 5: "HELLO" is of the category "b" here, and of "a" above[^]*line 6: "BYE" has no category/,
      );
    }));
});

describe("a table of signs' categories", () => {
  it('names one for every sign', () =>
    inTemporaryFolder(async (folder) => {
      const table = path.join(folder, 'categories.csv');
      writeFileSync(table, 'gloss,category\nHELLO,greetings\nONE,numbers\n');
      expect(await readCategories(table, new Set(['HELLO']))).toEqual(
        new Map([
          ['HELLO', 'greetings'],
          ['ONE', 'numbers'],
        ]),
      );
      await expect(readCategories(table, new Set(['HELLO', 'BYE']))).rejects.toThrow('it says no category of "BYE"; add a line for each');
    }));
});
