import { UserError } from '../foundation/errors';
import { fileSystemProblem } from '../foundation/file-system-problem';

/** The exit code for a mistake that the user can mend. */
export const USER_ERROR_EXIT_CODE = 1;
/** The exit code for a bug (EX_SOFTWARE of sysexits). */
export const BUG_EXIT_CODE = 70;

/** What is printed of something that was thrown, and the exit code. */
export interface Failure {
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
