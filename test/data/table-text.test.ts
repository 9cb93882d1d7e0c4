import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from '@jest/globals';
import { csvRecords, parseCsvTable, readCsvTable } from '../../src/data/csv-table';
import { decodeTable } from '../../src/data/table-text';
import { DataError } from '../../src/data/data-error';
import { labelsOfTable, readLabelReference, readLabelsTable } from '../../src/data/labels';
import { inTemporaryFolder } from '../support/clip-files';
import { itWithShared } from '../support/shared';

const LFS_POINTER = `version https://git-lfs.github.com/spec/v1\noid sha256:${'4d'.repeat(32)}\nsize 12345\n`;
const COLUMNS = ['file', 'gloss', 'cat'];
const REFERENCE = 'gloss_id,label,cat_id,category\r\n0,NIÑO,0,TAO\r\n1,Ñandú,0,TAO\r\n';

async function referenceOf(bytes: Buffer): ReturnType<typeof readLabelReference> {
  return inTemporaryFolder((folder) => {
    const file = path.join(folder, 'labels_reference.csv');
    writeFileSync(file, bytes);
    return readLabelReference(file);
  });
}

const problemsOf = (found: { readonly problems: readonly { readonly problem: string }[] }): string[] =>
  found.problems.map(({ problem }) => problem);

describe('the letters of a table', () => {
  const wide = Buffer.from(`\uFEFF${REFERENCE}`, 'utf16le');
  it.each([
    ['UTF-8', Buffer.from(REFERENCE)],
    ['UTF-8 with a byte order mark', Buffer.from(`\uFEFF${REFERENCE}`)],
    ['UTF-16, little end first', wide],
    ['UTF-16, big end first', Buffer.from(wide).swap16()],
    ['two characters a letter', Buffer.from(REFERENCE.normalize('NFD'))],
  ])('are read in %s', async (_, bytes) => {
    const { reference, problems } = await referenceOf(bytes);
    expect(problems).toEqual([]);
    expect(reference?.names).toEqual({ gloss: ['NIÑO', 'Ñandú'], category: ['TAO'] });
  });

  it('in Windows-1252 are refused line by line, with what they would be', async () => {
    expect(problemsOf(await referenceOf(Buffer.from(REFERENCE, 'latin1')))).toEqual([
      'line 2 is no UTF-8; as Windows-1252 it reads "0,NIÑO,0,TAO"; save the file as UTF-8 ("CSV UTF-8" in Excel)',
      'line 3 is no UTF-8; as Windows-1252 it reads "1,Ñandú,0,TAO"; save the file as UTF-8 ("CSV UTF-8" in Excel)',
    ]);
  });

  it.each([
    ['UTF-16 without a byte order mark', wide.subarray(2), /^line 1 holds a NUL byte/],
    ['UTF-16 that is cut off', wide.subarray(0, -1), /it says that it is UTF-16, and is cut off or damaged/],
    ['a zip', Buffer.from('PK\x03\x04\n\n\0', 'latin1'), /^line 3 holds a NUL byte/],
  ])('of %s are refused', async (_, bytes, message) => {
    expect(problemsOf(await referenceOf(bytes))).toEqual([expect.stringMatching(message)]);
  });

  it('show the signs that Windows-1252 has and Latin-1 has not', async () => {
    const file = Buffer.concat([
      Buffer.from('gloss_id,label,cat_id,category\n0,'),
      Buffer.from([0x80, 0x35, 0x93, 0x71, 0x94]),
      Buffer.from(',0,a\n'),
    ]);
    expect(problemsOf(await referenceOf(file))).toEqual([expect.stringContaining('reads "0,€5“q”,0,a"')]);
  });

  it.each<[string, Buffer, RegExp]>([
    ['a Git LFS pointer', Buffer.from(LFS_POINTER), /^it is a Git LFS pointer.*run git lfs pull/],
    ['a pointer behind a byte order mark', Buffer.from(`\uFEFF${LFS_POINTER}`), /^it is a Git LFS pointer/],
    ['a page', Buffer.from('<!-- x -->\n<!DOCTYPE html>\n<html></html>'), /^it is an HTML page/],
    ['gzip', gzipSync(REFERENCE), /^it is compressed with gzip/],
    [
      'a workbook',
      Buffer.from('PK\x03\x04\x14\0\x06\0\x08\0\0\0!\0....[Content_Types].xml', 'latin1'),
      /^it is a workbook.*save its sheet as CSV/,
    ],
    ['an old workbook', Buffer.from('\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1\0\0', 'latin1'), /^it is a workbook/],
    ['UTF-32', Buffer.from([0xff, 0xfe, 0, 0, 0x66, 0, 0, 0]), /^it is UTF-32; save the file as UTF-8/],
  ])('of %s in its place: the line says what it is', async (_, bytes, message) => {
    expect(problemsOf(await referenceOf(bytes))).toEqual([expect.stringMatching(message)]);
  });

  it('shows the place in a long line, and counts lines beyond twenty', () => {
    const found = decodeTable(Buffer.from(`${'a'.repeat(500_000)}Ñ${'\nÑ'.repeat(30_000)}`, 'latin1'));
    const problems = 'problems' in found ? found.problems : [];
    expect(problems).toHaveLength(21);
    expect(problems[0]).toMatch(/reads "a{20,40}Ñ"/);
    expect(problems[20]).toBe('29981 further lines are no UTF-8');
  });

  itWithShared('cases/sets/labels-cp1252/labels_reference.csv', 'refuses the one that Excel wrote', async (file) => {
    expect(problemsOf(await readLabelReference(file))).toEqual([expect.stringMatching(/^line 2 .* "0,NIÑO,0,c0"/)]);
  });

  itWithShared('cases/sets/utf16/labels_reference.csv', 'reads the one in UTF-16', async (file) => {
    expect((await readLabelReference(file)).reference?.names.gloss).toEqual(['A', 'B', 'C']);
  });
});

describe('the cells of a table', () => {
  const cells = (text: string, delimiter = ','): (readonly string[])[] => [...csvRecords(text, delimiter)].map((record) => record.cells);

  it.each([
    ['semicolons', 'file;gloss;cat\na,b;1;0'],
    ['tabs', 'file\tgloss\tcat\na,b\t1\t0'],
    ['commas', 'file,gloss,cat\n"a,b",1,0'],
  ])('are parted by %s where the header is', (_, text) => {
    const { rows, problems } = parseCsvTable(text, 'l.csv', COLUMNS);
    expect(problems).toEqual([]);
    expect(rows.map((row) => COLUMNS.map((column) => row.cell(column)))).toEqual([['a,b', '1', '0']]);
  });

  it('may be in quotes, with line ends, delimiters and quotes within', () => {
    const text = 'a, "b ""c""" ,"d\r\ne,f"\r\n\r\n , \r"x",,"" \ny';
    expect([...csvRecords(text, ',')]).toEqual([
      { cells: ['a', 'b "c"', 'd\r\ne,f'], line: 1 },
      { cells: ['x', '', ''], line: 5 },
      { cells: ['y'], line: 6 },
    ]);
  });

  it.each([
    ['a,"b', /the quote on line 1 is not closed/],
    ['a\nb,"c\nd\n', /the quote on line 2 is not closed/],
    ['a,"b"c,d', /line 1 has a quote in the middle of a cell/],
    ['a,b"c"', /line 1 has a quote in the middle of a cell/],
  ])('are refused as %j', (text, message) => {
    expect(() => cells(text)).toThrow(message);
  });
});

describe('a table that is no table', () => {
  const million = 1_000_000;
  it.each<[string, string, RegExp]>([
    ['newlines', '\n'.repeat(million), /^empty; expected/],
    ['one line', 'x'.repeat(million), /^line 1: no column "file" \(columns: x{50,60}…\); add it$/],
    ['a longer line', 'x'.repeat(2 * million), /more than 1048576 characters/],
    ['commas', `a${',b'.repeat(million / 2)}`, /^line 1: more than 1000 columns/],
    ['an open quote', `"${'\n'.repeat(million)}`, /the quote on line 1 is not closed/],
    ['quotes', '"'.repeat(million), /^line 1: no column "file"/],
    ['spaces', `file,gloss,cat\nx${' '.repeat(million)}y,0,0\n,,`, /^$/],
  ])('of a megabyte of %s is told in a short line', (_, text, message) => {
    const { problems } = parseCsvTable(text, 'l.csv', COLUMNS);
    expect(problems[0]?.problem ?? '').toMatch(message);
    expect(Math.max(0, ...problems.map(({ problem }) => problem.length))).toBeLessThan(500);
  });

  it('of bad lines has a few hundred told and all of them counted', async () => {
    await inTemporaryFolder(async (folder) => {
      const file = path.join(folder, 'train_labels.csv');
      writeFileSync(file, `file,gloss,cat\n${'a\n'.repeat(200_000)}${`b,${'9'.repeat(50)},x\n`.repeat(5000)}`);
      const { labels, problems } = labelsOfTable(await readLabelsTable(file), file);
      expect(labels).toEqual([]);
      expect(problems.length).toBeLessThan(700);
      const { message } = new DataError(problems);
      expect(message).toMatch(/^data: 210000 problems in 1 file\n/);
      expect(message).toMatch(/\nand 209400 more$/);
      expect(message.length).toBeLessThan(20_000);
    });
  });

  it('shows a cell of any length by its start, however often it is told', async () => {
    const long = 'Y'.repeat(300_000);
    const text = `gloss_id,label,cat_id,category\n0,A,0,${long}\n${Array.from({ length: 5000 }, (_, id) => `${id + 1},L${id},0,B`).join('\n')}`;
    const { problems } = await referenceOf(Buffer.from(text));
    const { message } = new DataError(problems);
    expect(message).toMatch(/cat_id 0 is "B" here and "Y{50,60}…" above/);
    expect(message.length).toBeLessThan(20_000);
  });

  it('is not waited for where it is a named pipe', async () => {
    await inTemporaryFolder(async (folder) => {
      const file = path.join(folder, 'labels.csv');
      execFileSync('mkfifo', [file]);
      expect(problemsOf(await readCsvTable(file, COLUMNS))).toEqual(['expected a file, found a named pipe']);
    });
  });
});
