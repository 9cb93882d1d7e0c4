import { describe, expect, it } from '@jest/globals';
import { keyOf, settingFlags, withDashes, withWordsOfSwitches } from '../../src/cli/flags';
import { ownModels } from '../../src/models/model-table';

describe('settingFlags', () => {
  const flags = settingFlags(ownModels.get('transformer').settings.schema.shape, { num_layers: 6 });

  it('has a flag for each setting, none of which fills in a default', () => {
    expect(Object.keys(flags).map(keyOf)).toEqual(Object.keys(ownModels.get('transformer').settings.schema.shape));
    for (const flag of Object.values(flags)) expect(flag).not.toHaveProperty('default');
  });

  it("shows the preset's value as the default, else the schema's, else what none means", () => {
    expect(flags['num-layers']).toMatchObject({ alias: ['n-layers'], type: 'number', group: 'Model:', defaultDescription: '6' });
    expect(flags['batch-size']).toMatchObject({ type: 'number', defaultDescription: '32' });
    expect(flags['grad-clip']).toMatchObject({ defaultDescription: 'off' });
    expect(flags['loss']).toMatchObject({ type: 'string', choices: ['ce', 'focal', 'label_smoothing'], defaultDescription: 'ce' });
  });
});

describe('withWordsOfSwitches', () => {
  const flags = { amp: { type: 'boolean', choices: ['force'] }, json: { type: 'boolean' } } as const;

  it.each([
    [['--amp'], ['--amp=true']],
    [
      ['--amp', 'force', '--json'],
      ['--amp=force', '--json'],
    ],
    [['--amp', 'false'], ['--amp=false']],
    [
      ['--json', '--amp', 'model.pt'],
      ['--json', '--amp=true', 'model.pt'],
    ],
    [
      ['--amp=force', '--no-amp', '--', '--amp'],
      ['--amp=force', '--no-amp', '--', '--amp'],
    ],
  ])('leaves to %j what is no word of the switch', (typed, given) => {
    expect(withWordsOfSwitches(typed, flags)).toEqual(given);
  });
});

describe('withDashes', () => {
  it('changes names, not values', () => {
    expect(withDashes(['--batch_size', '8', '--save_dir=my_runs/a_b=c', 'a_b', '-x_y', '--', '--as_is'])).toEqual([
      '--batch-size',
      '8',
      '--save-dir=my_runs/a_b=c',
      'a_b',
      '-x_y',
      '--',
      '--as_is',
    ]);
  });
});
