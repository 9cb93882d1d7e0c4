import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { valueFromText } from '../../src/config/layers';

const number = { kind: 'number', noneMeans: undefined } as const;

describe('valueFromText', () => {
  it('reads every number that JavaScript prints', () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (value) => {
        expect(valueFromText(number, String(value))).toBe(value === 0 ? 0 : value);
      }),
    );
  });

  it.each(['3e-4', '3E-4', '+0.0003', '.0003', ' 0.0003 '])('reads %j', (text) => {
    expect(valueFromText(number, text)).toBe(0.0003);
  });

  it.each(['abc', '', ' ', '1,5', '0x10', 'Infinity', 'NaN', '1_000', '32 clips'])('leaves %j for the schema to refuse', (text) => {
    expect(valueFromText(number, text)).toBe(text);
  });

  it('reads none as null only where the setting may be none', () => {
    expect(valueFromText({ kind: 'text', noneMeans: 'off' }, 'None')).toBeNull();
    expect(valueFromText({ kind: 'text', noneMeans: undefined }, 'none')).toBe('none');
    expect(valueFromText({ kind: 'text', noneMeans: undefined }, '12')).toBe('12');
  });
});
