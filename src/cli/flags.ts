import type { Options } from 'yargs';
import { checkOptions, commandLineSource, flagOf } from '../config/layers';
import { factsOf, type SettingShape } from '../config/setting';
import type { EvaluationDataRequest } from '../evaluation/evaluate';
import { labelledClipsOptions, labelledDataOptions } from '../evaluation/options';
import { UserError } from '../foundation/errors';
import { elementAt } from '../foundation/required';

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
 * A flag for each setting or option, with the first of its aliases (the resolver knows the others too). None fills in a default: the help only shows it, for the
 * resolver tells what was typed from what was not.
 * @param defaults the values that a setting has where nothing is typed, by key: the preset's.
 */
export function settingFlags(shape: SettingShape, defaults: Readonly<Record<string, unknown>> = {}): FlagTable {
  const flags = Object.entries(shape).map(([key, schema]): [string, Options] => {
    const facts = factsOf(schema);
    const usual = defaults[key] ?? facts.default ?? facts.noneMeans ?? facts.otherwise;
    return [
      nameOf(key),
      {
        alias: facts.aliases.slice(0, 1).map(nameOf),
        type: YARGS_TYPES[facts.kind],
        ...(facts.kind === 'texts' ? { array: true } : {}),
        ...(facts.choices === undefined ? {} : { choices: facts.choices }),
        ...(schema.safeParse(undefined).success ? {} : { demandOption: true }),
        group: `${facts.group}:`,
        description: facts.description,
        ...(usual === undefined ? {} : { defaultDescription: typeof usual === 'string' ? usual : JSON.stringify(usual) }),
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

/** Gives switches that may be followed by a word a value in any case: `--amp=force` for `--amp force`, and `--amp=true` for `--amp` alone, whatever follows. */
export function withWordsOfSwitches(argv: readonly string[], flags: FlagTable): string[] {
  const words = new Map<string, readonly unknown[]>(
    Object.entries(flags).flatMap(([name, { type, choices }]) =>
      type === 'boolean' && choices !== undefined ? [[`--${name}`, choices] as const] : [],
    ),
  );
  const [spelt, end] = [[...argv], argv.indexOf('--')];
  for (let place = 0; place < (end === -1 ? spelt.length : end); place++) {
    const [flag, next] = [elementAt(spelt, place), spelt[place + 1]];
    const choices = words.get(flag);
    if (choices === undefined) continue;
    const isWord = next !== undefined && ['true', 'false', ...choices].includes(next);
    spelt.splice(place, isWord ? 2 : 1, `${flag}=${isWord ? next : 'true'}`);
  }
  return spelt;
}

const YARGS_TYPES = { number: 'number', text: 'string', texts: 'string', switch: 'boolean' } as const;

/** The key of a flag: `batch_size` for `batch-size`. */
export function keyOf(flag: string): string {
  return flag.replaceAll('-', '_');
}

function nameOf(key: string): string {
  return flagOf(key).slice(2);
}

type TypedFlags = Readonly<Record<string, unknown>>;

/** @throws UserError where the flag was left out or empty. */
export function requiredText(typed: TypedFlags, flag: string, what: string): string {
  const value = optionalText(typed, flag);
  if (value === undefined) throw new UserError(`--${flag} is missing: give ${what}`);
  return value;
}

/** @throws UserError where the flag was given without a value. */
export function optionalText(typed: TypedFlags, flag: string): string | undefined {
  const value = typed[flag];
  if (value === undefined) return undefined;
  if (typeof value !== 'string' || value === '') throw new UserError(`--${flag}: expected a value, found nothing`);
  return value;
}

/** @throws UserError where the flag was left out, or a value of it is empty. */
export function requiredTexts(typed: TypedFlags, flag: string, what: string): string[] {
  const values = typed[flag];
  if (values === undefined) throw new UserError(`--${flag} is missing: give ${what}`);
  const texts = Array.isArray(values) ? values.filter((value) => typeof value === 'string' && value !== '').map(String) : [];
  if (texts.length === 0) throw new UserError(`--${flag}: expected a value, found nothing`);
  return texts;
}

/** @throws UserError where the flag is not a whole number of at least `least`. */
export function wholeNumber(typed: TypedFlags, flag: string, least: number): number | undefined {
  const value = optionalText(typed, flag);
  if (value === undefined) return undefined;
  const number = Number(value);
  if (Number.isSafeInteger(number) && number >= least) return number;
  throw new UserError(`--${flag}: expected a whole number of at least ${least}, found "${value}"`);
}

/** Flags that name labelled clips to evaluate on, `--data` aside. */
export const dataFlags: FlagTable = settingFlags(labelledClipsOptions);

/** What was typed of the clips to evaluate on, `--data` included. @throws UserError for a flag without its value, or with a wrong one. */
export function labelledDataOf(typed: Readonly<Record<string, unknown>>): EvaluationDataRequest & { readonly batchSize: number } {
  const values = Object.fromEntries(Object.keys(labelledDataOptions).map((key) => [key, typed[nameOf(key)]]));
  const { batch_size: batchSize, ...data } = checkOptions(labelledDataOptions, { source: commandLineSource, values });
  return { ...data, batchSize };
}

/**
 * The one thing that an action of `convert` takes besides flags.
 * @throws UserError where there is none, or more.
 */
export function onlyPositional(positionals: readonly string[], what: string): string {
  const [only, more] = positionals;
  if (only === undefined) throw new UserError(`name ${what}`);
  if (more !== undefined) throw new UserError(`"${more}": expected one path alone, ${what}; quote a path that has spaces`);
  return only;
}
