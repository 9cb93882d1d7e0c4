import { createHash } from 'node:crypto';
import { closeSync, copyFileSync, fsyncSync, linkSync, openSync, utimesSync, writeSync } from 'node:fs';
import path from 'node:path';
import { UserError } from '../../foundation/errors';
import { makeFoldersWithin } from '../../foundation/folders';
import { readTar, USUAL_LIMITS, type TarEntry, type TarRules, type TarSink } from '../tar/read-tar';
import type { CheckedFile } from './archive-files';

/** What an archive should hold, below one folder. */
export interface ExpectedFiles {
  readonly archive: string;
  /** The folder's name within the archive. */
  readonly name: string;
  readonly files: readonly CheckedFile[];
  readonly rules: Pick<TarRules, 'hidden' | 'links'>;
}

/**
 * Reads a whole archive and holds every file against its size and checksum; with a folder, writes each into it.
 * @param into an empty folder; undefined where the archive is only to be checked.
 * @param keepTimes whether files get the times that the archive gives them.
 * @throws UserError for what is missing, what should not be there, and what differs.
 */
export async function readChecked(expected: ExpectedFiles, into: string | undefined, keepTimes = false): Promise<void> {
  const { archive, name, files, rules } = expected;
  const wanted = new Map(files.map((file) => [`${name}/${file.path}`, file]));
  const seen = new Set<string>();
  const open = new Set<number>();
  const visit = (entry: TarEntry): TarSink | undefined => {
    const file = wanted.get(entry.path);
    if (file === undefined) throw new UserError(`${archive}: ${entry.path} should not be in it; nothing was written`);
    if (file.bytes !== entry.bytes) {
      throw new UserError(
        `${archive}: ${entry.path}: expected ${file.bytes} bytes, found ${entry.bytes}; it was changed or damaged, and nothing was written`,
      );
    }
    seen.add(entry.path);
    const target = into === undefined ? undefined : path.join(into, ...file.path.split('/'));
    if (entry.sameAs !== undefined) {
      shareBytes(expected, wanted, { entry, file, target, into });
      return undefined;
    }
    return checkingSink(archive, { entry, file, target, into, keepTimes, open });
  };
  try {
    await readTar(archive, { ...rules, ...USUAL_LIMITS }, visit);
  } finally {
    for (const descriptor of open) closeSync(descriptor);
  }
  const missing = [...wanted.keys()].filter((inner) => !seen.has(inner));
  if (missing.length > 0) throw new UserError(`${archive}: ${missing.slice(0, 10).join(', ')}: missing in it; nothing was written`);
}

interface Written {
  readonly entry: TarEntry;
  readonly file: CheckedFile;
  readonly target: string | undefined;
  readonly into: string | undefined;
}

/** Hashes what it gets, and writes it where there is somewhere to. */
function checkingSink(
  archive: string,
  { entry, file, target, into, keepTimes, open }: Written & { readonly keepTimes: boolean; readonly open: Set<number> },
): TarSink {
  const hash = createHash('sha256');
  if (target !== undefined && into !== undefined) makeFoldersWithin(into, path.dirname(target));
  const descriptor = target === undefined ? undefined : openSync(target, 'wx', 0o644);
  if (descriptor !== undefined) open.add(descriptor);
  return {
    write: (bytes) => {
      hash.update(bytes);
      for (let at = 0; descriptor !== undefined && at < bytes.length;) at += writeSync(descriptor, bytes, at);
    },
    end: () => {
      if (descriptor !== undefined) {
        fsyncSync(descriptor);
        closeSync(descriptor);
        open.delete(descriptor);
      }
      if (hash.digest('hex') !== file.sha256)
        throw new UserError(`${archive}: ${entry.path}: its checksum is another; it was changed or damaged, and nothing was written`);
      if (keepTimes && target !== undefined && entry.modified !== undefined) utimesSync(target, entry.modified, entry.modified);
    },
  };
}

/** A file that is another one under a second name. */
function shareBytes({ archive }: ExpectedFiles, wanted: ReadonlyMap<string, CheckedFile>, { entry, file, target, into }: Written): void {
  const source = wanted.get(entry.sameAs ?? '');
  if (source?.sha256 !== file.sha256) throw new UserError(`${archive}: ${entry.path}: its checksum is another; nothing was written`);
  if (target === undefined || into === undefined) return;
  makeFoldersWithin(into, path.dirname(target));
  const from = path.join(into, ...source.path.split('/'));
  try {
    linkSync(from, target);
  } catch {
    copyFileSync(from, target);
  }
}
