import { createHash } from 'node:crypto';
import { existsSync, rmSync } from 'node:fs';
import path from 'node:path';
import { replaceText } from '../../foundation/atomic-file';
import { UserError } from '../../foundation/errors';
import { removeIfEmpty } from '../../foundation/folders';
import { ANY_CLASS } from '../class-ids';
import { withoutExtension } from '../clip-names';
import { csvText } from '../csv-table';
import { DataError } from '../data-error';
import { readBoundedFile } from '../file-reading';
import { labelsOfTable, readLabelsTable } from '../labels';
import { MAX_BYTES } from '../npz';
import { COLLECTION_LABELS } from './collection-rows';
import { moveClips, type Placement, type PlacingHooks } from './place-clips';
import { JOURNAL, MANIFEST, manifestText, type SplitJournal } from './split-manifest';

const TABLES = [COLLECTION_LABELS, 'train_labels.csv', 'val_labels.csv', 'test_labels.csv'];

/**
 * Moves the clips of a split that its journal says, then writes the set's tables, takes the clips' lines out of the collection's, and puts the manifest in the
 * journal's place. Each step may be done already: killed at any moment, it is called again.
 * @throws DataError where clips are neither in the collection nor in the set.
 */
export async function finishMove(out: string, { manifest, tables }: SplitJournal, hooks: PlacingHooks): Promise<void> {
  const source = path.resolve(out, manifest.source);
  const digests = new Map(manifest.clips.map(({ file, sha256 }) => [within(out, file), sha256]));
  const placements = manifest.clips.map(({ file, from }) => ({ from: within(source, from), to: within(out, file) }));
  const isSame = async ({ to }: Placement): Promise<boolean> => (await digestOf(to)) === digests.get(to);
  const lost = await moveClips(out, placements, isSame, hooks);
  if (lost.length > 0)
    throw new DataError(lost.map(({ from, to }) => ({ file: from, problem: `neither there nor at ${to}; put it back, and try again` })));
  for (const [name, text] of Object.entries(tables)) replaceText(within(out, path.basename(name)), text);
  await takeOutOf(source, new Set(manifest.clips.map(({ file }) => nameOf(file))));
  removeEmptyFolders(
    source,
    placements.map(({ from }) => path.dirname(from)),
  );
  replaceText(path.join(out, MANIFEST), manifestText(manifest));
  rmSync(path.join(out, JOURNAL));
}

/** A file that a journal names lies in its folder: the journal may be anybody's. */
function within(folder: string, file: string): string {
  const place = path.resolve(folder, file);
  const leads = path.relative(folder, place);
  if (leads === '' || leads.startsWith('..') || path.isAbsolute(leads))
    throw new UserError(`${path.join(folder, JOURNAL)}: ${JSON.stringify(file)} leads out of its folder`);
  return place;
}

/** The name that labels give a file of a set: without its folder and extension. */
function nameOf(file: string): string {
  return withoutExtension(file.slice(file.indexOf('/') + 1));
}

async function digestOf(file: string): Promise<string> {
  const bytes = await readBoundedFile(file, MAX_BYTES, 'cut the clip');
  return createHash('sha256').update(bytes).digest('hex');
}

/** Takes the lines of clips out of a collection's tables; a table that has none left is removed. */
async function takeOutOf(source: string, moved: ReadonlySet<string>): Promise<void> {
  for (const file of TABLES.map((name) => path.join(source, name)).filter((table) => existsSync(table))) {
    const table = await readLabelsTable(file);
    const gone = new Set(labelsOfTable(table, file, ANY_CLASS).labels.flatMap(({ name, line }) => (moved.has(name) ? [line] : [])));
    const left = table.rows.filter(({ line }) => !gone.has(line));
    if (left.length === table.rows.length && left.length > 0) continue;
    if (left.length === 0) rmSync(file);
    else replaceText(file, csvText([table.columns, ...left.map((row) => table.columns.map((column) => row.cell(column)))]));
  }
}

function removeEmptyFolders(source: string, folders: readonly string[]): void {
  for (const folder of new Set(folders)) {
    for (let at = folder; at !== source && at.startsWith(source); at = path.dirname(at)) removeIfEmpty(at);
  }
}
