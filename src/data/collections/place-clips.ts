import { constants, existsSync, lstatSync, realpathSync, rmSync } from 'node:fs';
import { copyFile, link, rename } from 'node:fs/promises';
import path from 'node:path';
import { removeUnfinishedFiles, flushFolder } from '../../foundation/atomic-file';
import { UserError } from '../../foundation/errors';
import { unfinishedNameOf, whileWritingInSteps } from '../../foundation/file-system-problem';
import { makeFoldersWithin } from '../../foundation/folders';
import { mapConcurrently } from '../file-reading';

/** A clip's file and the place that it is to have. */
export interface Placement {
  readonly from: string;
  readonly to: string;
}

export interface PlacingHooks {
  readonly signal?: AbortSignal | undefined;
  readonly onPlaced?: ((done: number, total: number) => void) | undefined;
}

const AT_ONCE = 8;

/**
 * Copies or links files into folders below `base`, which are made. A copy shares its blocks with the original where the file system can (Btrfs, XFS, APFS).
 * @returns how many were copied because no link could be made.
 */
export async function placeClips(
  base: string,
  placements: readonly Placement[],
  way: 'copy' | 'link',
  hooks: PlacingHooks = {},
): Promise<number> {
  makeFoldersOf(base, placements);
  let done = 0;
  let copied = 0;
  await mapConcurrently(placements, AT_ONCE, async ({ from, to }) => {
    hooks.signal?.throwIfAborted();
    if (way === 'copy') await copyFile(from, to, constants.COPYFILE_FICLONE);
    else if (!(await linkOrCopy(from, to))) copied++;
    hooks.onPlaced?.(++done, placements.length);
  });
  return copied;
}

/** @returns whether it is a link. */
async function linkOrCopy(from: string, to: string): Promise<boolean> {
  try {
    await link(realpathSync(from), to);
    return true;
  } catch {
    await copyFile(from, to, constants.COPYFILE_FICLONE);
    return false;
  }
}

/**
 * Moves files into folders below `base`, one after the other. Each is at either place at every moment; what a process that was killed has moved already is left.
 * @param isSame tells whether a file that is at both places is the same: killed while it copied to another disk, a process leaves both.
 * @returns the files that are at neither place.
 */
export async function moveClips(
  base: string,
  placements: readonly Placement[],
  isSame: (placement: Placement) => Promise<boolean>,
  hooks: PlacingHooks = {},
): Promise<readonly Placement[]> {
  makeFoldersOf(base, placements);
  const folders = new Set(placements.map(({ to }) => path.dirname(to)));
  for (const folder of folders) removeUnfinishedFiles(folder);
  const lost: Placement[] = [];
  for (const [index, placement] of placements.entries()) {
    hooks.signal?.throwIfAborted();
    const { from, to } = placement;
    const [isBefore, isAfter] = [existsSync(from), existsSync(to)];
    if (isBefore && isAfter) await removeOriginal(placement, isSame);
    else if (isBefore) await whileWritingInSteps(to, () => moveFile(from, to));
    else if (!isAfter) lost.push(placement);
    hooks.onPlaced?.(index + 1, placements.length);
  }
  for (const folder of folders) flushFolder(folder);
  return lost;
}

async function removeOriginal(placement: Placement, isSame: (placement: Placement) => Promise<boolean>): Promise<void> {
  const { from, to } = placement;
  if (!(await isSame(placement)))
    throw new UserError(`${to}: another file than ${from} is there already; take one of them away, and try again`);
  rmSync(from);
}

/** Across disks, and for a link, the content is copied, whole before it has its name. */
async function moveFile(from: string, to: string): Promise<void> {
  if (!lstatSync(from).isSymbolicLink()) {
    try {
      await rename(from, to);
      return;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EXDEV') throw error;
    }
  }
  const unfinished = unfinishedNameOf(to);
  await copyFile(from, unfinished);
  flushFolder(unfinished); // A file is flushed as a folder is.
  await rename(unfinished, to);
  rmSync(from);
}

function makeFoldersOf(base: string, placements: readonly Placement[]): void {
  for (const folder of new Set(placements.map(({ to }) => path.dirname(to)))) makeFoldersWithin(base, folder);
}
