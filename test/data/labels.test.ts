import { describe, expect, it } from '@jest/globals';
import { parseCsvTable } from '../../src/data/csv-table';
import { labelsOfTable, readLabelReference, readLabelsTable, referenceOfTable } from '../../src/data/labels';
import { itWithShared } from '../support/shared';

const labelsOf = (text: string): ReturnType<typeof labelsOfTable> =>
  labelsOfTable(parseCsvTable(text, 'l.csv', ['file', 'gloss', 'cat']), 'l.csv');
const referenceOf = (text: string): ReturnType<typeof referenceOfTable> =>
  referenceOfTable(parseCsvTable(text, 'r.csv', ['gloss_id', 'label', 'cat_id', 'category']), 'r.csv');
const texts = (found: { problems: readonly { problem: string }[] }): string[] => found.problems.map(({ problem }) => problem);

describe('labels CSV', () => {
  it('reads names with and without extension, BOM, CRLF, blank lines, spaces, quotes and the occluded column', () => {
    const { labels, problems } = labelsOf(
      '\uFEFFfile,gloss,cat,occluded\r\nclip_1.npz, 0,2,1\r\n\r\n"i love you.MP4",12,0,0\r\n,,,\r\nsigner1/clip.v2,3,1,\r\n',
    );
    expect(problems).toEqual([]);
    expect(labels).toEqual([
      { name: 'clip_1', gloss: 0, category: 2, occluded: true, line: 2 },
      { name: 'i love you', gloss: 12, category: 0, occluded: false, line: 4 },
      { name: 'signer1/clip.v2', gloss: 3, category: 1, occluded: undefined, line: 6 },
    ]);
  });

  it('takes the columns in any order and ignores others', () => {
    expect(labelsOf('split,cat,Gloss,file\ntrain,1,0,a').labels).toEqual([
      { name: 'a', gloss: 0, category: 1, occluded: undefined, line: 2 },
    ]);
  });

  it('lists everything that is wrong at once, with line numbers, and keeps the good lines', () => {
    const { labels, problems } = labelsOf(
      'file,gloss,cat,occluded\na,0,0,0\nb,x,-1,0\n,1,1,0\nc,1\nd,1.5,999999,maybe\na.npz,1,1,0\n../../etc/passwd,0,0,0\n/etc/passwd,0,0,0\nC:\\x,0,0,0\nx/../../y,0,0,0',
    );
    expect(labels.map(({ name }) => name)).toEqual(['a']);
    expect(problems.every(({ file }) => file === 'l.csv')).toBe(true);
    expect(texts({ problems })).toEqual([
      'line 5: 2 cells where the header has 4',
      'line 3: gloss "x" is no class id; expected a whole number from 0',
      'line 3: cat "-1" is no class id; expected a whole number from 0',
      'line 4: no file name',
      'line 6: gloss "1.5" is no class id; expected a whole number from 0',
      'line 6: cat 999999 is too large for a class id; they count from 0, and 99999 is the largest that is read',
      'line 6: occluded "maybe"; expected 0 or 1',
      'line 7: clip "a" is on line 2 already; keep one of them',
      expect.stringMatching(/^line 8: file .* leads out of the clips' folder/),
      expect.stringMatching(/^line 9: file .* leads out/),
      expect.stringMatching(/^line 10: file .* leads out/),
      expect.stringMatching(/^line 11: file .* leads out/),
    ]);
  });

  it('names missing columns, with the one that was meant', () => {
    expect(texts(labelsOf('file,glos,category\na,0,0'))).toEqual([
      expect.stringMatching(/no column "gloss" \(columns: file, glos, category\); rename "glos"/),
      expect.stringMatching(/no column "cat"/),
    ]);
  });

  it.each([
    ['', /empty/],
    ['file,gloss,cat\n', /no clips/],
    ['file,gloss,cat\n"a,0,0', /no readable CSV/],
    ['file,gloss,cat,cat\na,0,0,0', /"cat" is there 2 times/],
  ])('refuses %j', (text, message) => {
    expect(texts(labelsOf(text))).toEqual([expect.stringMatching(message)]);
  });

  it('reports a file that is not there', async () => {
    expect(texts(await readLabelsTable('/nowhere/labels.csv'))).toEqual([expect.stringMatching(/^no such file/)]);
  });
});

describe('labels reference', () => {
  it('reads names and the category of each gloss, in any order', () => {
    const { reference, problems } = referenceOf('gloss_id,label,cat_id,category\n1,HELLO,1,GREETING\n0,FAIL,0,QUALITY\n2,GOOD,0,QUALITY\n');
    expect(problems).toEqual([]);
    expect(reference).toEqual({
      names: { gloss: ['FAIL', 'HELLO', 'GOOD'], category: ['QUALITY', 'GREETING'] },
      categoryOfGloss: [0, 1, 0],
    });
  });

  it('lists gaps, ids given twice, names that disagree and empty names at once', () => {
    const { reference, problems } = referenceOf('gloss_id,label,cat_id,category\n0,A,0,X\n0,B,0,Y\n3,A,0,X\n4,,2,\n,C,0,X');
    expect(reference).toBeUndefined();
    expect(texts({ problems })).toEqual([
      'line 3: gloss_id 0 is there already ("A"); give each gloss its own',
      'line 3: cat_id 0 is "Y" here and "X" above; choose one',
      expect.stringMatching(/^line 4: .*/),
      'line 4: label "A" of the same category is on line 2 already; tell them apart',
      'line 5: no label',
      'line 5: no category',
      'line 6: gloss_id "" is no class id; expected a whole number from 0',
      expect.stringMatching(/^gloss_id 1 is missing/),
      expect.stringMatching(/^cat_id 1 is missing/),
    ]);
  });

  itWithShared('reference/labels_reference.csv', 'reads the real one: 105 glosses in 10 categories', async (file) => {
    const { reference, problems } = await readLabelReference(file);
    expect(problems).toEqual([]);
    expect(reference?.names.gloss).toHaveLength(105);
    expect(reference?.names.category).toHaveLength(10);
    expect(reference?.names.gloss[3]).toBe('HELLO');
  });
});
