import { UserError } from '../foundation/errors';
import { nearestName } from '../foundation/text';
import type { Command } from './command';

/** One of the commands that share a first word, as `import` of `convert`. */
export interface CommandAction {
  /** In the list of them. */
  readonly summary: string;
  /** What is typed besides flags, as `FILE`. */
  readonly takes: string;
  /** Its code, loaded only when it is asked for. */
  readonly load: () => Promise<Command>;
}

/** Commands that share a first word. */
export interface CommandGroup {
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
    'Examples:',
    ...examples.flatMap(([typed, does]) => [`  ${typed}`, `      ${does}`]),
    '',
    `Each action has a help of its own: ${command} ${Object.keys(actions)[0] ?? ''} --help. ${epilogue}`,
  ].join('\n')}\n`;
}

function aligned(rows: readonly (readonly [string, string])[]): string[] {
  const width = Math.max(...rows.map(([first]) => first.length));
  return rows.map(([first, second]) => `  ${first.padEnd(width)}  ${second}`);
}
