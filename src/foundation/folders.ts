import {
  existsSync,
  mkdirSync,
  renameSync,
  rmdirSync,
  rmSync,
  statSync,
  closeSync,
  constants,
  fstatSync,
  openSync,
  readlinkSync,
  type BigIntStats,
} from 'node:fs';
import path from 'node:path';
import { messageOf, UserError } from './errors';
import { reasonOf, whileWriting, whileWritingInSteps, FileSystemProblem, unfinishedNameOf } from './file-system-problem';

/**
 * Makes a folder and those above it, as far as they are not there. One by one: where a system folder refuses, Node's own recursive way does not always come back.
 * @throws UserError where one cannot be made.
 */
export function makeFolders(folder: string): void {
  for (const absent of absentFolders(folder)) makeFolder(absent, folder);
}

/**
 * {@link makeFolders} within one that must be there: one that was renamed or removed meanwhile is not made again.
 * @throws what the file system throws.
 */
export function makeFoldersWithin(base: string, folder: string): void {
  let at = path.resolve(base);
  for (const part of path.relative(at, path.resolve(folder)).split(path.sep)) {
    at = path.join(at, part);
    if (!existsSync(at)) mkdirSync(at);
  }
}

/**
 * Makes a folder that is there whole or not at all: it is filled under another name beside its place, then renamed. What had to be made above it goes again too
 * where it fails.
 * @param fill gets the folder to write into.
 * @throws UserError where the folder cannot be made or is there by now; and what `fill` throws.
 */
export function buildFolder(folder: string, fill: (unfinished: string) => void): void {
  const made: string[] = [];
  const unfinished = unfinishedNameOf(folder);
  const parent = begin(folder, unfinished, made);
  try {
    whileWriting(folder, () => {
      fill(unfinished);
      finish(unfinished, folder, parent);
    });
  } catch (error) {
    discard(unfinished, made, parent);
    throw error;
  } finally {
    parent.release();
  }
}

/** {@link buildFolder} where filling takes its time. */
export async function buildFolderInSteps(folder: string, fill: (unfinished: string) => Promise<void>): Promise<void> {
  const made: string[] = [];
  const unfinished = unfinishedNameOf(folder);
  const parent = begin(folder, unfinished, made);
  try {
    await whileWritingInSteps(folder, async () => {
      await fill(unfinished);
      finish(unfinished, folder, parent);
    });
  } catch (error) {
    discard(unfinished, made, parent);
    throw error;
  } finally {
    parent.release();
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

/** Makes the unfinished folder, and gives that above it. */
function begin(folder: string, unfinished: string, made: string[]): KeptFolder {
  const parent = path.dirname(unfinished);
  try {
    for (const absent of [...absentFolders(parent), unfinished]) made.unshift(makeFolder(absent, folder));
    return keepFolder(parent);
  } catch (error) {
    for (const emptied of made) removeIfEmpty(emptied);
    throw error;
  }
}

function finish(unfinished: string, folder: string, parent: KeptFolder): void {
  parent.requireThere();
  if (existsSync(folder)) throw new UserError(`${folder}: somebody made it meanwhile; try again`);
  renameSync(unfinished, folder);
}

function discard(unfinished: string, made: readonly string[], parent: KeptFolder): void {
  rmSync(path.join(parent.placeNow() ?? path.dirname(unfinished), path.basename(unfinished)), { recursive: true, force: true });
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
    // Another process may have made it in the same moment.
    if (isFolder(folder)) return folder;
    throw new UserError(`${asked}: no folder can be made there: ${reasonOf(error) ?? messageOf(error)}`, { cause: error });
  }
}

function isFolder(place: string): boolean {
  try {
    return statSync(place).isDirectory();
  } catch {
    return false;
  }
}

/** Removes a folder in which there is nothing. */
export function removeIfEmpty(folder: string): void {
  try {
    rmdirSync(folder);
  } catch {
    // Somebody uses it by now.
  }
}

/** A folder that a command writes into now and then: it is known by what it is, so that one of the same name is not taken for it. */
export interface KeptFolder {
  readonly folder: string;
  /** @throws FileSystemProblem where the folder was renamed or removed, or what it must hold. */
  readonly requireThere: () => void;
  /** Where the folder is by now; undefined where it was removed, or the system does not tell. */
  readonly placeNow: () => string | undefined;
  readonly release: () => void;
}

/**
 * Keeps hold of a folder until it is released.
 * @param holds names of files that are in it as long as nobody takes them away.
 */
export function keepFolder(folder: string, holds: readonly string[] = []): KeptFolder {
  const descriptor = openFolder(folder);
  // As long as it is open, no other folder can have its number.
  const kept = fstatSync(descriptor, { bigint: true });
  let open = true;
  const placeNow = (): string | undefined => (open ? placeOf(descriptor) : undefined);
  return {
    folder,
    placeNow,
    requireThere: () => {
      if (!isSame(folder, kept)) throw new FileSystemProblem(`${folder}: ${whatBecame(placeNow())}`);
      const missing = holds.find((name) => !existsSync(path.join(folder, name)));
      if (missing !== undefined) throw new FileSystemProblem(`${folder}: its files were taken away meanwhile (${missing} is missing)`);
    },
    release: () => {
      if (open) closeSync(descriptor);
      open = false;
    },
  };
}

function openFolder(folder: string): number {
  if (!existsSync(folder)) throw new FileSystemProblem(`${folder}: ${whatBecame(undefined)}`);
  return whileWriting(folder, () => openSync(folder, constants.O_RDONLY | constants.O_DIRECTORY));
}

function isSame(folder: string, kept: BigIntStats): boolean {
  const there = statSync(folder, { bigint: true, throwIfNoEntry: false });
  return there?.dev === kept.dev && there.ino === kept.ino;
}

function whatBecame(place: string | undefined): string {
  return place === undefined ? 'the folder was renamed or removed meanwhile' : `the folder was renamed meanwhile; it is ${place} now`;
}

/** Where an open file or folder is by now; undefined where it was removed, or the system does not tell. */
export function placeOf(descriptor: number): string | undefined {
  try {
    const place = readlinkSync(`/proc/self/fd/${descriptor}`);
    return existsSync(place) ? place : undefined;
  } catch {
    return undefined;
  }
}
