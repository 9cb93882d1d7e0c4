/** What a command needs of the process it runs in. */
export interface Terminal {
  readonly output: TerminalStream;
  readonly errors: TerminalStream;
}

/** A stream that text is written to: the process's own, or a test's. */
export interface TerminalStream {
  write(text: string): unknown;
  readonly isTTY?: boolean;
  readonly columns?: number | undefined;
}

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

/** Columns to lay text out in: the terminal's, at most 140; 100 where there is none. */
export function widthOf(stream: TerminalStream): number {
  return Math.min(stream.columns ?? 100, 140);
}
