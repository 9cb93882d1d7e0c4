import { elementAt } from './required';

/**
 * A mistake that the user can mend: shown as one clear line (or one line a problem), exit code 1, no stack trace.
 * Everything else that is thrown is a bug and keeps its stack. The message says which file, which key, what was expected, what was found, what to do.
 */
export class UserError extends Error {
  override readonly name: string = 'UserError';
}

/** The text of anything that was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** What is wrong with the first value that a schema refused, as `run.name: expected a string`. */
export function firstIssue({ issues }: SchemaProblem): string {
  const { path, message } = elementAt(issues, 0);
  return path.length === 0 ? message : `${path.join('.')}: ${message}`;
}

/** A schema's refusal, as zod has it. */
interface SchemaProblem {
  readonly issues: readonly { readonly path: readonly PropertyKey[]; readonly message: string }[];
}
