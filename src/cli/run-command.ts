import { prepare } from '../engine/provision/prepare';
import { SetUpProblem } from '../engine/provision/set-up-problem';
import { TENSORFLOW_VERSION } from '../engine/provision/target';
import { beforeRuntimeStarts } from '../engine/runtime';
import { UserError } from '../foundation/errors';
import { nearestName } from '../foundation/text';
import { version } from '../foundation/installation';
import { commands, listOfCommands } from './commands';
import { describeFailure } from './exit';
import type { Terminal } from './terminal';

/**
 * Runs the command that `argv` starts with. What it throws is printed; one that computes prepares TensorFlow first.
 * @returns the process's exit code.
 */
export async function runCommand(argv: readonly string[], terminal: Terminal): Promise<number> {
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
    beforeRuntimeStarts(prepareNativeLibrary);
    const command = await entry.load();
    return await command.run(rest, terminal);
  } catch (error) {
    const failure = describeFailure(error, argv.includes('--verbose'));
    terminal.errors.write(`${failure.text}\n`);
    return failure.exitCode;
  }
}

async function prepareNativeLibrary(): Promise<void> {
  try {
    await prepare({ development: false, native: true });
  } catch (error) {
    throw error instanceof SetUpProblem ? new UserError(error.message, { cause: error }) : error;
  }
}

function unknownCommand(name: string): string {
  const nearest = nearestName(name, Object.keys(commands));
  const hint = nearest === undefined ? `there are ${Object.keys(commands).join(', ')}` : `did you mean ${nearest}?`;
  return `${name}: unknown command; ${hint}`;
}
