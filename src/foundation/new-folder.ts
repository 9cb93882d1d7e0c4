import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, renameSync, rmdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { messageOf, UserError } from './errors';

/**
 * Makes a folder that is there whole or not at all: it is filled under another name beside its place, then renamed. What had to be made above it goes again too
 * where it fails.
 * @param fill gets the folder to write into.
 * @throws UserError where the folder cannot be made or is there by now; and what `fill` throws.
 */
export function buildFolder(folder: string, fill: (unfinished: string) => void): void {
  const parent = path.dirname(folder);
  const unfinished = path.join(parent, `.${path.basename(folder)}.${randomBytes(4).toString('hex')}.tmp`);
  const made: string[] = [];
  try {
    // One by one: where a system folder refuses, Node's own recursive way does not always come back.
    for (const absent of [...absentFolders(parent), unfinished]) made.unshift(makeFolder(absent, parent));
    fill(unfinished);
    if (existsSync(folder)) throw new UserError(`${folder}: somebody made it meanwhile; try again`);
    renameSync(unfinished, folder);
  } catch (error) {
    if (existsSync(unfinished)) rmSync(unfinished, { recursive: true });
    for (const emptied of made) removeIfEmpty(emptied);
    throw error;
  }
}

/** A folder and those above it, as far as they are not there, the highest first. */
function absentFolders(folder: string): string[] {
  const absent: string[] = [];
  for (let at = path.resolve(folder); !existsSync(at); at = path.dirname(at)) absent.unshift(at);
  return absent;
}

function makeFolder(folder: string, asked: string): string {
  try {
    mkdirSync(folder);
    return folder;
  } catch (error) {
    throw new UserError(`${asked}: no folder can be made there: ${messageOf(error)}`, { cause: error });
  }
}

function removeIfEmpty(folder: string): void {
  try {
    rmdirSync(folder);
  } catch {
    // Somebody uses it by now.
  }
}
