import yargs, { type Argv, type Options } from 'yargs';
import { nearestName } from '../foundation/text';
import { UserError } from '../foundation/errors';
import { withDashes, type FlagTable } from './options';

const READ_AS_TYPED = {
  'parse-numbers': false,
  'parse-positional-numbers': false,
  'camel-case-expansion': false,
  'dot-notation': false,
  'duplicate-arguments-array': false,
  'strip-aliased': true,
};

/** A command as its help shows it. */
export interface CommandUsage {
  /** As typed: `npm run train --`. */
  readonly command: string;
  readonly summary: string;
  readonly flags: FlagTable;
  /** What is typed besides flags, as `FILE`; without it such arguments are refused. */
  readonly takes?: string;
  /** What to type, and what it does. */
  readonly examples: readonly (readonly [string, string])[];
  readonly epilogue?: string;
}

/** A way to ask a command's yargs for its help or for what was typed. */
export interface CommandLine {
  /**
   * What was typed, by flag (`batch-size`): texts, true or false, and lists of texts for flags that take several. Flags that the command does not have are
   * among them.
   * @throws UserError for an argument that belongs to no flag.
   */
  readonly parse: () => Readonly<Record<string, unknown>>;
  /** What was typed besides flags. */
  readonly positionals: () => readonly string[];
  readonly help: () => Promise<string>;
}

/**
 * Reads a command line without judging its flags: numbers stay texts, nothing is filled in.
 * @param width columns of the help.
 */
export function commandLineOf(usage: CommandUsage, argv: readonly string[], width: number): CommandLine {
  return { parse: () => parse(usage, argv), positionals: () => parseAll(usage, argv)._.map(String), help: () => help(usage, width) };
}

function parseAll(usage: CommandUsage, argv: readonly string[]): Record<string, unknown> & { _: (string | number)[] } {
  const texts = Object.entries(usage.flags).map(([name, { type, alias, array }]): [string, Options] => [
    name,
    {
      ...(alias === undefined ? {} : { alias }),
      ...(array === true ? { array: true } : {}),
      type: type === 'boolean' ? 'boolean' : 'string',
    },
  ]);
  const takesSeveral = Object.values(usage.flags).some(({ array }) => array === true);
  // Where names are typed besides flags, a flag that takes several takes them one by one: `--notes A --notes B NAME`.
  const reading = { ...READ_AS_TYPED, 'duplicate-arguments-array': takesSeveral, 'greedy-arrays': usage.takes === undefined };
  return plainYargs(argv).options(Object.fromEntries(texts)).parserConfiguration(reading).parseSync();
}

function parse(usage: CommandUsage, argv: readonly string[]): Readonly<Record<string, unknown>> {
  const parsed = parseAll(usage, argv);
  const [stray] = parsed._;
  if (stray !== undefined && usage.takes === undefined) throw new UserError(`"${stray}" belongs to no flag; see ${usage.command} --help`);
  const flags = Object.entries(parsed)
    .filter(([name]) => name !== '_' && name !== '$0')
    .map(([name, value]): [string, unknown] => [name, usage.flags[name]?.array === true ? value : lastOf(value)]);
  return Object.fromEntries(flags);
}

/** Of a flag that takes one value and was typed twice, the last. */
function lastOf(value: unknown): unknown {
  return Array.isArray(value) ? value.at(-1) : value;
}

function help(usage: CommandUsage, width: number): Promise<string> {
  return plainYargs([])
    .usage(`${usage.summary}\n\nUsage: ${[usage.command, ...(usage.takes === undefined ? [] : [usage.takes])].join(' ')} [flags]`)
    .options(usage.flags)
    .example(usage.examples.map(([typed, does]): [string, string] => [typed, does]))
    .epilogue(usage.epilogue ?? '')
    .wrap(width)
    .getHelp();
}

/** Without what yargs would print, end or translate by itself. */
function plainYargs(argv: readonly string[]): Argv {
  return yargs(withDashes(argv)).locale('en').help(false).version(false).exitProcess(false);
}

/**
 * Refuses flags that a command without settings does not have.
 * @throws UserError that lists them, each with the nearest one it has.
 */
export function refuseUnknownFlags(values: Readonly<Record<string, unknown>>, flags: FlagTable): void {
  const unknown = Object.keys(values).filter((name) => !Object.hasOwn(flags, name));
  if (unknown.length === 0) return;
  const lines = unknown.map((name) => {
    const nearest = nearestName(name, Object.keys(flags));
    return `--${name}: unknown flag${nearest === undefined ? '' : `; did you mean --${nearest}?`}`;
  });
  throw new UserError(lines.join('\n'));
}
