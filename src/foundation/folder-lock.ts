import { randomBytes } from 'node:crypto';
import {
  closeSync,
  constants,
  existsSync,
  linkSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { messageOf, UserError } from './errors';
import { whileWriting } from './file-system-problem';
import { placeOf, makeFolders } from './folders';
import { isNear, isRunning, ownIdentity, type ProcessIdentity } from './process-identity';
import { printableLine } from './text';
import { readRegularText } from './regular-file';

const HEARTBEAT_MS = 10_000;
const LARGEST_LOCK = 64_000;
/** A holder on another machine, whose processes cannot be asked about, is believed for so long after its last sign of life. */
const SILENT_FOR_MS = 10 * 60_000;

/** Taken and released again by others in between so often, a lock would be unlucky; a link to nowhere in its place is there each time. */
const MOST_ATTEMPTS = 1000;

/** A folder that this process holds for itself. */
export interface FolderLock {
  readonly release: () => void;
}

interface Holder extends ProcessIdentity {
  /** What it does, as `train`. */
  readonly purpose: string;
  /** Tells this taking of the lock from any other. */
  readonly id: string;
}

/**
 * Keeps other processes of Kumpas from writing into a folder until the lock is released. It is a hidden file beside the folder, which need not be there yet; the
 * lock of a process that has ended is taken over. One that is still held is released where the process exits, or a signal ends it.
 * @param purpose what the others are told that this process does.
 * @throws UserError that names the holder where another process has it, or says why none can be made.
 */
export function lockFolder(folder: string, purpose: string): FolderLock {
  const file = lockFileOf(folder);
  const parent = path.dirname(file);
  makeFolders(parent);
  const holder: Holder = { ...ownIdentity(), purpose, id: randomBytes(8).toString('hex') };
  const content = JSON.stringify(holder);
  // Held open: the lock goes with the folder that it lies in, whatever that is called when it is released.
  const held = whileWriting(file, () => openSync(parent, constants.O_RDONLY | constants.O_DIRECTORY));
  try {
    takeOver(folder, file, content);
  } catch (error) {
    closeSync(held);
    throw error;
  }
  const heartbeat = setInterval(() => {
    touch(file);
  }, HEARTBEAT_MS);
  heartbeat.unref();
  const release = (): void => {
    if (!releaseAtEnd.delete(release)) return;
    if (releaseAtEnd.size === 0) endWithoutLocks();
    clearInterval(heartbeat);
    const moved = placeOf(held);
    for (const place of [file, ...(moved === undefined ? [] : [path.join(moved, path.basename(file))])]) removeOwn(place, content);
    closeSync(held);
  };
  if (releaseAtEnd.size === 0) endWithLocks();
  releaseAtEnd.add(release);
  return { release };
}

/** What releases the locks that this process holds. */
const releaseAtEnd = new Set<() => void>();

const ENDING_SIGNALS = ['SIGHUP', 'SIGINT', 'SIGTERM'] as const;

function releaseAll(): void {
  for (const release of [...releaseAtEnd]) release();
}

/** Where nobody else heeds the signal it ends the process as it would have, but no lock stays behind. */
function releaseAndEnd(signal: NodeJS.Signals): void {
  if (process.listenerCount(signal) > 1) return;
  releaseAll();
  process.kill(process.pid, signal);
}

function endWithLocks(): void {
  process.on('exit', releaseAll);
  for (const signal of ENDING_SIGNALS) process.on(signal, releaseAndEnd);
}

function endWithoutLocks(): void {
  process.off('exit', releaseAll);
  for (const signal of ENDING_SIGNALS) process.off(signal, releaseAndEnd);
}

/** Takes a lock, that of a process that has ended too. */
function takeOver(folder: string, file: string, content: string): void {
  for (let attempt = 1; !whileWriting(folder, () => take(file, content)); attempt++) {
    const found = contentOf(file);
    if (found !== undefined && !isStale(file, found)) throw new UserError(inUse(folder, file, found));
    if (found !== undefined) removeIfStill(file, found);
    if (attempt === MOST_ATTEMPTS) throw new UserError(`${file}: what lies in the lock's place is no lock; remove it`);
  }
}

/** Removes a lock that is still one's own. Where it cannot be asked, it is left: whoever comes next sees that its holder has ended. */
function removeOwn(file: string, content: string): void {
  try {
    if (readFileSync(file, 'utf8') === content) rmSync(file, { force: true });
  } catch {
    // Its folder was taken away, or can only be read by now.
  }
}

/** How a lock is waited for. */
interface LockWait {
  /** Takes a line that says what is waited for. */
  readonly onWait: (text: string) => void;
  readonly signal?: AbortSignal | undefined;
  readonly lookAgainMs?: number;
}

/**
 * Locks a folder whose last holder may have ended without a word, on a machine or in a container that cannot be asked about: waits until its lock has been
 * silent for long enough to be taken over, up to ten minutes, and gives up as soon as it shows a sign of life.
 * @throws UserError as {@link lockFolder} does; the reason of the signal where that is aborted meanwhile.
 */
export async function lockOnceSilent(
  folder: string,
  purpose: string,
  { onWait, signal, lookAgainMs = 2000 }: LockWait,
): Promise<FolderLock> {
  const file = lockFileOf(folder);
  let firstSeen: number | undefined;
  for (;;) {
    try {
      return lockFolder(folder, purpose);
    } catch (error) {
      const seen = lastSignOfLife(file);
      if (seen === undefined || (firstSeen !== undefined && seen !== firstSeen)) throw error;
      if (firstSeen === undefined)
        onWait(`${messageOf(error).split(';', 1).join('')}, or has ended without a word: waiting until that is clear, up to ten minutes`);
      firstSeen = seen;
    }
    await setTimeout(lookAgainMs);
    signal?.throwIfAborted();
  }
}

/** When a holder that cannot be asked about last touched its lock; undefined where there is none such. */
function lastSignOfLife(file: string): number | undefined {
  const found = contentOf(file);
  const holder = found === undefined ? undefined : parse(found);
  if (holder === undefined || isNear(holder)) return undefined;
  return statSync(file, { throwIfNoEntry: false })?.mtimeMs;
}

/** Does something while a folder is locked. */
export async function withFolderLock<Result>(folder: string, purpose: string, action: () => Promise<Result> | Result): Promise<Result> {
  const lock = lockFolder(folder, purpose);
  try {
    return await action();
  } finally {
    lock.release();
  }
}

/** Whether another process holds a folder's lock, or one that has ended left it. */
export function lockState(folder: string): 'free' | 'held' | 'stale' {
  const file = lockFileOf(folder);
  const found = contentOf(file);
  if (found === undefined) return 'free';
  return isStale(file, found) ? 'stale' : 'held';
}

/** The process of this machine that holds a folder's lock, and what it does; undefined where none does. */
export function processHolding(folder: string): Pick<Holder, 'pid' | 'purpose'> | undefined {
  const file = lockFileOf(folder);
  const found = contentOf(file);
  const holder = found === undefined || isStale(file, found) ? undefined : parse(found);
  return holder !== undefined && isNear(holder) ? { pid: holder.pid, purpose: holder.purpose } : undefined;
}

/** Where a folder's lock lies. */
export function lockFileOf(folder: string): string {
  const resolved = path.resolve(folder);
  return path.join(path.dirname(resolved), `.${path.basename(resolved)}.lock`);
}

/** Writes the whole lock at once under its name, or finds it taken: a lock is never there without its holder. */
function take(file: string, content: string): boolean {
  const own = `${file}.${randomBytes(4).toString('hex')}.tmp`;
  try {
    writeFileSync(own, content, { flag: 'wx' });
    return linkTo(own, file, content);
  } finally {
    rmSync(own, { force: true });
  }
}

function linkTo(own: string, file: string, content: string): boolean {
  try {
    linkSync(own, file);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    return takeWithoutLinks(file, content);
  }
}

function takeWithoutLinks(file: string, content: string): boolean {
  try {
    writeFileSync(file, content, { flag: 'wx' });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

/** Removes a lock that was found stale, and only that one: if another process took it over meanwhile, that one's is put back. */
function removeIfStill(file: string, found: string): void {
  const aside = `${file}.${randomBytes(4).toString('hex')}.tmp`;
  try {
    renameSync(file, aside);
  } catch {
    return; // Released or taken over meanwhile.
  }
  if (contentOf(aside) !== found) {
    try {
      linkSync(aside, file);
    } catch {
      // A third process has it by now; the holder of this one finds that out by its content.
    }
  }
  rmSync(aside, { force: true });
}

function isStale(file: string, content: string): boolean {
  const holder = parse(content);
  return holder !== undefined && isNear(holder) ? !isRunning(holder) : ageOf(file) > SILENT_FOR_MS;
}

function inUse(folder: string, file: string, content: string): string {
  const holder = parse(content);
  const who =
    holder === undefined
      ? 'another process'
      : `process ${holder.pid}${isNear(holder) ? '' : ` on ${printableLine(holder.host)}`} (${printableLine(holder.purpose)})`;
  return `${folder}: ${who} is at work on it; wait until it has ended, or remove ${file} if you know that it has`;
}

function parse(content: string): Holder | undefined {
  try {
    const { host, pid, began, container, purpose, id } = JSON.parse(content) as Partial<Record<keyof Holder, unknown>>;
    if (typeof host !== 'string' || typeof pid !== 'number' || typeof began !== 'string') return undefined;
    if (typeof purpose !== 'string' || typeof id !== 'string') return undefined;
    return { host, pid, began, ...(typeof container === 'string' ? { container } : {}), purpose, id };
  } catch {
    return undefined;
  }
}

function ageOf(file: string): number {
  try {
    return Date.now() - statSync(file).mtimeMs;
  } catch {
    return 0;
  }
}

/**
 * Undefined where there is none.
 * @throws UserError where something lies in its place that cannot be read.
 */
function contentOf(file: string): string | undefined {
  try {
    return readRegularText(file, LARGEST_LOCK);
  } catch (error) {
    if (!existsSync(file)) return undefined;
    const reason = messageOf(error).replace(`${file}: `, '');
    throw new UserError(`${file}: the lock cannot be read (${reason}); remove it if no process of Kumpas is at work there`, {
      cause: error,
    });
  }
}

function touch(file: string): void {
  try {
    utimesSync(file, new Date(), new Date());
  } catch {
    // Taken away: whoever did it knows why.
  }
}
