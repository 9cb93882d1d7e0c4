import { isatty } from 'node:tty';
import { prepare } from '../engine/provision/prepare';
import { SetUpProblem } from '../engine/provision/set-up-problem';
import { TENSORFLOW_VERSION } from '../engine/provision/target';
import { beforeRuntimeStarts } from '../engine/runtime';
import { UserError } from '../foundation/errors';
import { nearestName } from '../foundation/text';
import { version } from '../foundation/version';
import { commands, listOfCommands } from './commands';
import { describeFailure, USER_ERROR_EXIT_CODE, HANG_UP_EXIT_CODE } from './exit';
import { type Terminal, PrintableStream, ProcessStream } from './terminal';

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
    if (name === '--version' || rest.includes('--version')) {
      terminal.output.write(`kumpas ${version}, TensorFlow ${TENSORFLOW_VERSION}, Node ${process.versions.node}\n`);
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

const errors = new ProcessStream(process.stderr);
const output = new ProcessStream(process.stdout, (reason) => {
  errors.write(`standard output: ${reason}: what is printed from here on is lost; the command goes on to its end\n`);
});

// Once its terminal has gone, Node cannot end by itself: it aborts where it puts the terminal's settings back.
const hasTerminal = [0, 1, 2].some((descriptor) => isatty(descriptor));

beforeRuntimeStarts(async () => {
  try {
    await prepare({ development: false, native: true });
  } catch (error) {
    throw error instanceof SetUpProblem ? new UserError(error.message, { cause: error }) : error;
  }
});

void main(process.argv.slice(2), { output: new PrintableStream(output), errors: new PrintableStream(errors) }).then(async (exitCode) => {
  await output.settled();
  await errors.settled();
  process.exitCode = exitCode === 0 && output.isLost ? USER_ERROR_EXIT_CODE : exitCode;
  if (exitCode === HANG_UP_EXIT_CODE && hasTerminal) process.kill(process.pid, 'SIGHUP');
});
