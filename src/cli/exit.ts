import { UserError } from '../foundation/errors';
import { fileSystemProblem } from '../foundation/file-system-problem';
import type { TerminalStream } from './terminal';

/** The exit code for a mistake that the user can mend. */
export const USER_ERROR_EXIT_CODE = 1;
/** The exit code for a bug (EX_SOFTWARE of sysexits). */
const BUG_EXIT_CODE = 70;

/** What is printed of something that was thrown, and the exit code. */
interface Failure {
  readonly text: string;
  readonly exitCode: number;
}

/** A user's mistake, or what the file system refuses, is one message, with the stack only where `verbose`; a bug keeps its stack. */
export function describeFailure(error: unknown, verbose: boolean): Failure {
  if (error instanceof UserError) {
    return { text: verbose ? stackOf(error) : error.message, exitCode: USER_ERROR_EXIT_CODE };
  }
  const problem = fileSystemProblem(error);
  if (problem !== undefined) return { text: verbose ? stackOf(problem) : problem.message, exitCode: USER_ERROR_EXIT_CODE };
  return { text: `This is a bug in Kumpas, not a mistake of yours:\n${stackOf(error)}`, exitCode: BUG_EXIT_CODE };
}

/** The stack of an error and of what caused it. */
function stackOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const own = error.stack ?? error.message;
  return error.cause === undefined ? own : `${own}\nCaused by: ${stackOf(error.cause)}`;
}

/** The exit code of a process that a signal ended, as shells count it. */
const EXIT_CODES = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 } as const;
/** Of a process whose terminal was closed. */
export const HANG_UP_EXIT_CODE = EXIT_CODES.SIGHUP;

type EndingSignal = keyof typeof EXIT_CODES;
const ENDING_SIGNALS = Object.keys(EXIT_CODES) as EndingSignal[];

/** Watches for Ctrl-C, for a terminal that is closed and for a polite request to end. */
export interface Interruption {
  /** Aborted by the first signal. */
  readonly signal: AbortSignal;
  /** For the signal that came; undefined as long as none has. */
  exitCode(): number | undefined;
  /** Gives the signals back. */
  end(): void;
}

/**
 * The first signal asks for an end and says so; the second ends the process at once, unless it only says that the terminal was closed.
 * @param before what is done before the end.
 * @param mayInsist whether somebody may be there to ask twice: a scheduler tells the same several times.
 */
export function watchForInterruption(
  errors: TerminalStream,
  before = 'the step is finished and everything saved',
  mayInsist = true,
): Interruption {
  const controller = new AbortController();
  let received: EndingSignal | undefined;
  const onSignal = (signal: EndingSignal): void => {
    // A terminal that is closed may tell it twice, by the shell and by the system: nobody is there to press a key.
    if (received !== undefined && (signal === 'SIGHUP' || !mayInsist)) return;
    if (received !== undefined) process.exit(EXIT_CODES[signal]);
    received = signal;
    errors.write(`\nstopping: ${before}${mayInsist ? '; once more to stop at once' : ''}\n`);
    controller.abort();
  };
  for (const signal of ENDING_SIGNALS) process.on(signal, onSignal);
  return {
    signal: controller.signal,
    exitCode: () => (received === undefined ? undefined : EXIT_CODES[received]),
    end: () => {
      for (const signal of ENDING_SIGNALS) process.off(signal, onSignal);
    },
  };
}
