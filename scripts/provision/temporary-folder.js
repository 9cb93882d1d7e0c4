// @ts-check
const { mkdirSync, readdirSync, renameSync, rmSync } = require('node:fs');
const { randomBytes } = require('node:crypto');
const os = require('node:os');
const path = require('node:path');
const { undoWhenInterrupted } = require('./interruption');
const { isAlive } = require('./lock');

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

module.exports = { makeFolderAtomically };
