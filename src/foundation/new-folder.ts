import { existsSync, mkdirSync, renameSync, rmdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { messageOf, UserError } from './errors';
import { unfinishedNameOf } from './unfinished-name';

/**
 * Makes a folder that is there whole or not at all: it is filled under another name beside its place, then renamed. What had to be made above it goes again too
 * where it fails.
 * @param fill gets the folder to write into.
 * @throws UserError where the folder cannot be made or is there by now; and what `fill` throws.
 */
export function buildFolder(folder: string, fill: (unfinished: string) => void): void {
  const made: string[] = [];
  const unfinished = unfinishedNameOf(folder);
  try {
    begin(unfinished, made);
    fill(unfinished);
    finish(unfinished, folder);
  } catch (error) {
    discard(unfinished, made);
    throw error;
  }
}

/** {@link buildFolder} where filling takes its time. */
export async function buildFolderInSteps(folder: string, fill: (unfinished: string) => Promise<void>): Promise<void> {
  const made: string[] = [];
  const unfinished = unfinishedNameOf(folder);
  try {
    begin(unfinished, made);
    await fill(unfinished);
    finish(unfinished, folder);
  } catch (error) {
    discard(unfinished, made);
    throw error;
  }
}

/** Does something that makes the folders above one as it needs them; where it fails, those that were not there go again. */
export async function withFoldersAbove<Result>(folder: string, action: () => Promise<Result>): Promise<Result> {
  const absent = absentFolders(path.dirname(folder)).reverse();
  try {
    return await action();
  } catch (error) {
    for (const emptied of absent) removeIfEmpty(emptied);
    throw error;
  }
}

/** Removes a folder that is gone at once for whoever looks: it is renamed first, and what a crash leaves of it is hidden. */
export function removeFolder(folder: string): void {
  const unfinished = unfinishedNameOf(folder);
  renameSync(folder, unfinished);
  rmSync(unfinished, { recursive: true, force: true });
}

/** One by one: where a system folder refuses, Node's own recursive way does not always come back. */
function begin(unfinished: string, made: string[]): void {
  const parent = path.dirname(unfinished);
  for (const absent of [...absentFolders(parent), unfinished]) made.unshift(makeFolder(absent, parent));
}

function finish(unfinished: string, folder: string): void {
  if (existsSync(folder)) throw new UserError(`${folder}: somebody made it meanwhile; try again`);
  renameSync(unfinished, folder);
}

function discard(unfinished: string, made: readonly string[]): void {
  if (existsSync(unfinished)) rmSync(unfinished, { recursive: true });
  for (const emptied of made) removeIfEmpty(emptied);
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
