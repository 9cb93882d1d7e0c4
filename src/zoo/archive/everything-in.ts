import { readdirSync, statSync } from 'node:fs';
import path from 'node:path';
import { UserError } from '../../foundation/errors';
import { printableLine } from '../../foundation/text';
import { checksumOf } from '../file-checksum';
import { isUnfinishedName } from '../leftovers';
import { pathProblem, PathSet } from '../tar/safe-path';
import type { CheckedFile } from './archive-files';

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
