import { describe, expect, it } from '@jest/globals';
import { parse } from 'csv-parse/sync';
import { csvText, textOfCell } from '../../src/data/csv-table';

const FORMULAS = ["=cmd|'/c calc'!A1", '+1+1', '-2+3', '@SUM(A1)', '＝1', "'=1", "''+1"];

describe('a CSV that people open in a spreadsheet', () => {
  it.each(FORMULAS)('holds no formula, and reads back as it was: %s', (label) => {
    const [[cell]] = parse(csvText([[label]])) as [[string]];
    expect(cell).toBe(`'${label}`);
    expect(textOfCell(cell)).toBe(label);
  });

  it('leaves numbers and other texts as they are', () => {
    expect(csvText([['HELLO', "'tis", 'a=b', -1.5, 2e-7, NaN, undefined]])).toBe("HELLO,'tis,a=b,-1.5,2e-7,,\n");
    expect(['HELLO', "'tis", 'a=b', '', "'"].map(textOfCell)).toEqual(['HELLO', "'tis", 'a=b', '', "'"]);
  });

  it('holds no control characters', () => {
    expect(csvText([['a\u001b[2J', '\t=1', '\r=1']])).toBe('a\ufffd[2J,\ufffd=1,\ufffd=1\n');
  });
});
