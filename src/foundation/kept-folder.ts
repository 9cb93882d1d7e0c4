import { closeSync, constants, existsSync, fstatSync, openSync, readlinkSync, statSync, type BigIntStats } from 'node:fs';
import path from 'node:path';
import { whileWriting, FileSystemProblem } from './file-system-problem';

/** A folder that a command writes into now and then: it is known by what it is, so that one of the same name is not taken for it. */
export interface KeptFolder {
  readonly folder: string;
  /** @throws FileSystemProblem where the folder was renamed or removed, or what it must hold. */
  readonly requireThere: () => void;
  /** Where the folder is by now; undefined where it was removed, or the system does not tell. */
  readonly placeNow: () => string | undefined;
  readonly release: () => void;
}

/**
 * Keeps hold of a folder until it is released.
 * @param holds names of files that are in it as long as nobody takes them away.
 */
export function keepFolder(folder: string, holds: readonly string[] = []): KeptFolder {
  const descriptor = openFolder(folder);
  // As long as it is open, no other folder can have its number.
  const kept = fstatSync(descriptor, { bigint: true });
  let open = true;
  const placeNow = (): string | undefined => (open ? placeOf(descriptor) : undefined);
  return {
    folder,
    placeNow,
    requireThere: () => {
      if (!isSame(folder, kept)) throw new FileSystemProblem(`${folder}: ${whatBecame(placeNow())}`);
      const missing = holds.find((name) => !existsSync(path.join(folder, name)));
      if (missing !== undefined) throw new FileSystemProblem(`${folder}: its files were taken away meanwhile (${missing} is missing)`);
    },
    release: () => {
      if (open) closeSync(descriptor);
      open = false;
    },
  };
}

function openFolder(folder: string): number {
  if (!existsSync(folder)) throw new FileSystemProblem(`${folder}: ${whatBecame(undefined)}`);
  return whileWriting(folder, () => openSync(folder, constants.O_RDONLY | constants.O_DIRECTORY));
}

function isSame(folder: string, kept: BigIntStats): boolean {
  const there = statSync(folder, { bigint: true, throwIfNoEntry: false });
  return there?.dev === kept.dev && there.ino === kept.ino;
}

function whatBecame(place: string | undefined): string {
  return place === undefined ? 'the folder was renamed or removed meanwhile' : `the folder was renamed meanwhile; it is ${place} now`;
}

/** Where an open file or folder is by now; undefined where it was removed, or the system does not tell. */
export function placeOf(descriptor: number): string | undefined {
  try {
    const place = readlinkSync(`/proc/self/fd/${descriptor}`);
    return existsSync(place) ? place : undefined;
  } catch {
    return undefined;
  }
}
