// @ts-check
const { mkdirSync, readFileSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } = require('node:fs');
const { randomBytes } = require('node:crypto');
const os = require('node:os');
const path = require('node:path');
const { undoWhenInterrupted } = require('./interruption');

const HEARTBEAT_MS = 5_000;
const SILENT_FOR_MS = 60_000;
const POLL_MS = 200;

/**
 * Does something that only one process may do at a time. A lock whose process has ended, or has not touched it for a minute, is taken over.
 * Should two take it over in the same instant, both go on: what they make is in temporary folders of their own, and the second finds it made.
 * @template T
 * @param {string} file the lock
 * @param {(holder: string) => void} onWait told once who holds it
 * @param {() => Promise<T>} action
 * @returns {Promise<T>}
 */
async function withLock(file, onWait, action) {
  mkdirSync(path.dirname(file), { recursive: true });
  const owner = JSON.stringify({ host: os.hostname(), pid: process.pid, id: randomBytes(8).toString('hex') });
  for (let told = false; !take(file, owner); await pause()) {
    if (takeOverStale(file) || told) continue;
    onWait(holderOf(file));
    told = true;
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

/** @param {string} file */
function takeOverStale(file) {
  try {
    const ageMs = Date.now() - statSync(file).mtimeMs;
    if (!isStale({ content: contentOf(file), ageMs, host: os.hostname(), isAlive })) return false;
    const aside = `${file}.${randomBytes(4).toString('hex')}`;
    renameSync(file, aside);
    rmSync(aside, { force: true });
    return true;
  } catch {
    return true; // Released or taken over meanwhile.
  }
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
  return owner === undefined ? 'another process' : `process ${owner.pid}${owner.host === os.hostname() ? '' : ` on ${owner.host}`}`;
}

/** @param {string} file */
function contentOf(file) {
  try {
    return readFileSync(file, 'utf8');
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

module.exports = { withLock, isStale, isAlive };
