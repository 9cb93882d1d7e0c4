import { describe, expect, it } from '@jest/globals';
import { shortLabel, shortText } from '../../src/foundation/short-text';

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
