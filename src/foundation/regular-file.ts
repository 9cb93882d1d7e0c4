import { closeSync, constants, existsSync, fstatSync, openSync, readSync, type Stats } from 'node:fs';
import { messageOf, UserError } from './errors';
import { machineFailure } from './file-system-problem';

/** A file that is open to be read; whoever opened it closes its descriptor. */
export interface OpenFile {
  readonly descriptor: number;
  /** In bytes. */
  readonly size: number;
}

/**
 * Opens a file to read it, and only a file: a named pipe would be waited for, a device would never end, and a folder is something else.
 * @throws UserError that names the file, where there is none, it cannot be read, or it is no regular file.
 */
export function openRegularFile(file: string): OpenFile {
  const descriptor = openAtOnce(file);
  try {
    const status = fstatSync(descriptor);
    if (!status.isFile()) throw new UserError(`${file}: expected a file, found ${kindOf(status)}`);
    return { descriptor, size: status.size };
  } catch (error) {
    closeSync(descriptor);
    throw error;
  }
}

/**
 * Reads a whole file of at most `mostBytes` bytes.
 * @throws UserError that names the file, where it is larger or {@link openRegularFile} refuses it.
 */
export function readRegularFile(file: string, mostBytes: number): Buffer {
  const { descriptor, size } = openRegularFile(file);
  try {
    if (size > mostBytes) throw new UserError(`${file}: ${size} bytes, at most ${mostBytes} are read; is it the right file?`);
    const bytes = Buffer.alloc(size);
    let filled = 0;
    while (filled < size) {
      const count = readSync(descriptor, bytes, filled, size - filled, filled);
      if (count === 0) break;
      filled += count;
    }
    return bytes.subarray(0, filled);
  } finally {
    closeSync(descriptor);
  }
}

/** {@link readRegularFile} for a text in UTF-8; a byte order mark is left out. */
export function readRegularText(file: string, mostBytes: number): string {
  return readRegularFile(file, mostBytes)
    .toString('utf8')
    .replace(/^\uFEFF/, '');
}

/** {@link readRegularText}; undefined where there is no such file. */
export function readTextIfThere(file: string, mostBytes: number): string | undefined {
  return existsSync(file) ? readRegularText(file, mostBytes) : undefined;
}

/** Without O_NONBLOCK, opening a named pipe waits until somebody writes into it. */
function openAtOnce(file: string): number {
  try {
    return openSync(file, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    const failure = machineFailure(error, file);
    if (failure !== undefined) throw failure;
    const missing = (error as NodeJS.ErrnoException).code === 'ENOENT';
    throw new UserError(missing ? `${file}: no such file` : `${file}: cannot be read (${messageOf(error)})`, { cause: error });
  }
}

function kindOf(status: Stats): string {
  if (status.isDirectory()) return 'a folder';
  if (status.isFIFO()) return 'a named pipe';
  return status.isSocket() ? 'a socket' : 'a device';
}
