// @ts-check
const { createHash } = require('node:crypto');
const {
  createReadStream,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} = require('node:fs');
const path = require('node:path');
const { pipeline } = require('node:stream/promises');
const { bindingLink } = require('./locations');
/** @typedef {import('./native-library').Plan} Plan */

/**
 * The sha256 of a file, which is never in memory as a whole.
 * @param {string} file
 * @param {'hex' | 'base64url'} encoding
 * @returns {Promise<string>}
 */
async function checksumOf(file, encoding = 'hex') {
  const hash = createHash('sha256');
  await pipeline(createReadStream(file, { highWaterMark: 1 << 20 }), hash);
  return hash.digest(encoding);
}

/** What is loaded of a library's folder; everything else in it is read while the binding is compiled. */
const LOADED = /^(tensorflow\/libtensorflow|nvidia\/[^/]+\/lib\/)/;

/**
 * The files of a library that are loaded, with the sha256 (base64url) and the size that their wheels' RECORD gives them.
 * @param {string} library its folder in the cache
 * @param {RegExp} loaded the names of those files
 * @returns {{ path: string, sha256: string, bytes: number }[]}
 */
function recordedFiles(library, loaded = LOADED) {
  const records = existsSync(library) ? readdirSync(library).filter((name) => name.endsWith('.dist-info')) : [];
  return records.flatMap((name) => {
    const record = path.join(library, name, 'RECORD');
    if (!existsSync(record)) return [];
    return [...readFileSync(record, 'utf8').matchAll(/^([^",\r\n]+),sha256=([\w-]{43}),(\d+)\r?$/gm)]
      .filter(([, inner = '']) => loaded.test(inner))
      .map(([, inner = '', sha256 = '', bytes]) => ({ path: inner, sha256, bytes: Number(bytes) }));
  });
}

/**
 * What of a library is not as its wheels brought it, a file a line.
 * @param {string} library its folder in the cache
 * @param {RegExp} [loaded] the names of the files that are looked at: those that TensorFlow loads, where it is left out
 * @returns {Promise<string[]>}
 */
async function damagedFiles(library, loaded) {
  const damaged = [];
  for (const { path: inner, sha256, bytes } of recordedFiles(library, loaded)) {
    const file = path.join(library, inner);
    if (!existsSync(file)) damaged.push(`${file} is missing`);
    else if (statSync(file).size !== bytes) damaged.push(`${file} has ${statSync(file).size} bytes, expected ${bytes}`);
    else if ((await checksumOf(file, 'base64url')) !== sha256) damaged.push(`${file} is damaged: its sha256 is another`);
  }
  return damaged;
}

/**
 * All files that a command loads of a prepared library.
 * @param {Plan} plan
 * @returns {string[]}
 */
function loadedFiles({ target, library, binding }) {
  const libraries = new Set([target.library, target.framework].map((name) => `tensorflow/${name}`));
  for (const { path: inner } of recordedFiles(library)) libraries.add(inner);
  return [...ownFiles(binding), ...[...libraries].sort().map((inner) => path.join(library, inner))];
}

/**
 * The files that a command loads, where every one has the size and the time that it had when all of them were looked at and tried: a change is seen at every start,
 * and costs no more than to ask for them. Undefined where any has changed.
 * @param {string} project
 * @param {Plan} plan
 * @returns {string[] | undefined}
 */
function filesAsStamped(project, plan) {
  try {
    /** @type {[string, number, number][]} */
    const stamped = JSON.parse(readFileSync(stampFile(project), 'utf8'));
    const files = stamped.map(([file]) => file);
    const own = files.filter((file) => path.dirname(file) === plan.binding);
    const isSame = ownFiles(plan.binding).join('\n') === own.join('\n') && JSON.stringify(statesOf(files)) === JSON.stringify(stamped);
    return isSame && files.includes(path.join(plan.library, 'tensorflow', plan.target.library)) ? files : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Keeps how the files are that were looked at and tried. It lies in the project, for the cache may be somebody else's; where it cannot be kept, they are looked at
 * again.
 * @param {string} project
 * @param {Plan} plan
 */
function stamp(project, plan) {
  const file = stampFile(project);
  const temporary = `${file}.${process.pid}`;
  try {
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(temporary, `${JSON.stringify(statesOf(loadedFiles(plan)), undefined, 1)}\n`);
    renameSync(temporary, file);
  } catch {
    rmSync(temporary, { force: true });
  }
}

/** @param {readonly string[]} files */
function statesOf(files) {
  return files.map((file) => {
    const { size, mtimeMs } = statSync(file);
    return [file, size, Math.trunc(mtimeMs)];
  });
}

/** @param {string} binding */
function ownFiles(binding) {
  const names = readdirSync(binding).filter((name) => name.endsWith('.node'));
  return names.sort().map((name) => path.join(binding, name));
}

/** @param {string} project */
function stampFile(project) {
  return path.join(path.dirname(bindingLink(project)), 'prepared.json');
}

module.exports = { checksumOf, damagedFiles, loadedFiles, filesAsStamped, stamp };
