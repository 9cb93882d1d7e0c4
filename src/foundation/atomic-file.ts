import {
  close,
  closeSync,
  copyFileSync,
  fsync,
  fsyncSync,
  linkSync,
  open,
  openSync,
  readdirSync,
  rename,
  renameSync,
  rmSync,
  writeSync,
  writev,
} from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { isFull, nameOfUnfinished, unfinishedNameOf, whileWriting, whileWritingInSteps, withSpace } from './file-system-problem';
import { placeOf, makeFolders } from './folders';

/** Writes the content of a file: it gets a function that appends bytes. */
type Writing = (append: (bytes: Uint8Array | string) => void) => void;

/**
 * Writes a file so that it is either the old one or the new one, whatever happens meanwhile: to a temporary file beside it, flushed, then renamed. Folders above it
 * are made.
 * @throws FileSystemProblem that names the file, and what `write` throws; the temporary file is removed.
 */
export function writeFileAtomically(file: string, write: Writing): void {
  makeFolders(path.dirname(file));
  replaceFile(file, write);
}

/** {@link writeFileAtomically} for a text that is at hand. */
export function writeTextAtomically(file: string, text: string): void {
  writeFileAtomically(file, (append) => {
    append(text);
  });
}

/**
 * {@link writeFileAtomically} into a folder that must be there: one that was renamed or removed meanwhile is not made again.
 * @param named what the user knows the file by, where that is another name.
 */
export function replaceFile(file: string, write: Writing, named = file): void {
  whileWriting(named, () => {
    replace(file, write);
  });
}

/** {@link replaceFile} where writing takes its time: `write` gets a function that writes bytes at a place of the file. */
export async function replaceFileInSteps(
  file: string,
  write: (writeAt: (bytes: Uint8Array, position: number) => void) => Promise<void>,
): Promise<void> {
  await whileWritingInSteps(file, async () => {
    const unfinished = begin(file);
    try {
      await write((bytes, position) => {
        for (let written = 0; written < bytes.length;)
          written += writeSync(unfinished.descriptor, bytes, written, bytes.length - written, position + written);
      });
      finish(unfinished, file);
    } catch (error) {
      discard(unfinished);
      throw error;
    } finally {
      closeSync(unfinished.descriptor);
    }
    flushFolder(path.dirname(file));
  });
}

/** Bytes that are written at once in the background. */
const SLICE = 4 * 1024 * 1024;

/**
 * {@link replaceFile} while the program does other work: a slice is taken of `pieces` whenever the one before it is written. The file is there, flushed, when
 * the promise is fulfilled.
 */
export async function replaceFileMeanwhile(file: string, pieces: Iterable<Uint8Array>): Promise<void> {
  await whileWritingInSteps(file, async () => {
    const unfinished = begin(file);
    const coming = slicesOf(pieces);
    let size = 0;
    try {
      for (let next = coming.next(); next.done !== true; next = coming.next()) {
        size += sizeOf(next.value);
        await appendMeanwhile(unfinished.descriptor, next.value);
      }
      await flushMeanwhile(unfinished.descriptor);
      await renameMeanwhile(unfinished.name, file);
    } catch (error) {
      discard(unfinished);
      if (isFull(error)) for (const slice of coming) size += sizeOf(slice);
      closeSync(unfinished.descriptor);
      throw withSpace(error, file, size);
    }
    closeSync(unfinished.descriptor);
    await flushFolderMeanwhile(path.dirname(file));
  });
}

const [writeMeanwhile, flushMeanwhile, renameMeanwhile] = [promisify(writev), promisify(fsync), promisify(rename)];
const [openMeanwhile, closeMeanwhile] = [promisify(open), promisify(close)];

/** Some pieces at a time, of {@link SLICE} bytes or a little more. */
function* slicesOf(pieces: Iterable<Uint8Array>): Generator<Uint8Array[], void, undefined> {
  let slice: Uint8Array[] = [];
  for (const piece of pieces) {
    slice.push(piece);
    if (sizeOf(slice) < SLICE && slice.length < MOST_PIECES) continue;
    yield slice;
    slice = [];
  }
  if (slice.length > 0) yield slice;
}

/** Pieces that a system writes in one call. */
const MOST_PIECES = 512;

function sizeOf(pieces: readonly Uint8Array[]): number {
  return pieces.reduce((sum, { length }) => sum + length, 0);
}

async function appendMeanwhile(descriptor: number, pieces: readonly Uint8Array[]): Promise<void> {
  let left = pieces;
  while (left.length > 0) {
    const { bytesWritten } = await writeMeanwhile(descriptor, left);
    let written = bytesWritten;
    left = left.flatMap((piece) => {
      const done = Math.min(written, piece.length);
      written -= done;
      return done === piece.length ? [] : [piece.subarray(done)];
    });
  }
}

async function flushFolderMeanwhile(folder: string): Promise<void> {
  try {
    const descriptor = await openMeanwhile(folder, 'r');
    try {
      await flushMeanwhile(descriptor);
    } finally {
      await closeMeanwhile(descriptor);
    }
  } catch {
    // As in flushFolder.
  }
}

/** {@link replaceFile} for a text that is at hand. */
export function replaceText(file: string, text: string): void {
  replaceFile(file, (append) => {
    append(text);
  });
}

/**
 * Gives a file's bytes a second name, in one step; where the file system has no links, by a copy. What has the name already gives way.
 * @throws FileSystemProblem that names the second file.
 */
export function shareFile(from: string, to: string): void {
  const temporary = unfinishedNameOf(to);
  try {
    whileWriting(to, () => {
      try {
        linkSync(from, temporary);
      } catch {
        copyFileSync(from, temporary);
      }
      renameSync(temporary, to);
    });
  } finally {
    rmSync(temporary, { force: true });
  }
}

function replace(file: string, write: Writing): void {
  const unfinished = begin(file);
  let size = 0;
  let full: unknown;
  try {
    write((content) => {
      const bytes = typeof content === 'string' ? Buffer.from(content) : content;
      size += bytes.length;
      if (full !== undefined) return; // What is left is counted, to say how much space it needs.
      try {
        appendAll(unfinished.descriptor, bytes);
      } catch (error) {
        if (!isFull(error)) throw error;
        full = error;
      }
    });
    if (full !== undefined) throw full as Error;
    finish(unfinished, file);
  } catch (error) {
    discard(unfinished);
    closeSync(unfinished.descriptor); // As long as it is open, its space is not free.
    throw withSpace(error, file, size);
  }
  closeSync(unfinished.descriptor);
  flushFolder(path.dirname(file));
}

/** A file that is being written under another name, beside the one that it is to replace. */
interface UnfinishedFile {
  readonly name: string;
  readonly descriptor: number;
}

function begin(file: string): UnfinishedFile {
  const name = unfinishedNameOf(file);
  return { name, descriptor: openSync(name, 'wx') };
}

function finish({ name, descriptor }: UnfinishedFile, file: string): void {
  fsyncSync(descriptor);
  renameSync(name, file);
}

function discard({ name, descriptor }: UnfinishedFile): void {
  // Its folder may have another name by now.
  rmSync(placeOf(descriptor) ?? name, { force: true });
}

/** Removes what writers that were killed left in a folder: temporary files of {@link writeFileAtomically}. Nobody may be writing there meanwhile. */
export function removeUnfinishedFiles(folder: string): void {
  for (const name of readdirSync(folder)) if (nameOfUnfinished(name) !== undefined) rmSync(path.join(folder, name), { force: true });
}

function appendAll(descriptor: number, bytes: Uint8Array): void {
  for (let written = 0; written < bytes.length;) written += writeSync(descriptor, bytes, written);
}

/** Makes a rename in a folder itself durable, where the file system lets a folder be flushed. */
export function flushFolder(folder: string): void {
  try {
    const descriptor = openSync(folder, 'r');
    try {
      fsyncSync(descriptor);
    } finally {
      closeSync(descriptor);
    }
  } catch {
    // Some file systems refuse to open or flush a folder: the file itself is flushed already.
  }
}
