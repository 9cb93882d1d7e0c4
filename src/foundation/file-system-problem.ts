import { existsSync, statfsSync } from 'node:fs';
import path from 'node:path';
import { randomBytes } from 'node:crypto';
import { UserError } from './errors';
import { bytesText } from './text';

/** Something that the file system or the machine refused, for a reason that the user can mend. */
export class FileSystemProblem extends UserError {}

/** What is wrong, and what to do about it, by the system's own code. */
const REASONS: Readonly<Record<string, readonly [reason: string, remedy: string]>> = {
  ENOSPC: ['no space is left on its disk', 'free some'],
  EDQUOT: ['the quota of its disk is used up', 'free some space'],
  EFBIG: ['it would be larger than a file may be', 'raise the limit (ulimit -f), or choose another disk'],
  EROFS: ['its file system can only be read', 'choose another place, or make it writable'],
  EACCES: ['permission is denied', 'change its permissions, or choose another place'],
  EPERM: ['permission is denied', 'change its permissions, or choose another place'],
  EIO: ['its disk failed to read or write', 'see to the disk, or choose another one'],
  EISDIR: ['a folder lies where a file is expected', 'move it away, or choose another place'],
  ENOTDIR: ['a file lies where a folder is expected', 'move it away, or choose another place'],
  ENOTEMPTY: ['a folder lies in its place that is not empty', 'move it away, or choose another place'],
  EMFILE: ['too many files are open', 'raise the limit (ulimit -n)'],
  ENFILE: ['too many files are open on this machine', 'end other programs'],
  ENAMETOOLONG: ['its name is too long', 'choose a shorter one'],
  ELOOP: ['its symbolic links lead round in a circle', 'mend them, or choose another place'],
  EBUSY: ['it is in use', 'end what uses it, or choose another place'],
  ETXTBSY: ['it is in use', 'end what uses it, or choose another place'],
  EXDEV: ['part of it lies on another disk', 'choose a place without such links'],
  EMLINK: ['it has too many links', 'choose another place'],
  ENXIO: ['its device is not there', 'choose another place'],
  ENODEV: ['its device is not there', 'choose another place'],
  ESTALE: ['the network has lost it', 'see to its network drive, or choose another place'],
  ENOTCONN: ['its network drive is not connected', 'connect it, or choose another place'],
  EHOSTDOWN: ['its network drive does not answer', 'connect it, or choose another place'],
  ETIMEDOUT: ['its network drive does not answer', 'connect it, or choose another place'],
};

/** What says nothing of the file that was asked for, but of the machine or the disk: another time it may go well. */
const MACHINE_FAILURES: readonly string[] = ['EMFILE', 'ENFILE', 'EIO', 'ESTALE', 'ENOTCONN', 'EHOSTDOWN', 'ETIMEDOUT'];

/**
 * Why a file could not be read though nothing may be wrong with it; undefined for an error that tells of the file itself. Nobody may pass the file over for such a
 * reason, as a damaged one may be.
 */
export function machineFailure(error: unknown, place: string): FileSystemProblem | undefined {
  return MACHINE_FAILURES.includes(codeOf(error)) ? fileSystemProblem(error, place) : undefined;
}

/** What a system's error says is wrong, in words; undefined where it is none that a user can mend. */
export function reasonOf(error: unknown): string | undefined {
  const [reason] = REASONS[codeOf(error)] ?? [];
  return reason === undefined ? undefined : `${reason} (${codeOf(error)})`;
}

/**
 * An error of the file system as one line for the user; undefined where it is no such error, or one that only a mistake of the program explains.
 * @param place what was read or written, where the error does not say it.
 */
export function fileSystemProblem(error: unknown, place?: string): FileSystemProblem | undefined {
  if (error instanceof FileSystemProblem) return error;
  const [reason, remedy] = REASONS[codeOf(error)] ?? [];
  if (reason === undefined || remedy === undefined) return undefined;
  const named = nameFor(pathOf(error), place);
  const space = error instanceof Error && 'space' in error ? `: ${String(error.space)}` : '';
  const what = named === undefined ? (error as Error).message : `${named}: ${reason} (${codeOf(error)})${space}; ${remedy}`;
  return new FileSystemProblem(`${what}; everything saved before is intact`, { cause: error });
}

/** The codes of a disk without space. */
const FULL: readonly string[] = ['ENOSPC', 'EDQUOT'];

/** Whether an error says that a disk has no space left. */
export function isFull(error: unknown): boolean {
  return FULL.includes(codeOf(error));
}

/** Adds to an error of a full disk how much of it a file needs, and how much there is once what was begun is removed. */
export function withSpace(error: unknown, file: string, neededBytes: number): unknown {
  if (!isFull(error) || !(error instanceof Error)) return error;
  return Object.assign(error, { space: `it needs ${bytesText(neededBytes)}, and ${freeText(path.dirname(file))}` });
}

function freeText(folder: string): string {
  try {
    const { bavail, bsize } = statfsSync(folder);
    return `${bytesText(bavail * bsize)} are free`;
  } catch {
    return 'nobody can tell how much is free';
  }
}

/**
 * Does something that writes a file or folder.
 * @throws FileSystemProblem that names it, where the file system refuses it or its folder has gone; else what `action` throws.
 */
export function whileWriting<Result>(place: string, action: () => Result): Result {
  try {
    return action();
  } catch (error) {
    throw writingFault(error, place);
  }
}

/** {@link whileWriting} where it takes its time. */
export async function whileWritingInSteps<Result>(place: string, action: () => Promise<Result>): Promise<Result> {
  try {
    return await action();
  } catch (error) {
    throw writingFault(error, place);
  }
}

function writingFault(error: unknown, place: string): unknown {
  const folder = path.dirname(place);
  if (codeOf(error) === 'ENOENT' && !existsSync(folder)) {
    const message = `${finalName(place)}: it cannot be written: the folder ${finalName(folder)} is not there; was it renamed or removed meanwhile?`;
    return new FileSystemProblem(message, { cause: error });
  }
  return fileSystemProblem(error, place) ?? error;
}

/** The system's code of an error that a system call gave; empty for any other. */
function codeOf(error: unknown): string {
  if (typeof error !== 'object' || error === null || !('code' in error) || !('syscall' in error)) return '';
  return typeof error.code === 'string' ? error.code : '';
}

function pathOf(error: unknown): string | undefined {
  return typeof error === 'object' && error !== null && 'path' in error && typeof error.path === 'string' ? error.path : undefined;
}

/** What the user knows a file by: what is being written, where an error names a part of it that is not finished under another name. */
function nameFor(inError: string | undefined, place: string | undefined): string | undefined {
  const asked = place === undefined ? undefined : finalName(place);
  if (inError === undefined) return asked;
  const final = finalName(inError);
  return asked === undefined || final === inError || final.startsWith(asked) ? final : asked;
}

/** A path with the names that its unfinished parts were to have. */
function finalName(file: string): string {
  const parts = file.split(path.sep).map((part) => nameOfUnfinished(part) ?? part);
  return parts.join(path.sep);
}

/** `.NAME.0123abcd.tmp` beside a file or folder: what is written under such a name serves nobody before it is renamed. */
export function unfinishedNameOf(place: string): string {
  return path.join(path.dirname(place), `.${path.basename(place)}.${randomBytes(4).toString('hex')}.tmp`);
}

/** The name that an unfinished file or folder was to have; undefined where a name is none of those that {@link unfinishedNameOf} gives. */
export function nameOfUnfinished(name: string): string | undefined {
  return /^\.(.+)\.[0-9a-f]{8}\.tmp$/.exec(name)?.[1];
}
