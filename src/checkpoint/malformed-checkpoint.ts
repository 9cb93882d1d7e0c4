import { UserError } from '../foundation/errors';
import { printableLine } from '../foundation/text';

/** What is wrong inside a checkpoint, without the file's name: `readTorchFile` puts that in front. */
export class MalformedCheckpoint extends UserError {
  override readonly name = 'MalformedCheckpoint';

  constructor(message: string) {
    super(printable(message));
  }
}

/** A message that quotes a file's content as one line of bounded length, without the control characters that a hostile file may carry to a terminal. */
export function printable(message: string): string {
  const line = printableLine(message);
  return line.length > LONGEST_MESSAGE ? `${line.slice(0, LONGEST_MESSAGE)}…` : line;
}

const LONGEST_MESSAGE = 4000;

/** Runs `read`; a {@link MalformedCheckpoint} it throws becomes a UserError that begins with the file's name. */
export function namingFile<Result>(file: string, read: () => Result): Result {
  try {
    return read();
  } catch (error) {
    if (error instanceof MalformedCheckpoint) throw new UserError(`${file}: ${error.message}`, { cause: error });
    throw error;
  }
}
