import { UserError } from '../../foundation/errors';

/** What a request is refused with. */
export type RefusalStatus = 400 | 401 | 403 | 404 | 409 | 411 | 413 | 415 | 422 | 503;

/** A request that is refused: its status, and one line that says what was expected and found. */
export class RequestProblem extends UserError {
  override readonly name = 'RequestProblem';

  constructor(
    readonly status: RefusalStatus,
    message: string,
    /** Which fields of what was sent are wrong, and how, where it is fields. */
    readonly fields?: Readonly<Record<string, string>>,
  ) {
    super(message);
  }
}
