import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { FINDING_KINDS } from '../../../src/data/checks/findings';

describe('the kinds of findings', () => {
  it('are all in the documentation, with what it is and what to do', () => {
    const page = readFileSync(path.join(__dirname, '../../../docs/data-tools.md'), 'utf8');
    const documented = page.split('\n').flatMap((line) => {
      const [, code, severity, title, advice] = /^\| `([a-z-]+)` +\| (error|warning|note) +\| (.+?) +\| (.+?) +\|$/.exec(line) ?? [];
      return code === undefined ? [] : [[code, { severity, title, advice }]];
    });
    expect(Object.fromEntries(documented)).toEqual(FINDING_KINDS);
  });
});
