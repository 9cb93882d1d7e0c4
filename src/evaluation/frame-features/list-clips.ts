import { readdirSync, statSync, type Dirent } from 'node:fs';
import path from 'node:path';
import { isPictureFile } from '../../data/pictures';
import { messageOf, UserError } from '../../foundation/errors';

/** A clip of pictures in a folder: an `.npz`, or a folder of pictures. */
export interface PictureClip {
  /** Its name without extension, with `/` between folders. */
  readonly name: string;
  readonly path: string;
}

const DEEPEST = 8;

/**
 * Every clip in a folder and in those within it, by name.
 * @throws UserError where the folder cannot be read.
 */
export function listPictureClips(folder: string): PictureClip[] {
  return listWithin(folder, '', 0).sort((one, other) => (one.name < other.name ? -1 : 1));
}

function listWithin(folder: string, name: string, depth: number): PictureClip[] {
  const entries = readEntries(folder);
  if (name !== '' && entries.some((entry) => entry.isFile() && isPictureFile(entry.name))) return [{ name, path: folder }];
  return entries.flatMap((entry) => {
    const [found, inner] = [path.join(folder, entry.name), path.posix.join(name, entry.name)];
    if (entry.name.startsWith('.')) return [];
    if (entry.isDirectory()) return depth < DEEPEST ? listWithin(found, inner, depth + 1) : [];
    return /\.npz$/i.test(entry.name) ? [{ name: inner.replace(/\.npz$/i, ''), path: found }] : [];
  });
}

function readEntries(folder: string): Dirent[] {
  try {
    if (!statSync(folder).isDirectory()) throw new UserError(`${folder}: expected a folder, found a file`);
    return readdirSync(folder, { withFileTypes: true });
  } catch (error) {
    if (error instanceof UserError) throw error;
    throw new UserError(`${folder}: cannot be read as a folder (${messageOf(error)})`, { cause: error });
  }
}
