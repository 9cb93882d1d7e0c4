import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import path from 'node:path';

/**
 * Does something with a hidden folder beside a model folder, on the same file system, that is gone afterwards. Whoever asks holds the model folder's lock.
 * @throws what the action throws.
 */
export async function withFolderBeside<Result>(folder: string, action: (beside: string) => Promise<Result>): Promise<Result> {
  const beside = path.join(path.dirname(folder), `.${path.basename(folder)}.${randomBytes(4).toString('hex')}.tmp`);
  mkdirSync(beside);
  try {
    return await action(beside);
  } finally {
    rmSync(beside, { recursive: true, force: true });
  }
}

/** Removes what commands that were killed left of a folder's name beside it: hidden, unfinished folders. Whoever asks holds the folder's lock. */
export function clearFoldersBeside(folder: string): void {
  const parent = path.dirname(folder);
  const name = path.basename(folder);
  for (const entry of existsSync(parent) ? readdirSync(parent) : []) {
    if (isUnfinished(entry) && entry.slice(1).replace(/\.[0-9a-f]{8}\.tmp$/, '') === name) {
      rmSync(path.join(parent, entry), { recursive: true, force: true });
    }
  }
}

/** Removes all unfinished files and folders that lie directly in a folder. Nobody may be writing there meanwhile. */
export function clearUnfinishedIn(folder: string): void {
  for (const entry of existsSync(folder) ? readdirSync(folder) : []) {
    if (isUnfinished(entry)) rmSync(path.join(folder, entry), { recursive: true, force: true });
  }
}

function isUnfinished(name: string): boolean {
  return /^\..+\.[0-9a-f]{8}\.tmp$/.test(name);
}
