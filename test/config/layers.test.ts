import { describe, expect, it } from '@jest/globals';
import { checkLayer, commandLineSource } from '../../src/config/layers';
import { setting, wholeNumber } from '../../src/config/setting';

const shape = { width: setting(wholeNumber(1, 9), 3, { group: 'Model', description: 'Width.', aliases: ['breadth'] }) };

describe('checkLayer', () => {
  it("names the model that another model's key belongs to", () => {
    const ownerOf = (key: string): string | undefined => (key === 'gru_hidden' ? 'iv3_gru' : undefined);
    expect(checkLayer({ source: 'mine.json', values: { gru_hidden: 16 } }, shape, ownerOf).problems).toEqual([
      'mine.json: gru_hidden: a key of model iv3_gru, not of this one',
    ]);
    expect(checkLayer({ source: commandLineSource, values: { gru_hidden: '16' } }, shape, ownerOf).problems).toEqual([
      '--gru-hidden: a flag of model iv3_gru, not of this one',
    ]);
  });

  it('reads texts as numbers on the command line only', () => {
    const none = (): undefined => undefined;
    expect(checkLayer({ source: commandLineSource, values: { breadth: '4' } }, shape, none).values).toEqual(new Map([['width', 4]]));
    expect(checkLayer({ source: 'mine.json', values: { width: '4' } }, shape, none).problems).toEqual([
      'mine.json: width: expected a whole number from 1 to 9, found "4"',
    ]);
  });

  it('says that a flag without a value has none', () => {
    expect(checkLayer({ source: commandLineSource, values: { width: true } }, shape, () => undefined).problems).toEqual([
      '--width: expected a whole number from 1 to 9, found nothing',
    ]);
  });
});
