import { UserError } from '../foundation/errors';
import { shellWord } from '../foundation/text';
import type { FlagTable } from './flags';

/** Flags that npm has too, and hands on where they are set for npm itself. */
const OF_NPM = new Set(['verbose', 'help', 'version', 'yes', 'force', 'tag', 'key', 'description']);

/**
 * npm keeps flags for itself that are typed before two dashes alone, and hands them on in the environment: `npm run train --epochs=2` would train with the
 * usual number of epochs.
 * @param command as it is typed, `npm run train --`.
 * @param positionals what npm handed on besides flags: values of flags among them.
 * @throws UserError with the command as it must be typed, where a flag of the command was taken.
 */
export function refuseForgottenDashes(
  command: string,
  flags: FlagTable,
  positionals: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
): void {
  const script = /^npm run (\S+)/.exec(command)?.[1];
  if (script === undefined || environment['npm_lifecycle_event'] !== script) return;
  const taken = Object.entries(flags).flatMap(([name, { type, boolean, alias }]) => {
    const isSwitch = type === 'boolean' || boolean === true;
    return [name, ...[alias ?? []].flat()].flatMap((spelling) => {
      const value = OF_NPM.has(name) ? undefined : environment[`npm_config_${spelling.replaceAll('-', '_')}`];
      return value === undefined ? [] : [{ spelling, value, isSwitch }];
    });
  });
  if (taken.length === 0) return;
  // Of `--data clips` npm keeps the flag and hands the value on; whose it is can be told where there is one of each.
  const lacking = taken.filter(({ value, isSwitch }) => !isSwitch && value === 'true').length;
  const values = lacking === positionals.length ? [...positionals] : [];
  const others = lacking === positionals.length ? [] : positionals;
  const words = taken.map(({ spelling, value, isSwitch }) => {
    if (isSwitch) return value === '' ? `--no-${spelling}` : value === 'true' ? `--${spelling}` : `--${spelling} ${shellWord(value)}`;
    if (value !== 'true') return `--${spelling} ${shellWord(value)}`;
    const [only, ...more] = values;
    return `--${spelling} ${only === undefined || more.length > 0 ? '…' : shellWord(only)}`;
  });
  const names = taken.map(({ spelling }) => `--${spelling}`).join(', ');
  const typed = [command, ...others.map(shellWord), ...words].join(' ');
  throw new UserError(`npm kept ${names} for itself: what is meant for Kumpas comes after two dashes alone; type: ${typed}`);
}
