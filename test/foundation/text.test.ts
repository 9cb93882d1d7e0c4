import { describe, expect, it } from '@jest/globals';
import {
  counted,
  listed,
  nearestName,
  percent,
  printableLine,
  printableText,
  shortLabel,
  shortText,
  signedPoints,
} from '../../src/foundation/text';

const HOSTILE = ['\u0000', '\u0007', '\r', '\u001b[2J', '\u007f', '\u009b31m', '\u2028', '\u202e', '\u2066'];

describe('a text from a file', () => {
  it.each(HOSTILE)('is printed without what steers a terminal: %j', (hostile) => {
    const [line, text] = [printableLine(`a${hostile}b\nc`), printableText(`a${hostile}b\nc`)];
    expect(line).not.toMatch(/[\p{Cc}\u2028\u202e\u2066]/u);
    expect(line.startsWith('a\ufffd')).toBe(true);
    expect(text.replaceAll('\n', '')).not.toMatch(/[\p{Cc}\u2028\u202e\u2066]/u);
    expect(text.endsWith('b\nc')).toBe(true);
    expect(text).toContain(`\\u${hostile.charCodeAt(0).toString(16).padStart(4, '0')}`);
  });

  it('keeps every script, emoji and mark', () => {
    const harmless = 'ÅÉ ñ שלום مرحبا 手話 👩‍👩‍👧‍👦 e\u0301 می\u200cخواهم →';
    expect(printableLine(harmless)).toBe(harmless);
    expect(printableText(`${harmless}\n\t${harmless}`)).toBe(`${harmless}\n\t${harmless}`);
  });

  it('stays the same JSON document', () => {
    const value = { label: HOSTILE.join('x'), lines: 'a\nb' };
    const printed = printableText(JSON.stringify(value, null, 2));
    expect(JSON.parse(printed)).toEqual(value);
    expect(printed.replaceAll('\n', '')).not.toMatch(/\p{Cc}/u);
  });
});

describe('shortText', () => {
  it('leaves alone what fits, and cuts what does not', () => {
    expect(shortText('HELLO', 5)).toBe('HELLO');
    expect(shortText('HELLO!', 5)).toBe('HELL…');
    expect(shortLabel('x'.repeat(500))).toHaveLength(60);
  });

  it('cuts no letter in two', () => {
    expect(shortText('👩‍👩‍👧‍👦👩‍👩‍👧‍👦👩‍👩‍👧‍👦', 25)).toBe('👩‍👩‍👧‍👦👩‍👩‍👧‍👦…');
    expect(shortText('e\u0301e\u0301e\u0301', 4)).toBe('e\u0301…');
    expect(shortText(`a${'\u0301'.repeat(500)}`, 10)).toBe('…');
  });
});

const names = ['lr', 'epochs', 'batch_size', 'num_heads', 'num_layers'];

describe('nearestName', () => {
  it.each([
    ['epoch', 'epochs'],
    ['bacth_size', 'batch_size'],
    ['num_haeds', 'num_heads'],
    ['Epochs', 'epochs'],
    ['rl', 'lr'],
  ])('finds what %s was meant to be', (misspelt, meant) => {
    expect(nearestName(misspelt, names)).toBe(meant);
  });

  it.each(['x', 'colour', ''])('suggests nothing for %p', (misspelt) => {
    expect(nearestName(misspelt, names)).toBeUndefined();
  });
});

describe('figures in a sentence', () => {
  it('are shares as percentages and their differences in points', () => {
    expect([percent(0.9214), percent(1), percent(0.125, 0)]).toEqual(['92.1 %', '100.0 %', '13 %']);
    expect([signedPoints(0.0131), signedPoints(-0.004), signedPoints(-0.0001), signedPoints(0)]).toEqual(['+1.3', '−0.4', '0.0', '0.0']);
  });

  it('are numbers of things in the singular or plural', () => {
    expect([counted(1, 'epoch'), counted(0, 'epoch'), counted(2, 'batch', 'batches')]).toEqual(['1 epoch', '0 epochs', '2 batches']);
  });

  it('are the first of many names, and how many more there are', () => {
    expect(listed(['a', 'b'], 2)).toBe('a, b');
    expect(listed(['a', 'b', 'c', 'd'], 2)).toBe('a, b and 2 more');
    expect(listed([], 2)).toBe('');
  });
});
