// @ts-check
const { randomBytes } = require('node:crypto');
const {
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { performance } = require('node:perf_hooks');
const { undoWhenInterrupted } = require('./command');
const { whyUnsafe } = require('./locations');
const { SetUpProblem } = require('./set-up-problem');

const HEARTBEAT_MS = 5_000;
const SILENT_FOR_MS = 60_000;
const POLL_MS = 200;
/** As long as a download of gigabytes may take; a living holder that takes longer is more likely stuck. */
const LONGEST_WAIT_MS = 30 * 60_000;

/**
 * Does something that only one process may do at a time. A lock whose process has ended, or has not touched it for a minute, is taken over.
 * Should two take it over in the same instant, both go on: what they make is in temporary folders of their own, and the second finds it made.
 * @template T
 * @param {string} file the lock
 * @param {(holder: string, since: Date) => void} onWait told once who holds it, and since when
 * @param {() => Promise<T>} action
 * @param {number} longestWaitMs
 * @returns {Promise<T>}
 * @throws {SetUpProblem} where it is held for longer, or the lock of a process that has ended cannot be removed
 */
async function withLock(file, onWait, action, longestWaitMs = LONGEST_WAIT_MS) {
  mkdirSync(path.dirname(file), { recursive: true });
  const owner = JSON.stringify({ host: os.hostname(), pid: process.pid, id: randomBytes(8).toString('hex') });
  const started = performance.now();
  for (let told = false; !take(file, owner); await pause()) {
    if (takeOverStale(file)) continue;
    if (!told) onWait(holderOf(file), startOf(file));
    told = true;
    if (performance.now() - started > longestWaitMs) throw heldTooLong(file, longestWaitMs);
  }
  const release = () => {
    if (contentOf(file) === owner) rmSync(file, { force: true });
  };
  const forget = undoWhenInterrupted(release);
  const heartbeat = setInterval(() => touch(file), HEARTBEAT_MS);
  try {
    return await action();
  } finally {
    clearInterval(heartbeat);
    release();
    forget();
  }
}

/**
 * Whether the process that holds a lock has ended or fallen silent.
 * @param {{ content: string, ageMs: number, host: string, isAlive: (pid: number) => boolean }} lock
 * @returns {boolean}
 */
function isStale({ content, ageMs, host, isAlive }) {
  if (ageMs > SILENT_FOR_MS) return true;
  const owner = parseOwner(content);
  return owner !== undefined && owner.host === host && !isAlive(owner.pid);
}

/** @param {string} file @param {string} owner */
function take(file, owner) {
  try {
    writeFileSync(file, owner, { flag: 'wx' });
    return true;
  } catch (error) {
    if (/** @type {NodeJS.ErrnoException} */ (error).code === 'EEXIST') return false;
    throw error;
  }
}

/**
 * Removes a lock whose process has ended or fallen silent.
 * @param {string} file
 * @returns {boolean} whether it may be free now
 */
function takeOverStale(file) {
  const status = statSync(file, { throwIfNoEntry: false });
  if (status === undefined) return true; // Released meanwhile.
  if (!isStale({ content: contentOf(file), ageMs: Date.now() - status.mtimeMs, host: os.hostname(), isAlive })) return false;
  const holder = holderOf(file);
  const aside = `${file}.${randomBytes(4).toString('hex')}`;
  try {
    renameSync(file, aside);
    rmSync(aside, { recursive: true, force: true });
    return true;
  } catch (error) {
    const { code, message } = /** @type {NodeJS.ErrnoException} */ (error);
    if (code === 'ENOENT') return true; // Taken over meanwhile.
    throw new SetUpProblem(
      `${file} is the lock of ${holder}, which has ended, and cannot be removed (${code ?? message})`,
      'Remove it, or set KUMPAS_CACHE to a folder of your own',
    );
  }
}

/** @param {string} file @param {number} longestWaitMs */
function heldTooLong(file, longestWaitMs) {
  const minutes = Math.round(longestWaitMs / 60_000);
  return new SetUpProblem(
    `${holderOf(file)} has held ${file} for the ${minutes} minutes that were waited for it`,
    'Let it end, or set KUMPAS_CACHE to a folder of your own',
    { costly: true },
  );
}

/** @param {string} content @returns {{ host: string, pid: number } | undefined} */
function parseOwner(content) {
  try {
    const { host, pid } = JSON.parse(content);
    return typeof host === 'string' && Number.isInteger(pid) ? { host, pid } : undefined;
  } catch {
    return undefined;
  }
}

/** @param {number} pid */
function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return /** @type {NodeJS.ErrnoException} */ (error).code === 'EPERM';
  }
}

/** @param {string} file */
function holderOf(file) {
  const owner = parseOwner(contentOf(file));
  const uid = statSync(file, { throwIfNoEntry: false })?.uid;
  const user = uid === undefined || uid === process.getuid?.() ? '' : ` of user ${uid}`;
  return owner === undefined
    ? `another process${user}`
    : `process ${owner.pid}${user}${owner.host === os.hostname() ? '' : ` on ${owner.host}`}`;
}

/** When a lock was taken; a file system that does not keep it gives when it was touched. @param {string} file */
function startOf(file) {
  const { birthtimeMs = 0, mtimeMs = Date.now() } = statSync(file, { throwIfNoEntry: false }) ?? {};
  return new Date(birthtimeMs > 0 ? Math.min(birthtimeMs, mtimeMs) : mtimeMs);
}

/** @param {string} file */
function contentOf(file) {
  try {
    return lstatSync(file).isFile() ? readFileSync(file, 'utf8') : ''; // Nothing ever comes out of a named pipe.
  } catch {
    return '';
  }
}

/** @param {string} file */
function touch(file) {
  try {
    utimesSync(file, new Date(), new Date());
  } catch {
    // Taken over by another process: it goes on by itself.
  }
}

const pause = () => new Promise((resolve) => setTimeout(resolve, POLL_MS));

const PREFIX = '.temporary-';

/**
 * Makes a folder of the cache so that it is there whole or not at all: filled under a temporary name beside it, then renamed.
 * @param {string} folder
 * @param {(temporary: string) => Promise<void>} fill
 */
async function makeFolderAtomically(folder, fill) {
  const parent = path.dirname(folder);
  mkdirSync(parent, { recursive: true });
  removeAbandoned(parent);
  const temporary = path.join(parent, `${PREFIX}${os.hostname()}-${process.pid}-${randomBytes(4).toString('hex')}`);
  mkdirSync(temporary);
  const remove = () => rmSync(temporary, { recursive: true, force: true });
  const forget = undoWhenInterrupted(remove);
  try {
    await fill(temporary);
    moveInto(temporary, folder);
  } finally {
    remove();
    forget();
  }
}

/**
 * Makes a folder anew; the one that is there is kept until the new one is whole.
 * @param {string} folder
 * @param {(temporary: string) => Promise<void>} fill
 */
async function replaceFolder(folder, fill) {
  await makeFolderAtomically(folder, async (temporary) => {
    await fill(temporary);
    rmSync(folder, { recursive: true, force: true });
  });
}

/**
 * @template T
 * @param {() => Promise<T>} action all files and folders that it makes can be written by the user alone
 * @returns {Promise<T>}
 */
async function unwritableForOthers(action) {
  const before = process.umask(0o022);
  try {
    return await action();
  } finally {
    process.umask(before);
  }
}

/**
 * Refuses what others than the user could have put in its place, or could change.
 * @param {readonly string[]} places
 * @param {string} project
 * @throws {SetUpProblem} that says what is wrong with which place
 */
function requireSafe(places, project) {
  const unsafe = whyUnsafe(places, { user: process.getuid?.(), project });
  if (unsafe === undefined) return;
  throw new SetUpProblem(unsafe, 'Mend that (chmod, chown), or set KUMPAS_CACHE to a folder of your own that nobody else can write', {
    unsafe: true,
  });
}

/** @param {string} temporary @param {string} folder */
function moveInto(temporary, folder) {
  try {
    renameSync(temporary, folder);
  } catch (error) {
    const { code } = /** @type {NodeJS.ErrnoException} */ (error);
    const madeMeanwhile = code === 'ENOTEMPTY' || code === 'EEXIST';
    if (!madeMeanwhile) throw error;
  }
}

/**
 * Removes what preparations of this machine left behind that were killed.
 * @param {string} parent
 */
function removeAbandoned(parent) {
  const ofThisMachine = `${PREFIX}${os.hostname()}-`;
  for (const name of readdirSync(parent)) {
    if (!name.startsWith(ofThisMachine)) continue;
    const pid = Number.parseInt(name.slice(ofThisMachine.length), 10);
    if (!isAlive(pid)) rmSync(path.join(parent, name), { recursive: true, force: true });
  }
}

const REMEMBERED_FOR_MS = 60 * 60 * 1000;

/**
 * Keeps a costly failure for an hour, so that not every command waits for the same download or build to fail again.
 * @param {string} cache
 * @param {string} key what failed
 * @param {SetUpProblem} problem
 * @param {number} now milliseconds since 1970
 */
function rememberFailure(cache, key, problem, now) {
  const file = failureFile(cache, key);
  try {
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, JSON.stringify({ at: now, reason: problem.reason, remedy: problem.remedy }));
  } catch {
    // A cache that cannot be written remembers nothing: the problem itself is told.
  }
}

/**
 * The failure remembered for a key, or undefined where there is none of the last hour.
 * @param {string} cache
 * @param {string} key
 * @param {number} now milliseconds since 1970
 * @returns {SetUpProblem | undefined}
 */
function rememberedFailure(cache, key, now) {
  try {
    const { at, reason, remedy } = JSON.parse(readFileSync(failureFile(cache, key), 'utf8'));
    const age = now - at;
    if (typeof reason !== 'string' || typeof remedy !== 'string' || !(age >= 0 && age < REMEMBERED_FOR_MS)) return undefined;
    return new SetUpProblem(reason, remedy);
  } catch {
    return undefined;
  }
}

/** @param {string} cache @param {string} key */
function forgetFailure(cache, key) {
  if (existsSync(failureFile(cache, key))) rmSync(failureFile(cache, key), { force: true });
}

/** @param {string} cache @param {string} key */
function failureFile(cache, key) {
  return path.join(cache, 'failures', `${key}.json`);
}

/**
 * A failure of the file system (a folder that cannot be written, a full disk) as a problem that the user can mend; anything else is a bug.
 * @param {unknown} error
 * @param {string} what was to be put into the cache
 * @returns {SetUpProblem}
 */
function asProblem(error, what) {
  if (error instanceof SetUpProblem) return error;
  const { syscall, message } = /** @type {NodeJS.ErrnoException} */ (error);
  if (syscall === undefined) throw error;
  const reason = `${what} cannot be put in place (${message})`;
  return new SetUpProblem(reason, 'Make that folder writable, or set KUMPAS_CACHE to one that is');
}

module.exports = {
  withLock,
  isStale,
  makeFolderAtomically,
  replaceFolder,
  unwritableForOthers,
  requireSafe,
  rememberFailure,
  rememberedFailure,
  forgetFailure,
  asProblem,
};
