import path from 'node:path';
import { elementAt } from '../foundation/required';
import { counted, excerpt, listed } from '../foundation/text';
import { readCsvTable } from './csv-table';
import { FileError } from './data-error';
import { commonArray } from './keypoints';
import { isClipFile, NPY } from './clip-names';
import type { NpyArray } from './npy-array';
import { namesIn, openClipArrays } from './places';

/** Names that are looked at, and how deep: a folder that is none of clips may hold anything. */
const MOST_NAMES = 20_000;
const DEEPEST = 4;
const [FOLDERS_LISTED, KINDS_LISTED, TABLES_LISTED, COLUMNS_LISTED, ARRAYS_LISTED] = [4, 4, 2, 8, 4];

/**
 * What lies in a folder that is not laid out as expected, in a line for people: its folders, its kinds of files, its tables with their columns, and what one of its
 * clips looks like.
 */
export async function describeFolder(folder: string): Promise<string> {
  const files = await filesWithin(folder);
  if (files.length === 0) return 'no files';
  const folders = [...new Set(files.flatMap((file) => (file.includes('/') ? [`${elementAt(file.split('/'), 0)}/`] : [])))];
  const parts = [kindsText(files) + (folders.length === 0 ? '' : ` in ${listed(folders, FOLDERS_LISTED)}`)];
  for (const table of files.filter((file) => /\.(csv|tsv|txt)$/i.test(file) && !file.includes('/')).slice(0, TABLES_LISTED)) {
    const { columns } = await readCsvTable(path.join(folder, table), []);
    if (columns.length > 1)
      parts.push(
        `${table} with the columns ${listed(
          columns.map((name) => excerpt(name)),
          COLUMNS_LISTED,
        )}`,
      );
  }
  const clip = files.find((file) => isClipFile(file));
  if (clip !== undefined) parts.push(`${clip}: ${await describeClip(path.join(folder, clip))}`);
  return parts.join('; ');
}

/** The files within a folder, by their paths from it, in order; hidden ones left out. */
async function filesWithin(folder: string): Promise<string[]> {
  const files: string[] = [];
  const waiting = [''];
  let seen = 0;
  for (let place = waiting.shift(); place !== undefined && seen < MOST_NAMES; place = waiting.shift()) {
    const entries = await namesIn(path.join(folder, place)).catch(() => []);
    for (const entry of entries.toSorted((one, other) => (one.name < other.name ? -1 : 1))) {
      if (entry.name.startsWith('.') || ++seen > MOST_NAMES) continue;
      const name = place === '' ? entry.name : `${place}/${entry.name}`;
      if (entry.isFile()) files.push(name);
      else if (entry.isDirectory() && name.split('/').length < DEEPEST) waiting.push(name);
    }
  }
  return files;
}

/** `312 .npy, 1 .csv`: the kinds of files, those that are most first. */
function kindsText(files: readonly string[]): string {
  const counts = new Map<string, number>();
  for (const file of files) {
    const kind = path.extname(file).toLowerCase();
    counts.set(kind, (counts.get(kind) ?? 0) + 1);
  }
  const kinds = [...counts].sort(([, one], [, other]) => other - one);
  return listed(
    kinds.map(([kind, count]) =>
      kind === '' ? counted(count, 'file without an extension', 'files without an extension') : `${count} ${excerpt(kind)}`,
    ),
    KINDS_LISTED,
  );
}

/** What the array of a `.npy` is called here: it has no name. */
const UNNAMED = 'array';

/** The arrays of a file with what they look like: `X float32 [30, 126], the two hands of MediaPipe …`. */
async function describeClip(file: string): Promise<string> {
  try {
    const clip = await openClipArrays(file, UNNAMED);
    if (NPY.test(file)) return arrayText(await clip.read(UNNAMED));
    const arrays: string[] = [];
    for (const key of clip.keys.slice(0, ARRAYS_LISTED)) arrays.push(`"${excerpt(key)}" ${arrayText(await clip.read(key))}`);
    return arrays.join(', ');
  } catch (error) {
    if (error instanceof FileError) return error.problem;
    if (error instanceof Error) return error.message;
    throw error;
  }
}

function arrayText({ dtype, shape }: NpyArray): string {
  const text = `${dtype} [${shape.join(', ')}]`;
  const alike = dtype === 'text' ? undefined : commonArray(shape);
  return alike === undefined ? text : `${text}, which looks like ${alike}`;
}
