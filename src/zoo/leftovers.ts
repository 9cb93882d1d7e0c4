import { existsSync, lstatSync, readdirSync, rmSync, mkdirSync } from 'node:fs';
import path from 'node:path';
import { nameOfUnfinished, unfinishedNameOf } from '../foundation/file-system-problem';
import { lockFolder, lockState } from '../foundation/folder-lock';

/** What a process that was killed left: a file or folder that was not finished, or its lock. */
export interface Leftover {
  readonly path: string;
  /** The folder whose lock must be free before it may go. */
  readonly folder: string;
  readonly isLock: boolean;
}

const LOCK = /^\.(.+)\.lock$/;
/** The second name of a checkpoint's bytes, before it takes the place of the one that was there. */
const SHARED = /^.+\.pt\.tmp$/;
const DEEPEST = 8;

/** Something that is written at this moment changes all the time; so long must it have been left alone. */
const QUIET_MS = 5_000;

/** The leftovers beside model folders: in the registry itself, a folder of a type, or the archive. */
export function leftoversBeside(parent: string): Leftover[] {
  return namesIn(parent).flatMap((name): Leftover[] => {
    const unfinished = nameOfUnfinished(name);
    const locked = LOCK.exec(name)?.[1];
    if (unfinished !== undefined)
      return [{ path: path.join(parent, name), folder: path.join(parent, withoutEnding(unfinished)), isLock: false }];
    if (locked === undefined || lockState(path.join(parent, locked)) !== 'stale') return [];
    return [{ path: path.join(parent, name), folder: path.join(parent, locked), isLock: true }];
  });
}

/** The unfinished files and folders in a model folder. */
export function leftoversIn(folder: string): string[] {
  return unfinishedBelow(folder, 0);
}

/** Whether a name within a model folder is one that only a process that is at work, or was killed, gives. */
export function isUnfinishedName(name: string): boolean {
  return nameOfUnfinished(name) !== undefined || SHARED.test(name);
}

/** Removes a leftover under its model's lock; false where somebody is at work on that, or may be. */
export function removeLeftover(leftover: Leftover, now: Date): boolean {
  if (lockState(leftover.folder) === 'held') return false;
  const lock = lockFolder(leftover.folder, 'check');
  try {
    return leftover.isLock || removeUnfinished(leftover.path, now);
  } finally {
    lock.release();
  }
}

/** Removes what was not finished, for those who hold the lock; false where it changed a moment ago. */
export function removeUnfinished(found: string, now: Date): boolean {
  if (isFresh(found, now)) return false;
  rmSync(found, { recursive: true, force: true });
  return true;
}

function isFresh(found: string, now: Date): boolean {
  return now.getTime() - newestChange(found, 0) < QUIET_MS;
}

/** Links are not followed: a few that lead back up would be gone through again and again. */
function newestChange(found: string, depth: number): number {
  const status = lstatSync(found, { throwIfNoEntry: false });
  if (status === undefined) return 0;
  let newest = status.mtimeMs;
  if (status.isDirectory() && depth <= DEEPEST)
    for (const name of readdirSync(found)) newest = Math.max(newest, newestChange(path.join(found, name), depth + 1));
  return newest;
}

function unfinishedBelow(folder: string, depth: number): string[] {
  if (depth > DEEPEST) return [];
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const inner = path.join(folder, entry.name);
    if (isUnfinishedName(entry.name)) return [inner];
    return entry.isDirectory() ? unfinishedBelow(inner, depth + 1) : [];
  });
}

/** The model's name in that of an archive, a sidecar or a lock. */
function withoutEnding(name: string): string {
  return name.replace(/(\.tar\.gz|\.json|\.lock)$/, '');
}

function namesIn(folder: string): string[] {
  return existsSync(folder) ? readdirSync(folder).filter((name) => name.startsWith('.')) : [];
}

/**
 * Does something with a hidden folder beside a model folder, on the same file system, that is gone afterwards. The caller holds the model folder's lock.
 * @throws what the action throws.
 */
export async function withFolderBeside<Result>(folder: string, action: (beside: string) => Promise<Result>): Promise<Result> {
  const beside = unfinishedNameOf(folder);
  mkdirSync(beside);
  try {
    return await action(beside);
  } finally {
    rmSync(beside, { recursive: true, force: true });
  }
}

/** Removes what commands that were killed left of a folder's name beside it: hidden, unfinished folders. The caller holds the folder's lock. */
export function clearFoldersBeside(folder: string): void {
  const parent = path.dirname(folder);
  const name = path.basename(folder);
  for (const entry of existsSync(parent) ? readdirSync(parent) : []) {
    if (nameOfUnfinished(entry) === name) {
      rmSync(path.join(parent, entry), { recursive: true, force: true });
    }
  }
}

/** Removes all unfinished files and folders that lie directly in a folder. Nobody may be writing there meanwhile. */
export function clearUnfinishedIn(folder: string): void {
  for (const entry of existsSync(folder) ? readdirSync(folder) : []) {
    if (nameOfUnfinished(entry) !== undefined) rmSync(path.join(folder, entry), { recursive: true, force: true });
  }
}
