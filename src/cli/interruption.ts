import type { TerminalStream } from './command';

/** The exit code of a process that a signal ended, as shells count it. */
const EXIT_CODES = { SIGINT: 130, SIGTERM: 143 } as const;
type EndingSignal = keyof typeof EXIT_CODES;

/** Watches for Ctrl-C and for a polite request to end. */
export interface Interruption {
  /** Aborted by the first signal. */
  readonly signal: AbortSignal;
  /** For the signal that came; undefined as long as none has. */
  exitCode(): number | undefined;
  /** Gives the signals back. */
  end(): void;
}

/**
 * The first signal asks for an end and says so; the second ends the process at once.
 * @param before what is done before the end.
 */
export function watchForInterruption(errors: TerminalStream, before = 'the step is finished and everything saved'): Interruption {
  const controller = new AbortController();
  let received: EndingSignal | undefined;
  const onSignal = (signal: EndingSignal): void => {
    if (received !== undefined) process.exit(EXIT_CODES[signal]);
    received = signal;
    errors.write(`\nstopping: ${before}; once more to stop at once\n`);
    controller.abort();
  };
  process.on('SIGINT', onSignal);
  process.on('SIGTERM', onSignal);
  return {
    signal: controller.signal,
    exitCode: () => (received === undefined ? undefined : EXIT_CODES[received]),
    end: () => {
      process.off('SIGINT', onSignal);
      process.off('SIGTERM', onSignal);
    },
  };
}
