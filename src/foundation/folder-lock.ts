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
import { hostname } from 'node:os';
import path from 'node:path';
import { messageOf, UserError } from './errors';
import { whileWriting } from './file-system-problem';
import { placeOf, makeFolders } from './folders';
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

interface Holder {
  readonly host: string;
  readonly pid: number;
  /** When the process began, in the system's own count: its number may be another's by now. Empty where the system does not tell. */
  readonly began: string;
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
  const holder: Holder = {
    host: hostname(),
    pid: process.pid,
    began: beginningOf(process.pid),
    purpose,
    id: randomBytes(8).toString('hex'),
  };
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
  return holder?.host === hostname() ? { pid: holder.pid, purpose: holder.purpose } : undefined;
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
  const ageMs = ageOf(file);
  if (holder?.host !== hostname()) return ageMs > SILENT_FOR_MS;
  return !isAlive(holder.pid) || (holder.began !== '' && holder.began !== beginningOf(holder.pid));
}

function inUse(folder: string, file: string, content: string): string {
  const holder = parse(content);
  const who =
    holder === undefined
      ? 'another process'
      : `process ${holder.pid}${holder.host === hostname() ? '' : ` on ${printableLine(holder.host)}`} (${printableLine(holder.purpose)})`;
  return `${folder}: ${who} is at work on it; wait until it has ended, or remove ${file} if you know that it has`;
}

function parse(content: string): Holder | undefined {
  try {
    const { host, pid, began, purpose, id } = JSON.parse(content) as Partial<Record<keyof Holder, unknown>>;
    if (typeof host !== 'string' || typeof pid !== 'number' || typeof began !== 'string') return undefined;
    return typeof purpose === 'string' && typeof id === 'string' ? { host, pid, began, purpose, id } : undefined;
  } catch {
    return undefined;
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return !isZombie(pid);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** Ticks from the machine's start to the process's; empty where the system does not tell. */
function beginningOf(pid: number): string {
  return statusOf(pid)[19] ?? '';
}

/** Whether a process has ended and only its number is still taken, until its parent asks for its exit code. */
function isZombie(pid: number): boolean {
  return statusOf(pid)[0] === 'Z';
}

/** Linux's /proc/PID/stat from its third field on; nothing where the system does not tell. */
function statusOf(pid: number): string[] {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return text.slice(text.lastIndexOf(')') + 2).split(' ');
  } catch {
    return [];
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
