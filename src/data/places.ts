/** Folders and files of data wherever they lie: on the disk, or within a pack, which is a folder in one file. */
import { readdir, stat } from 'node:fs/promises';
import { messageOf } from '../foundation/errors';
import { readBoundedFile } from './file-reading';
import { NPY } from './clip-names';
import { openNpy, openNpz, type ArrayFile } from './npz';
import { openPackedClip, sizeOfPacked, type PackedClip } from './pack/packed-clip';
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
  return names;
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

/** Where a clip lies in its pack, as data that another thread can be given; undefined for a clip that is a file of its own. @throws FileError where the pack cannot be read. */
export async function placeOfPacked(file: string): Promise<PackedClip | undefined> {
  const within = placeInPack(file);
  return within === undefined || within.inner === '' ? undefined : (await openPack(within.pack)).clip(within.inner);
}

/**
 * Opens the arrays of a clip: of an `.npz`, or of a `.npy`, which holds one.
 * @param key what a `.npy`'s array is called.
 * @param packed from {@link placeOfPacked}, where that has been asked for already.
 * @throws FileError where there is none or it cannot be read.
 */
export async function openClipArrays(file: string, key: string, packed?: PackedClip): Promise<ArrayFile> {
  const place = packed ?? (await placeOfPacked(file));
  if (place === undefined) return NPY.test(file) ? openNpy(file, key) : openNpz(file);
  return openPackedClip(place, file, key);
}

/** Bytes of a file; 0 where there is none. @param packed as for {@link openClipArrays}. */
export async function sizeOfPlace(file: string, packed?: PackedClip): Promise<number> {
  const place = packed ?? (await placeOfPacked(file));
  if (place !== undefined) return sizeOfPacked(place);
  try {
    return (await stat(file)).size;
  } catch {
    return 0;
  }
}
