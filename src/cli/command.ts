import type { Argv, Options as YargsOptions } from 'yargs';
import { checkOptions, commandLineSource, type Options } from '../config/layers';
import type { SettingShape } from '../config/setting';
import { UserError } from '../foundation/errors';
import { elementAt } from '../foundation/required';
import { nearestName } from '../foundation/text';
import { commonFlags, keyOf, settingFlags, withDashes, withWordsOfSwitches, type FlagTable } from './flags';
import { refuseForgottenDashes } from './forgotten-dashes';
import { translated, type BroughtFlags } from './pytorch-flags';
import { widthOf, type Terminal } from './terminal';

/** A command of the command line. */
export interface Command {
  /**
   * Runs the command.
   * @param argv what follows the command's name.
   * @returns the process's exit code.
   * @throws UserError for a mistake that the user can mend.
   */
  readonly run: (argv: readonly string[], terminal: Terminal) => Promise<number>;
}

/** A command of the library: its options are the verb's, flags of its own say how the result is shown. */
export interface VerbUsage<Shape extends SettingShape> extends Omit<CommandUsage, 'flags'> {
  /** The verb's options that are flags. */
  readonly options: Shape;
  /** Further flags. */
  readonly flags: FlagTable;
  readonly positional?: keyof Shape & string;
}

/** What was typed after a command's name. */
export interface Typed<Shape extends SettingShape> {
  /** The verb's options, checked. */
  readonly options: Options<Shape>;
  /** The command's own flags: texts, true or false. */
  readonly flags: Readonly<Record<string, unknown>>;
  /** What was typed besides flags. */
  readonly positionals: readonly string[];
}

/** A command that calls a verb of the library: `--help` is shown, options are checked, unknown flags refused, and what was typed goes to `run`. */
export function verbCommand<const Shape extends SettingShape>(
  usage: VerbUsage<Shape>,
  run: (typed: Typed<Shape>, terminal: Terminal) => Promise<number> | number,
): Command {
  const own = { ...usage.flags, ...commonFlags };
  const shown = { ...usage, flags: { ...settingFlags(usage.options), ...own } };
  return {
    run: async (argv, terminal) => {
      const commandLine = await commandLineOf(shown, argv, widthOf(terminal.output));
      const typed = Object.entries(commandLine.parse());
      const flags = Object.fromEntries(typed.filter(([name]) => Object.hasOwn(own, name)));
      if (flags['help'] === true) {
        terminal.output.write(`${await commandLine.help()}\n`);
        return 0;
      }
      const values = new Map(
        typed.filter(([name]) => !Object.hasOwn(own, name)).map(([name, value]) => [keyOf(name), nothingIfEmpty(value)] as const),
      );
      if (usage.positional !== undefined) addPositionals(values, usage.positional, commandLine.positionals());
      for (const note of commandLine.notes) terminal.errors.write(`note: ${note}\n`);
      const options = checkOptions(usage.options, {
        source: commandLineSource,
        values: Object.fromEntries(values),
        otherFlags: Object.keys(own).map(keyOf),
      });
      return await run({ options, flags, positionals: commandLine.positionals() }, terminal);
    },
  };
}

/** Adds what was typed besides flags to the values of an option; of one that takes a single value, its check finds that there are several. */
function addPositionals(values: Map<string, unknown>, key: string, positionals: readonly string[]): void {
  const given = values.get(key);
  const all = [...positionals, ...(given === undefined ? [] : [given].flat())];
  if (all.length > 0) values.set(key, all.length === 1 ? all[0] : all);
}

/** Of a flag that takes several values and was typed without any. */
function nothingIfEmpty(value: unknown): unknown {
  return Array.isArray(value) && value.every((text) => text === '') ? '' : value;
}

/**
 * A command that takes flags and no settings: unknown flags are refused, `--help` is shown, and what was typed goes to `run`.
 * @param run gets what was typed, by flag: texts, true or false; and what was typed besides flags, where the command takes that.
 */
export function plainCommand(
  usage: CommandUsage,
  run: (typed: Readonly<Record<string, unknown>>, terminal: Terminal, positionals: readonly string[]) => Promise<number> | number,
): Command {
  return {
    run: async (argv, terminal) => {
      const commandLine = await commandLineOf(usage, argv, widthOf(terminal.output));
      const typed = commandLine.parse();
      refuseUnknownFlags(typed, usage.flags);
      if (typed['help'] !== true) return await run(typed, terminal, commandLine.positionals());
      terminal.output.write(`${await commandLine.help()}\n`);
      return 0;
    },
  };
}

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
  /** The option whose value may be typed before all flags, without its own. */
  readonly positional?: string;
  /** What to type, and what it does. */
  readonly examples: readonly (readonly [string, string])[];
  readonly epilogue?: string;
  /** Flags of the PyTorch pipeline that are understood too. */
  readonly brought?: BroughtFlags;
}

/** A way to ask a command's yargs for its help or for what was typed. */
interface CommandLine {
  /**
   * What was typed, by flag (`batch-size`): texts, true or false, and lists of texts for flags that take several. Flags that the command does not have are
   * among them.
   * @throws UserError for an argument that belongs to no flag.
   */
  readonly parse: () => Readonly<Record<string, unknown>>;
  /** What was typed besides flags. */
  readonly positionals: () => readonly string[];
  readonly help: () => Promise<string>;
  /** What is to be said of flags of the PyTorch pipeline that were typed. */
  readonly notes: readonly string[];
}

/**
 * Reads a command line without judging its flags: numbers stay texts, nothing is filled in.
 * @param width columns of the help.
 * @throws UserError for flags of the PyTorch pipeline that there is nothing for, and for flags that npm kept for itself.
 */
export async function commandLineOf(usage: CommandUsage, argv: readonly string[], width: number): Promise<CommandLine> {
  const { default: yargs } = await import('yargs'); // An ES module: whoever only wants a command's work does not load it.
  const plain: PlainYargs = (typed) => yargs(typed).locale('en').help(false).version(false).exitProcess(false);
  const { argv: typed, notes, refusals } = translated(withWordsOfSwitches(withDashes(argv), usage.flags), usage.brought ?? {});
  if (refusals.length > 0) throw new UserError(refusals.join('\n'));
  const parsed = parseAll(plain([...typed]), usage);
  const positionals = parsed._.map(String);
  refuseForgottenDashes(usage.command, usage.flags, positionals, process.env);
  return {
    parse: () => parse(usage, parsed),
    positionals: () => positionals,
    help: () => help(plain([]), usage, width),
    notes,
  };
}

/** yargs without what it would print, end or translate by itself. */
type PlainYargs = (argv: readonly string[]) => Argv;

type ParsedFlags = Record<string, unknown> & { _: (string | number)[] };

function parseAll(yargs: Argv, usage: CommandUsage): ParsedFlags {
  const texts = Object.entries(usage.flags).map(([name, { type, alias, array, choices }]): [string, YargsOptions] => [
    name,
    {
      ...(alias === undefined ? {} : { alias }),
      ...(array === true ? { array: true } : {}),
      type: type === 'boolean' && choices === undefined ? 'boolean' : 'string',
    },
  ]);
  const takesSeveral = Object.values(usage.flags).some(({ array }) => array === true);
  // Where names are typed besides flags, a flag that takes several takes them one by one: `--notes A --notes B NAME`.
  const reading = {
    ...READ_AS_TYPED,
    'duplicate-arguments-array': takesSeveral,
    'greedy-arrays': usage.takes === undefined || usage.positional !== undefined,
  };
  return yargs.options(Object.fromEntries(texts)).parserConfiguration(reading).parseSync();
}

function parse(usage: CommandUsage, parsed: ParsedFlags): Readonly<Record<string, unknown>> {
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

async function help(yargs: Argv, usage: CommandUsage, width: number): Promise<string> {
  const takes = usage.takes === undefined ? '' : ` ${usage.takes}`;
  const flags = await yargs.usage(`${usage.summary}\n\nUsage: ${usage.command}${takes} [flags]`).options(usage.flags).wrap(width).getHelp();
  return [flags, exampleLines(usage.examples).join('\n'), ...(usage.epilogue === undefined ? [] : [wrapped(usage.epilogue, width)])].join(
    '\n\n',
  );
}

function wrapped(text: string, width: number): string {
  return text.replaceAll(new RegExp(`(.{1,${width}})(?: +|$)`, 'g'), '$1\n').trimEnd();
}

/** Examples as they are typed, none broken where a line ends: yargs would break them within a path. */
function exampleLines(examples: CommandUsage['examples']): string[] {
  return ['Examples:', ...examples.flatMap(([typed, does]) => [`  ${typed}`, `      ${does}`])];
}

/**
 * Refuses flags that a command without settings does not have.
 * @throws UserError that lists them, each with the nearest one it has.
 */
function refuseUnknownFlags(values: Readonly<Record<string, unknown>>, flags: FlagTable): void {
  const unknown = Object.keys(values).filter((name) => !Object.hasOwn(flags, name));
  if (unknown.length === 0) return;
  const lines = unknown.map((name) => {
    const nearest = nearestName(name, Object.keys(flags));
    return `--${name}: unknown flag${nearest === undefined ? '' : `; did you mean --${nearest}?`}`;
  });
  throw new UserError(lines.join('\n'));
}

/** One of the commands that share a first word, as `import` of `convert`. */
interface CommandAction {
  /** In the list of them. */
  readonly summary: string;
  /** What is typed besides flags, as `FILE`. */
  readonly takes: string;
  /** Its code, loaded only when it is asked for. */
  readonly load: () => Promise<Command>;
}

/** Commands that share a first word. */
interface CommandGroup {
  /** As typed: `npm run convert --`. */
  readonly command: string;
  readonly summary: string;
  readonly actions: Readonly<Record<string, CommandAction>>;
  /** What to type, and what it does. */
  readonly examples: readonly (readonly [string, string])[];
  readonly epilogue: string;
}

/** The command that runs the action its first argument names, or lists them all. */
export function commandGroup(group: CommandGroup): Command {
  return {
    run: async (argv, terminal) => {
      const [name, ...rest] = argv;
      if (name === '--help' || name === '-h' || name === 'help') {
        terminal.output.write(helpText(group));
        return 0;
      }
      return await (await actionOf(group, name).load()).run(rest, terminal);
    },
  };
}

function actionOf({ command, actions }: CommandGroup, name: string | undefined): CommandAction {
  const action = name !== undefined && Object.hasOwn(actions, name) ? actions[name] : undefined;
  if (action !== undefined) return action;
  const names = Object.keys(actions);
  if (name === undefined || name.startsWith('-')) {
    throw new UserError(`${command}: say first what to do: ${names.join(', ')}; see ${command} --help`);
  }
  const nearest = nearestName(name, names);
  throw new UserError(
    `${command.replace(/ --$/, '')} ${name}: ${nearest === undefined ? `expected ${names.join(', ')}` : `did you mean ${nearest}?`}; see ${command} --help`,
  );
}

function helpText({ command, summary, actions, examples, epilogue }: CommandGroup): string {
  const rows = Object.entries(actions).map(([name, action]): [string, string] => [`${name} ${action.takes}`.trim(), action.summary]);
  return `${[
    summary,
    '',
    `Usage: ${command} ACTION …`,
    '',
    'Actions:',
    ...aligned(rows),
    '',
    ...exampleLines(examples),
    '',
    `Each action has a help of its own: ${command} ${elementAt(Object.keys(actions), 0)} --help. ${epilogue}`,
  ].join('\n')}\n`;
}

function aligned(rows: readonly (readonly [string, string])[]): string[] {
  const width = Math.max(...rows.map(([first]) => first.length));
  return rows.map(([first, second]) => `  ${first.padEnd(width)}  ${second}`);
}
