import { execFileSync } from 'node:child_process';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { parseJson } from '../../src/foundation/json';
import { resolveSettings } from '../../src/config/resolve';
import { UserError } from '../../src/foundation/errors';
import { ownModels } from '../../src/models/model-table';

const folder = mkdtempSync(path.join(tmpdir(), 'kumpas-large-settings-'));

/** What is said of a file of settings with this text. */
function faultOf(text: string): string {
  const file = path.join(folder, 'settings.json');
  writeFileSync(file, text);
  try {
    resolveSettings({ file, commandLine: {} }, ownModels);
  } catch (error) {
    if (error instanceof UserError) return error.message.replaceAll(`${file}: `, '');
    throw error;
  }
  throw new Error('it was read');
}

describe('a file of settings', () => {
  it('of 60,000 unknown keys is told by the first of them and the number of the rest', () => {
    const keys = Array.from({ length: 60_000 }, (_, index) => `"epohs${index}":1`).join(',');
    const lines = faultOf(`{${keys}}`).split('\n');
    expect(lines).toHaveLength(21);
    expect(lines[0]).toBe('epohs0: unknown key; did you mean epochs?');
    expect(lines[20]).toBe('and 59980 more keys that are unknown');
  });

  it('with a key of 900,000 letters is told by the first of them', () => {
    expect(faultOf(`{"${'k'.repeat(900_000)}":1}`)).toBe(`${'k'.repeat(80)}…: unknown key`);
  });

  it.each([
    ['of 400,000 levels', `{"lr":${'['.repeat(400_000)}${']'.repeat(400_000)}}`],
    ['of 400,000 levels without an end', `{"lr":${'['.repeat(400_000)}`],
  ])('%s is refused in a line', (_what, text) => {
    expect(faultOf(text)).toBe('its brackets are nested deeper than 100');
  });

  it('with a text of 900,000 letters that never ends is refused where that begins', () => {
    expect(faultOf(`{"lr":"${'a'.repeat(900_000)}`)).toMatch(/^no valid JSON: line 1, column 7: expected a value, found "a+$/);
  });

  it('that is a named pipe is refused at once', () => {
    const pipe = path.join(folder, 'pipe');
    execFileSync('mkfifo', [pipe]);
    expect(() => resolveSettings({ file: pipe, commandLine: {} }, ownModels)).toThrow(
      `${pipe}: the file of settings cannot be read: expected a file, found a named pipe`,
    );
  });
});

describe('parseJson', () => {
  it('counts levels, not brackets, and none within a text', () => {
    const flat = [Array.from({ length: 500 }, () => []), '[[["\\'.repeat(200)];
    expect(parseJson(JSON.stringify(flat))).toEqual(flat);
  });

  it('reads as many levels as it may, and no more', () => {
    expect(parseJson('[[[]]]', 3)).toEqual([[[]]]);
    expect(() => parseJson('[[[[]]]]', 3)).toThrow('its brackets are nested deeper than 3');
  });
});
