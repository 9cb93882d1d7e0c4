import { readdirSync, statSync, type Dirent } from 'node:fs';
import path from 'node:path';
import { messageOf, UserError } from '../../foundation/errors';
import { required } from '../../foundation/required';

/** A folder's files, as formats look at them: each by its path from the folder, with `/` between folders. */
export interface FolderListing {
  readonly folder: string;
  readonly files: readonly string[];
  /** The files of each folder that has any, in the order of their names; `''` is the folder itself. */
  readonly byFolder: ReadonlyMap<string, readonly string[]>;
}

/** More files than any set has, and deeper than any lies. */
const MOST_FILES = 20_000_000;
const DEEPEST = 12;

/**
 * Lists what lies in a folder and those below; hidden files are left out, links are followed.
 * @param most how many files are looked at; a set that has more is listed as far as that.
 * @throws UserError where there is no such folder, or it cannot be read.
 */
export function listFolder(folder: string, most = MOST_FILES): FolderListing {
  const byFolder = new Map<string, string[]>();
  let count = 0;
  const visit = (place: string, depth: number): void => {
    if (depth > DEEPEST || count >= most) return;
    const folders: string[] = [];
    const files: string[] = [];
    for (const entry of entriesOf(folder, place)) {
      if (entry.name.startsWith('.') || entry.name.startsWith('__MACOSX') || count >= most) continue;
      const kind = kindOf(path.join(folder, place, entry.name), entry);
      if (kind === 'folder') folders.push(entry.name);
      if (kind !== 'file') continue;
      files.push(place === '' ? entry.name : `${place}/${entry.name}`);
      count++;
    }
    if (files.length > 0) byFolder.set(place, files.sort(byNumbers));
    for (const name of folders.sort(byNumbers)) visit(place === '' ? name : `${place}/${name}`, depth + 1);
  };
  visit('', 0);
  return { folder, files: [...byFolder.values()].flat(), byFolder };
}

const inOrder = new Intl.Collator('en', { numeric: true });

/** Names as people count: `frame_2` before `frame_10`. */
function byNumbers(one: string, other: string): number {
  return inOrder.compare(one, other) || (one < other ? -1 : 1);
}

function entriesOf(folder: string, place: string): Dirent[] {
  const at = path.join(folder, place);
  try {
    return readdirSync(at, { withFileTypes: true });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const problem =
      code === 'ENOENT'
        ? 'no such folder; check the path'
        : code === 'ENOTDIR'
          ? 'it is a file; name the folder that it lies in'
          : `cannot be read (${messageOf(error)})`;
    throw new UserError(`${at}: ${problem}`, { cause: error });
  }
}

function kindOf(place: string, entry: Dirent): 'file' | 'folder' | undefined {
  const status = entry.isSymbolicLink() ? statSync(place, { throwIfNoEntry: false }) : entry;
  return status?.isDirectory() === true ? 'folder' : status?.isFile() === true ? 'file' : undefined;
}

/** A file's name without its folders and its ending. */
export function baseName(file: string): string {
  return path.posix.basename(file).replace(/\.[^.]+$/, '');
}

/** A file's path without its ending. */
export function withoutEnding(file: string): string {
  return file.replace(/\.[^./]+$/, '');
}

/** The folder that a file or folder lies in; `''` is the listed folder itself. */
export function folderOf(place: string): string {
  const folder = path.posix.dirname(place);
  return folder === '.' ? '' : folder;
}

/** The whole path of a listed file. */
export function placeOf({ folder }: FolderListing, file: string): string {
  return path.join(folder, file);
}

/** The last number in a name: what a frame's file is counted by. Undefined where it has none. */
export function numberIn(name: string): number | undefined {
  const digits = name.match(/\d+/g)?.at(-1);
  return digits === undefined ? undefined : Number(digits);
}

/** What is said of numbers that do not follow each other, as of frames: `frames 3 and 7`. */
export function gapsIn(numbers: readonly number[]): string | undefined {
  const missing: string[] = [];
  let count = 0;
  for (let place = 1; place < numbers.length; place++) {
    const [before, next] = [required(numbers[place - 1], 'the number before'), required(numbers[place], 'the next number')];
    if (next - before <= 1) continue;
    count += next - before - 1;
    missing.push(next - before === 2 ? String(before + 1) : `${before + 1} to ${next - 1}`);
  }
  if (count === 0) return undefined;
  const shown = missing.slice(0, 3).join(', ');
  return `${count === 1 ? 'frame' : 'frames'} ${shown}${missing.length > 3 ? ' …' : ''} ${count === 1 ? 'is' : 'are'} missing in the numbering; the others follow each other`;
}
