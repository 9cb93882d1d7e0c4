import { UserError } from '../foundation/errors';
import { nearestName } from '../foundation/nearest-name';
import type { Terminal } from './command';
import { commands, listOfCommands } from './commands';
import { describeFailure } from './failure';
import { PrintableStream } from './printable-stream';

/**
 * Runs the command that `argv` starts with.
 * @returns the process's exit code.
 */
async function main(argv: readonly string[], terminal: Terminal): Promise<number> {
  const [name, ...rest] = argv;
  try {
    if (name === undefined || name === '--help' || name === '-h' || name === 'help') {
      terminal.output.write(listOfCommands());
      return 0;
    }
    const entry = Object.hasOwn(commands, name) ? commands[name] : undefined;
    if (entry === undefined) throw new UserError(unknownCommand(name));
    const command = await entry.load();
    return await command.run(rest, terminal);
  } catch (error) {
    const failure = describeFailure(error, argv.includes('--verbose'));
    terminal.errors.write(`${failure.text}\n`);
    return failure.exitCode;
  }
}

function unknownCommand(name: string): string {
  const nearest = nearestName(name, Object.keys(commands));
  const hint = nearest === undefined ? `there are ${Object.keys(commands).join(', ')}` : `did you mean ${nearest}?`;
  return `${name}: unknown command; ${hint}`;
}

// A reader that has seen enough (`| head`) is no error.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit(0);
});

void main(process.argv.slice(2), { output: new PrintableStream(process.stdout), errors: new PrintableStream(process.stderr) }).then(
  (exitCode) => {
    process.exitCode = exitCode;
  },
);
