import { close, read } from 'node:fs';
import { promisify } from 'node:util';
import { UserError } from '../foundation/errors';
import { FileSystemProblem } from '../foundation/file-system-problem';
import { openRegularFile, type OpenFile } from '../foundation/regular-file';
import { FileError } from './data-error';

const readAt = promisify(read);
const closeFile = promisify(close);

/** What {@link readBoundedFile} says of a file that is not there. */
export const NO_SUCH_FILE = 'no such file';

/**
 * Reads a whole file in the background. Nothing is waited for that is no regular file: a named pipe, a device.
 * @throws FileError where there is none, it cannot be read, or it is larger than `mostBytes`; `advice` says what to do about that.
 */
export async function readBoundedFile(file: string, mostBytes: number, advice: string): Promise<Buffer> {
  const { descriptor, size } = openNamed(file);
  try {
    if (size > mostBytes) throw new FileError(file, `${size} bytes (at most ${mostBytes} are read); ${advice}`);
    const bytes = Buffer.alloc(size);
    let filled = 0;
    while (filled < size) {
      const { bytesRead } = await readAt(descriptor, bytes, filled, size - filled, filled);
      if (bytesRead === 0) break;
      filled += bytesRead;
    }
    return bytes.subarray(0, filled);
  } finally {
    await closeFile(descriptor);
  }
}

function openNamed(file: string): OpenFile {
  try {
    return openRegularFile(file);
  } catch (error) {
    if (!(error instanceof UserError) || error instanceof FileSystemProblem) throw error;
    throw new FileError(file, error.message.slice(`${file}: `.length), { cause: error });
  }
}

/**
 * Runs `work` on every item, at most `limit` at a time, and returns the results in the items' order.
 * @throws the first error that `work` throws, when all that was begun has ended; items not begun by then are left.
 */
export async function mapConcurrently<T, R>(
  items: readonly T[],
  limit: number,
  work: (item: T, index: number) => Promise<R>,
): Promise<R[]> {
  const results = new Array<R>(items.length);
  const waiting = items.entries();
  const errors: unknown[] = [];
  const worker = async (): Promise<void> => {
    for (const [index, item] of waiting) {
      if (errors.length > 0) return;
      try {
        results[index] = await work(item, index);
      } catch (error) {
        errors.push(error);
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(limit, items.length) }, worker));
  if (errors.length > 0) throw errors[0];
  return results;
}

/** Lets work that takes much memory be done by one at a time, in the order in which it was asked for. */
export class Turns {
  private last: Promise<unknown> = Promise.resolve();

  /** Does `work` when no other work that was given here is being done. */
  alone<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.last.then(work);
    this.last = turn.catch(() => undefined);
    return turn;
  }
}
