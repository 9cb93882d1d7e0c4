import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, renameSync, rmdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { messageOf, UserError } from '../foundation/errors';

/**
 * Makes a folder that is there whole or not at all: it is filled under another name beside its place, then renamed. What had to be made above it goes again too
 * where it fails.
 * @param fill gets the folder to write into.
 * @throws UserError where the folder cannot be made or is there by now; and what `fill` throws.
 */
export function buildFolder(folder: string, fill: (unfinished: string) => void): void {
  const parent = path.dirname(folder);
  const unfinished = path.join(parent, `.${path.basename(folder)}.${randomBytes(4).toString('hex')}.tmp`);
  const made = makeParents(parent);
  try {
    mkdirSync(unfinished);
    fill(unfinished);
    if (existsSync(folder)) throw new UserError(`${folder}: somebody made it meanwhile; try again`);
    renameSync(unfinished, folder);
  } catch (error) {
    rmSync(unfinished, { recursive: true, force: true });
    for (const emptied of made) removeIfEmpty(emptied);
    throw error;
  }
}

/** Makes a folder and those above it. Returns the ones that were not there, the deepest first. */
function makeParents(folder: string): string[] {
  const missing: string[] = [];
  for (let at = path.resolve(folder); !existsSync(at) && at !== path.dirname(at); at = path.dirname(at)) missing.push(at);
  try {
    mkdirSync(folder, { recursive: true });
  } catch (error) {
    throw new UserError(`${folder}: no folder can be made there: ${messageOf(error)}`, { cause: error });
  }
  return missing;
}

function removeIfEmpty(folder: string): void {
  try {
    rmdirSync(folder);
  } catch {
    // Somebody uses it by now.
  }
}
