// Runs commands one after another in this one process, which has loaded Node, the packages and TensorFlow already: `commands.ts` starts it and tells it what
// to run. Its standard output and standard error are those of the commands.
import { runCommand } from '../../src/cli/run-command';
import { PrintableStream, ProcessStream } from '../../src/cli/terminal';
import type { CommandEnd, CommandRequest } from './commands';

const terminal = {
  output: new PrintableStream(new ProcessStream(process.stdout)),
  errors: new PrintableStream(new ProcessStream(process.stderr)),
};

/** Runs a command as a process of its own would, and leaves folder, environment and exit code as they were. */
async function answer({ argv, cwd, environment }: CommandRequest): Promise<CommandEnd> {
  const before = { cwd: process.cwd(), environment: { ...process.env }, listeners: listenersOfSignals() };
  process.chdir(cwd);
  Object.assign(process.env, environment);
  try {
    const code = await runCommand(argv, terminal);
    const left = listenersOfSignals() - before.listeners;
    if (left !== 0) throw new Error(`${argv.join(' ')} leaves ${left} listeners of signals behind`);
    return { code };
  } finally {
    process.chdir(before.cwd);
    for (const name of Object.keys(process.env)) if (!(name in before.environment)) Reflect.deleteProperty(process.env, name);
    Object.assign(process.env, before.environment);
    process.exitCode = undefined;
  }
}

function listenersOfSignals(): number {
  return ['SIGINT', 'SIGHUP', 'SIGTERM'].reduce((sum, signal) => sum + process.listenerCount(signal), 0);
}

process.on('message', (request: CommandRequest) => {
  void answer(request).then((end) => process.send?.(end));
});
// Whoever asked has ended.
process.on('disconnect', () => process.exit());
