/** Folders and files of data wherever they lie: on the disk, or within a pack, which is a folder in one file. */
import { readdir, stat } from 'node:fs/promises';
import { messageOf } from '../foundation/errors';
import { readBoundedFile } from './file-reading';
import { NPY } from './clip-names';
import { openNpy, openNpz, type ArrayFile } from './npz';
import { openPack, placeInPack } from './pack/set-pack';

/**
 * What lies at a place: `folder`, `file`, `nothing`, or words for what is neither. A pack is a folder.
 * @throws FileError where the place is, or leads into, a file that should be a pack and is none.
 */
export async function kindOfPlace(place: string): Promise<string> {
  const within = placeInPack(place);
  if (within !== undefined) return (await openPack(within.pack)).kindOf(within.inner);
  try {
    const status = await stat(place);
    return status.isDirectory() ? 'folder' : status.isFile() ? 'file' : 'something else';
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ENOENT' ? 'nothing' : `nothing readable (${messageOf(error)})`;
  }
}

/** A name in a folder. */
interface NamedPlace {
  readonly name: string;
  readonly isFile: () => boolean;
  readonly isDirectory: () => boolean;
}

/** What lies in a folder. @throws what the file system throws, and FileError where a pack cannot be read. */
export async function namesIn(folder: string): Promise<readonly NamedPlace[]> {
  const within = placeInPack(folder);
  if (within === undefined) return readdir(folder, { withFileTypes: true });
  const names = (await openPack(within.pack)).namesIn(within.inner);
  if (names === undefined) throw Object.assign(new Error(`ENOENT: no such folder in the pack, '${folder}'`), { code: 'ENOENT' });
  return names.map(({ name, isFile }) => ({ name, isFile, isDirectory: () => !isFile() }));
}

/**
 * The bytes of a table or another small file.
 * @throws FileError where there is none, it cannot be read, or it is larger than `mostBytes`; `advice` says what to do about that.
 */
export async function readPlace(file: string, mostBytes: number, advice: string): Promise<Buffer> {
  const within = placeInPack(file);
  if (within === undefined || within.inner === '') return readBoundedFile(file, mostBytes, advice);
  return (await openPack(within.pack)).readTable(within.inner, file, mostBytes);
}

/**
 * Opens the arrays of a clip: of an `.npz`, or of a `.npy`, which holds one.
 * @param key what a `.npy`'s array is called.
 * @throws FileError where there is none or it cannot be read.
 */
export async function openClipArrays(file: string, key: string): Promise<ArrayFile> {
  const within = placeInPack(file);
  if (within !== undefined && within.inner !== '') return (await openPack(within.pack)).clip(within.inner, file, key);
  return NPY.test(file) ? openNpy(file, key) : openNpz(file);
}

/** Bytes of a file; 0 where there is none. */
export async function sizeOfPlace(file: string): Promise<number> {
  const within = placeInPack(file);
  if (within !== undefined && within.inner !== '') return (await openPack(within.pack)).sizeOf(within.inner);
  try {
    return (await stat(file)).size;
  } catch {
    return 0;
  }
}
