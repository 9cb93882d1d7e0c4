import { createHash } from 'node:crypto';
import { closeSync, readSync, readdirSync, statSync, copyFileSync, fsyncSync, linkSync, openSync, utimesSync, writeSync } from 'node:fs';
import path from 'node:path';
import type { StateDict } from '../checkpoint/training-checkpoint';
import { UserError } from '../foundation/errors';
import { makeFoldersWithin } from '../foundation/folders';
import { openRegularFile } from '../foundation/regular-file';
import { required } from '../foundation/required';
import { printableLine } from '../foundation/text';
import type { CheckedFile } from './archive/archived-models';
import { isUnfinishedName } from './leftovers';
import { pathProblem, PathSet, readTar, USUAL_LIMITS, type TarEntry, type TarRules, type TarSink } from './tar/read-tar';

const PIECE = 1 << 20;

/**
 * A file's size, and its sha256 in hexadecimal; it is never in memory as a whole.
 * @throws UserError where it is no file that can be read.
 */
export function fileDigest(file: string): { readonly bytes: number; readonly sha256: string } {
  const hash = createHash('sha256');
  const piece = Buffer.allocUnsafe(PIECE);
  const { descriptor } = openRegularFile(file);
  try {
    let bytes = 0;
    for (let read = readSync(descriptor, piece); read > 0; read = readSync(descriptor, piece)) {
      hash.update(piece.subarray(0, read));
      bytes += read;
    }
    return { bytes, sha256: hash.digest('hex') };
  } finally {
    closeSync(descriptor);
  }
}

/** The sha256 alone. */
export function checksumOf(file: string): string {
  return fileDigest(file).sha256;
}

/** sha256 of a text's UTF-8 bytes, in hexadecimal. */
export function checksumOfText(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

/** sha256 over names, shapes and values of a state_dict: the same weights give the same, whatever file they lie in. */
export function weightsDigest(weights: StateDict): string {
  const hash = createHash('sha256');
  for (const [name, { shape, values }] of [...weights].sort(([one], [other]) => (one < other ? -1 : 1))) {
    hash.update(`${JSON.stringify([name, shape])}\n`).update(bytesOfValues(values));
  }
  return hash.digest('hex');
}

/** Whether two arrays hold the same bits: NaN equals itself, and 0 is not −0. */
export function sameBits(one: Float32Array, other: Float32Array | undefined): boolean {
  return other !== undefined && bytesOfValues(one).equals(bytesOfValues(other));
}

/** An array's bytes, without a copy. */
function bytesOfValues(values: Float32Array): Buffer {
  return Buffer.from(values.buffer, values.byteOffset, values.byteLength);
}

/** Whether two state_dicts hold the same tensors, bit for bit. */
export function sameWeights(one: StateDict, other: StateDict): boolean {
  return one.size === other.size && [...one].every(([name, { values }]) => sameBits(values, other.get(name)?.values));
}

/** A file of a model folder, hidden or not. */
export interface KeptFile {
  readonly path: string;
  readonly bytes: number;
  readonly modifiedMs: number;
  /** The first file of the folder that is the same one under another name. */
  readonly sameAs: string | undefined;
}

/**
 * All files of a folder, so that nothing of it is lost.
 * @throws UserError that lists what could not be kept: links, devices, names that not every system has.
 */
export function everythingIn(folder: string): KeptFile[] {
  const problems: string[] = [];
  const paths = new PathSet();
  const first = new Map<string, string>();
  const files = pathsBelow(folder, '', problems).map((inner): KeptFile => {
    const status = statSync(path.join(folder, inner));
    const problem = pathProblem(inner, { hidden: true }) ?? paths.add(inner);
    if (problem !== undefined) problems.push(`${printableLine(inner)}: ${problem}`);
    const identity = `${status.dev}:${status.ino}`;
    const sameAs = status.nlink > 1 ? first.get(identity) : undefined;
    if (!first.has(identity)) first.set(identity, inner);
    return { path: inner, bytes: status.size, modifiedMs: Math.trunc(status.mtimeMs), sameAs };
  });
  if (problems.length === 0) return files;
  throw new UserError([`${folder}: some of it cannot be kept in an archive; rename or remove it first`, ...problems].join('\n'));
}

/** Files with their checksums; those that are one file are read once. */
export function withChecksums(folder: string, files: readonly KeptFile[]): CheckedFile[] {
  const sums = new Map<string, string>();
  return files.map(({ path: inner, bytes, sameAs }) => {
    const sha256 = (sameAs === undefined ? undefined : sums.get(sameAs)) ?? checksumOf(path.join(folder, inner));
    sums.set(inner, sha256);
    return { path: inner, bytes, sha256 };
  });
}

/** Bytes that a folder takes, a file that has two names counted once. */
export function bytesOf(files: readonly KeptFile[]): number {
  return files.reduce((sum, { bytes, sameAs }) => sum + (sameAs === undefined ? bytes : 0), 0);
}

function pathsBelow(folder: string, prefix: string, problems: string[]): string[] {
  const entries = readdirSync(path.join(folder, prefix), { withFileTypes: true }).sort((one, other) => (one.name < other.name ? -1 : 1));
  return entries.flatMap((entry) => {
    const inner = prefix + entry.name;
    if (isUnfinishedName(entry.name)) return [];
    if (entry.isDirectory()) return pathsBelow(folder, `${inner}/`, problems);
    if (entry.isFile()) return [inner];
    problems.push(`${printableLine(inner)}: it is no file and no folder (a link?)`);
    return [];
  });
}

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
  const source = wanted.get(required(entry.sameAs, `the file that ${entry.path} is`));
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
