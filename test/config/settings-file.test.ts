import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { describeJsonFault, parseJson } from '../../src/foundation/json';

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

describe('describeJsonFault', () => {
  it.each([
    ['{"a": 1 "b": 2}', 'line 1, column 9: expected , or }, found "b":'],
    ['{\n  "a": abc\n}', 'line 2, column 8: expected a value, found abc'],
    ["{'a': 1}", "line 1, column 2: expected a key in double quotes (no comma after the last value, no comments), found 'a':"],
    ['{"a" 1}', 'line 1, column 6: expected :, found 1}'],
    ['{"a": [1, 2', 'line 1, column 12: expected , or ], found the end'],
    ['{"a": {', 'line 1, column 8: expected a key in double quotes (no comma after the last value, no comments), found the end'],
    ['{"a": [1, 2}', 'line 1, column 12: expected , or ], found }'],
    ['{} {}', 'line 1, column 4: expected nothing more, found {}'],
    ['{"a": 01}', 'line 1, column 8: expected , or }, found 1}'],
    ['{"a": 1,}', 'line 1, column 9: expected a key in double quotes (no comma after the last value, no comments), found }'],
    ['[1,\n // two\n 2]', 'line 2, column 2: expected a value, found //'],
    ['', 'line 1, column 1: expected a value, found the end'],
  ])('finds the fault of %j', (text, fault) => {
    expect(describeJsonFault(text)).toBe(fault);
  });

  it('finds none in JSON', () => {
    fc.assert(
      fc.property(fc.json({ maxDepth: 5 }), fc.constantFrom(undefined, 2), (json, indent) => {
        expect(describeJsonFault(JSON.stringify(JSON.parse(json), null, indent))).toBeUndefined();
      }),
    );
  });

  it('finds one in what JSON.parse refuses, after any one change to a text', () => {
    fc.assert(
      fc.property(
        fc.json({ maxDepth: 3 }),
        fc.nat(),
        fc.constantFrom('', ',', '"', '{', '}', '[', ']', ':', '\\', 'x', '\n', '-', '.', '0'),
        (json, at, change) => {
          const position = at % (json.length + 1);
          const changed = json.slice(0, position) + change + json.slice(position + 1);
          expect(describeJsonFault(changed) === undefined).toBe(isJson(changed));
        },
      ),
    );
  });

  it('is never asked of a text that is too deep', () => {
    expect(() => parseJson('['.repeat(100_000))).toThrow('its brackets are nested deeper than 100');
  });
});

describe('a file in the place of a JSON text', () => {
  it.each([
    [
      'a Git LFS pointer',
      `version https://git-lfs.github.com/spec/v1\noid sha256:${'4d'.repeat(32)}\nsize 12\n`,
      /^it is a Git LFS pointer.*git lfs pull/,
    ],
    ['a page', '\n<!DOCTYPE html>\n<html></html>', /^it is an HTML page/],
    ['nothing', '', /^no valid JSON: line 1, column 1: expected a value, found the end/],
  ])('is told: %s', (_, text, message) => {
    expect(() => parseJson(text)).toThrow(message);
  });
});
