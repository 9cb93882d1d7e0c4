import { closeSync, fsyncSync, mkdirSync, openSync, readdirSync, renameSync, rmSync, writeSync } from 'node:fs';
import path from 'node:path';
import { nameOfUnfinished, unfinishedNameOf } from './unfinished-name';

/**
 * Writes a file so that it is either the old one or the new one, whatever happens meanwhile: to a temporary file beside it, flushed, then renamed.
 * @param write gets a function that appends bytes.
 * @throws what the file system or `write` throws; the temporary file is removed.
 */
export function writeFileAtomically(file: string, write: (append: (bytes: Uint8Array | string) => void) => void): void {
  const folder = path.dirname(file);
  mkdirSync(folder, { recursive: true });
  const temporary = unfinishedNameOf(file);
  const descriptor = openSync(temporary, 'wx');
  let open = true;
  try {
    write((bytes) => {
      appendAll(descriptor, typeof bytes === 'string' ? Buffer.from(bytes) : bytes);
    });
    fsyncSync(descriptor);
    closeSync(descriptor);
    open = false;
    renameSync(temporary, file);
  } catch (error) {
    if (open) closeSync(descriptor);
    rmSync(temporary, { force: true });
    throw error;
  }
  flushFolder(folder);
}

/** {@link writeFileAtomically} for a text that is at hand. */
export function writeTextAtomically(file: string, text: string): void {
  writeFileAtomically(file, (append) => {
    append(text);
  });
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
