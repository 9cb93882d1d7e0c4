import { describe, expect, it } from '@jest/globals';
import { learningRateText, lossText, paceText, secondsText } from '../../src/cli/quantities';

describe('quantities', () => {
  it.each([
    [0.213, '0.21 s'],
    [0.996, '1.0 s'],
    [1.72, '1.7 s'],
    [9.96, '10 s'],
    [59.4, '59 s'],
    [59.6, '1 min 00 s'],
    [125, '2 min 05 s'],
    [3599.7, '1 h 00 min'],
    [3725, '1 h 02 min'],
    [0, '0.00 s'],
  ])('shows %d seconds as %s', (seconds, shown) => {
    expect(secondsText(seconds)).toBe(shown);
  });

  it('shows the others with their units', () => {
    expect(lossText(1.2344)).toBe('1.234');
    expect(lossText(123.456)).toBe('123.5');
    expect(lossText(Number.NaN)).toBe('NaN');
    expect(learningRateText(3e-4)).toBe('3.0e-4');
    expect(paceText(183.6)).toBe('184 clips/s');
    expect(paceText(8.44)).toBe('8.4 clips/s');
  });
});
