import { createHash } from 'node:crypto';
import { existsSync, readdirSync, statSync } from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import { removeUnfinishedFiles } from '../../foundation/atomic-file';
import { UserError } from '../../foundation/errors';
import { openNpz } from '../npz';
import { placeOf, type FolderListing } from './folder-listing';

/** Another number where a later version makes other clips of the same source. */
const VERSION = 1;

/** What tells a clip's source and settings from others: its files, how large they are and when they were written, and all that the clip depends on beside them. */
export function sourceKey(listing: FolderListing, files: readonly string[], settings: Readonly<Record<string, unknown>>): string {
  const hash = createHash('sha256');
  hash.update(JSON.stringify([VERSION, settings]));
  for (const file of files) {
    const { size, mtimeMs } = statSync(placeOf(listing, file));
    hash.update(JSON.stringify([file, size, mtimeMs]));
  }
  return hash.digest('hex').slice(0, 32);
}

const metaSchema = z.looseObject({ import_key: z.string() });

/** Whether a clip is there that was imported from that source with these settings: its `meta` says so. */
export async function isImported(file: string, key: string): Promise<boolean> {
  if (!existsSync(file)) return false;
  try {
    const meta = await (await openNpz(file)).read('meta');
    const text: unknown = meta.dtype === 'text' && meta.values[0] !== undefined ? JSON.parse(meta.values[0]) : undefined;
    return metaSchema.safeParse(text).data?.import_key === key;
  } catch (error) {
    // Whatever else has its name is written anew.
    if (error instanceof UserError || error instanceof SyntaxError) return false;
    throw error;
  }
}

/** Removes what a killed import left unfinished in a folder of clips and those below. */
export function removeUnfinishedClips(folder: string): void {
  removeUnfinishedFiles(folder);
  for (const entry of readdirSync(folder, { withFileTypes: true }))
    if (entry.isDirectory()) removeUnfinishedClips(path.join(folder, entry.name));
}
