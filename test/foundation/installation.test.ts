import { expect, it } from '@jest/globals';
import { asTyped } from '../../src/foundation/installation';

it('spells commands as they are typed where Kumpas is a package of another project', () => {
  const typed = (text: string): string => asTyped(text, false);
  expect(typed('Usage: npm run train -- [flags]')).toBe('Usage: npx kumpas train [flags]');
  expect(typed('go on with npm run train -- --resume trained_models/a')).toBe('go on with npx kumpas train --resume trained_models/a');
  expect(typed('npm run models -- list: expected flags alone; npm run models -- --help tells more')).toBe(
    'npx kumpas models list: expected flags alone; npx kumpas models --help tells more',
  );
  expect(typed('`npm run demo-data -- --out demo_data`, `npm run setup` and (see npm run features)')).toBe(
    '`npx kumpas demo-data --out demo_data`, `npx kumpas setup` and (see npx kumpas features)',
  );
  expect(typed('  npm run train      Train a model')).toBe('  npx kumpas train      Train a model');
  expect(typed('npm run --silent predict -- --json')).toBe('npx kumpas predict --json');
  expect(typed('npm ci')).toBe('npm ci');
});

it('leaves them as the source has them in a checkout', () => {
  expect(asTyped('npm run train -- --resume')).toBe('npm run train -- --resume');
});
