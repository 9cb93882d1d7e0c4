import { widthOf, type Command, type Terminal } from './command';
import { commandLineOf, refuseUnknownFlags, type CommandUsage } from './command-line';

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
      const commandLine = commandLineOf(usage, argv, widthOf(terminal.output));
      const typed = commandLine.parse();
      refuseUnknownFlags(typed, usage.flags);
      if (typed['help'] !== true) return await run(typed, terminal, commandLine.positionals());
      terminal.output.write(`${await commandLine.help()}\n`);
      return 0;
    },
  };
}
