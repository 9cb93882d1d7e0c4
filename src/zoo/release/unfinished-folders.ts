import { existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { nameOfUnfinished, unfinishedNameOf } from '../../foundation/file-system-problem';

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
