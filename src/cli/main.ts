import { isatty } from 'node:tty';
import { USER_ERROR_EXIT_CODE, HANG_UP_EXIT_CODE } from './exit';
import { runCommand } from './run-command';
import { PrintableStream, ProcessStream } from './terminal';

const errors = new ProcessStream(process.stderr);
const output = new ProcessStream(process.stdout, (reason) => {
  errors.write(`standard output: ${reason}: what is printed from here on is lost; the command goes on to its end\n`);
});

// Once its terminal has gone, Node cannot end by itself: it aborts where it puts the terminal's settings back.
const hasTerminal = [0, 1, 2].some((descriptor) => isatty(descriptor));

void runCommand(process.argv.slice(2), { output: new PrintableStream(output), errors: new PrintableStream(errors) }).then(
  async (exitCode) => {
    await output.settled();
    await errors.settled();
    process.exitCode = exitCode === 0 && output.isLost ? USER_ERROR_EXIT_CODE : exitCode;
    if (exitCode === HANG_UP_EXIT_CODE && hasTerminal) process.kill(process.pid, 'SIGHUP');
  },
);
