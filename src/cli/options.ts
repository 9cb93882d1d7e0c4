import type { Options } from 'yargs';
import { flagOf } from '../config/layers';
import { factsOf, type SettingShape } from '../config/setting';

/** Flags by name, as yargs takes them. */
export type FlagTable = Readonly<Record<string, Options>>;

/** Flags that every command has. */
export const commonFlags = {
  verbose: { type: 'boolean', group: 'General:', description: 'Show the native library’s own messages, and the stack of an error.' },
  help: { alias: 'h', type: 'boolean', group: 'General:', description: 'Show this help.' },
} as const satisfies FlagTable;

/** The flag of commands whose result can be read by a program. */
export const jsonFlag = {
  json: { type: 'boolean', group: 'General:', description: 'Print the result as one JSON document.' },
} as const satisfies FlagTable;

/**
 * A flag for each setting, with the first of its aliases (the resolver knows the others too). None fills in a default: the help only shows it, for the
 * resolver tells what was typed from what was not.
 * @param defaults the values that a setting has where nothing is typed, by key: the preset's.
 */
export function settingFlags(shape: SettingShape, defaults: Readonly<Record<string, unknown>>): FlagTable {
  const flags = Object.entries(shape).map(([key, schema]): [string, Options] => {
    const facts = factsOf(schema);
    return [
      nameOf(key),
      {
        alias: facts.aliases.slice(0, 1).map(nameOf),
        type: YARGS_TYPES[facts.kind],
        ...(facts.choices === undefined ? {} : { choices: facts.choices }),
        group: `${facts.group}:`,
        description: facts.description,
        defaultDescription: described(defaults[key] ?? facts.default ?? facts.noneMeans),
      },
    ];
  });
  return Object.fromEntries(flags);
}

/** Spells flags as the help does: `--batch-size=8` for `--batch_size=8`. Values, and what follows a bare `--`, stay as they are. */
export function withDashes(argv: readonly string[]): string[] {
  const end = argv.indexOf('--');
  return argv.map((argument, position) => {
    if (!argument.startsWith('--') || (end !== -1 && position >= end)) return argument;
    const [name = '', ...value] = argument.split('=');
    return [name.replaceAll('_', '-'), ...value].join('=');
  });
}

const YARGS_TYPES = { number: 'number', text: 'string', switch: 'boolean' } as const;

/** The key of a flag: `batch_size` for `batch-size`. */
export function keyOf(flag: string): string {
  return flag.replaceAll('-', '_');
}

function described(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

function nameOf(key: string): string {
  return flagOf(key).slice(2);
}
