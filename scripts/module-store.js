// @ts-check
// The file in which compiled modules are kept from one start of a command to the next, and when it may be believed.
const { createHash } = require('node:crypto');
const { mkdirSync, readFileSync, readdirSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } = require('node:fs');
const path = require('node:path');
const zlib = require('node:zlib');
const { whyUnsafe } = require('../src/engine/provision/locations');

/**
 * A module as it is kept.
 * @typedef {{ text: string, code: Buffer | undefined, map: string | undefined }} StoredModule
 *   text: JavaScript, as it is compiled; code: what V8 made of it; map: its source map in base64, where it was TypeScript
 */

/**
 * What a start is given and leaves behind.
 * @typedef {{
 *   modules: Map<string, () => StoredModule | undefined>,
 *   resolutions: Map<string, Map<string, string>>
 * }} Modules
 *   modules: by file, read when they are asked for, undefined where damaged; resolutions: by the file that requires, then by what it names
 */

/** How a file or folder was: its size (-1: a folder; undefined: absent), when its content and when anything of it changed, in milliseconds. */
/** @typedef {[size: number, changed: number, touched: number] | null} State */

/** @typedef {[file: string, state: State, text: Span, isWide: boolean, code: Span, map: Span, checksum: number]} StoredEntry */
/** @typedef {[start: number, length: number]} Span */
/** @typedef {{ places: [string, State][], files: string[], entries: StoredEntry[], resolutions: [number, [string, number][]][] }} Index */

const MAGIC = Buffer.from('kumpas modules 1\n');
/** Far more than any command's modules; the file would not be read so quickly. */
const MOST_BYTES = 64 * 2 ** 20;
const MOST_FILES = 24;
/** Milliseconds: what changed so shortly before it was read could change again without a new time. */
const CLOCK_GRAIN = 2000;

/**
 * A command of a project, and where what it is started from is kept.
 * @typedef {{ project: string, cache: string, command: string }} Started
 */

/**
 * Where a command's modules are kept: another file for another checkout, Node, way to start it, or way to translate TypeScript.
 * @param {Started} started
 */
function storeFile({ project, cache, command }) {
  const settings = ['package.json', 'tsconfig.json', 'node_modules/tsx/package.json'].map((name) => stateOf(path.join(project, name)));
  const own = ['module-store.js', 'module-loader.js'].map((name) => stateOf(path.join(__dirname, name)));
  const node = [process.version, process.arch, process.platform, process.execArgv, process.env['NODE_OPTIONS'] ?? ''];
  const name = createHash('sha256')
    .update(JSON.stringify([project, command, ...settings, ...own, ...node]))
    .digest('hex');
  return path.join(cache, 'starts', `${name.slice(0, 32)}.modules`);
}

/** @returns {Modules} */
function noModules() {
  return { modules: new Map(), resolutions: new Map() };
}

/**
 * What is kept, as far as it holds: of a file that has changed nothing, and no resolution where a folder that was searched has. Empty where there is nothing, it is
 * damaged, or others could have written it.
 * @param {Started} started
 * @returns {Modules}
 */
function readStore(started) {
  const file = storeFile(started);
  try {
    const places = [started.cache, path.dirname(file), file];
    if (whyUnsafe(places, { user: process.getuid?.(), project: started.project }) !== undefined) return noModules();
    const { size, mtimeMs } = statSync(file);
    if (size > MOST_BYTES) return noModules();
    if (Date.now() - mtimeMs > DAY) utimesSync(file, new Date(), new Date()); // The least recently used are removed first.
    return parse(readFileSync(file));
  } catch {
    return noModules();
  }
}

const DAY = 24 * 60 * 60 * 1000;

/** @param {Buffer} bytes @returns {Modules} */
function parse(bytes) {
  const head = MAGIC.length + 8;
  if (bytes.length < head || !bytes.subarray(0, MAGIC.length).equals(MAGIC)) return noModules();
  const end = head + bytes.readUInt32LE(MAGIC.length);
  const text = bytes.subarray(head, end);
  if (end > bytes.length || zlib.crc32(text) !== bytes.readUInt32LE(MAGIC.length + 4)) return noModules();
  /** @type {Index} */
  const index = JSON.parse(text.toString('utf8'));
  const found = noModules();
  for (const entry of index.entries)
    if (isSame(entry[1], stateOf(entry[0]))) found.modules.set(entry[0], () => storedModule(bytes.subarray(end), entry));
  if (index.places.every(([place, state]) => isSame(state, stateOf(place))))
    for (const [parent, requests] of index.resolutions)
      found.resolutions.set(index.files[parent] ?? '', new Map(requests.map(([request, to]) => [request, index.files[to] ?? ''])));
  return found;
}

/** @param {Buffer} content @param {StoredEntry} entry @returns {StoredModule | undefined} */
function storedModule(content, [, , [start, length], isWide, code, map, checksum]) {
  const end = map[0] + map[1];
  if (end > content.length || zlib.crc32(content.subarray(start, end)) !== checksum) return undefined;
  const text = content.toString(isWide ? 'utf16le' : 'latin1', start, start + length);
  const mapped = map[1] === 0 ? undefined : content.toString('latin1', map[0], end);
  return { text, code: code[1] === 0 ? undefined : content.subarray(code[0], code[0] + code[1]), map: mapped };
}

/** @param {string} place @returns {State} */
function stateOf(place) {
  const status = statSync(place, { throwIfNoEntry: false });
  return status === undefined ? null : [status.isDirectory() ? -1 : status.size, status.mtimeMs, status.ctimeMs];
}

/** @param {State} kept @param {State} now */
function isSame(kept, now) {
  if (kept === null || now === null) return kept === now;
  return kept[0] === now[0] && kept[1] === now[1] && kept[2] === now[2];
}

/**
 * Keeps modules for the next start, where it can; what changed while this process ran, or just before, is left out.
 * @param {Started} started
 * @param {Modules} given
 * @param {number} since when this process began, in milliseconds
 */
function writeStore(started, { modules, resolutions }, since) {
  const isSettled = (/** @type {State} */ state) => state === null || Math.max(state[1], state[2]) < since - CLOCK_GRAIN;
  const targets = [...new Set([...resolutions].flatMap(([parent, requests]) => [parent, ...requests.values()]))];
  const places = searchedPlaces(started.project, targets).map((place) => /** @type {[string, State]} */ ([place, stateOf(place)]));
  const trusted = places.every(([, state]) => isSettled(state)) ? resolutions : new Map();
  const numbers = new Map(targets.map((target, number) => [target, number]));
  /** @type {Buffer[]} */
  const pieces = [];
  let length = 0;
  const append = (/** @type {Buffer} */ piece) => {
    pieces.push(piece);
    length += piece.length;
    return /** @type {Span} */ ([length - piece.length, piece.length]);
  };
  /** @type {StoredEntry[]} */
  const entries = [];
  for (const [name, read] of modules) {
    const [state, module] = [stateOf(name), read()];
    if (module === undefined || state === null || !isSettled(state)) continue;
    const isWide = /[^\x00-\xff]/.test(module.text); // eslint-disable-line no-control-regex
    const parts = [Buffer.from(module.text, isWide ? 'utf16le' : 'latin1'), module.code ?? Buffer.alloc(0), Buffer.from(module.map ?? '')];
    const [text, code, map] = /** @type {[Span, Span, Span]} */ (parts.map(append));
    entries.push([name, state, text, isWide, code, map, zlib.crc32(Buffer.concat(parts))]);
  }
  /** @type {Index} */
  const index = {
    places: trusted === resolutions ? places : [],
    files: targets,
    entries,
    resolutions: [...trusted].map(([parent, requests]) => [
      numbers.get(parent) ?? 0,
      [...requests].map(([request, to]) => [request, numbers.get(to) ?? 0]),
    ]),
  };
  const text = Buffer.from(JSON.stringify(index));
  const sizes = Buffer.alloc(8);
  sizes.writeUInt32LE(text.length, 0);
  sizes.writeUInt32LE(zlib.crc32(text), 4);
  if (length + text.length < MOST_BYTES) replace(storeFile(started), Buffer.concat([MAGIC, sizes, text, ...pieces]));
}

/**
 * The places whose content decides what a name means that one of these files requires: their folders and those around them, up to the project or node_modules, and
 * what settings of packages and of TypeScript lie there.
 * @param {string} project
 * @param {readonly string[]} files
 */
function searchedPlaces(project, files) {
  /** @type {Set<string>} */
  const folders = new Set();
  for (const file of files)
    for (let folder = path.dirname(file); !folders.has(folder); folder = path.dirname(folder)) {
      folders.add(folder);
      if (folder === project || path.basename(folder) === 'node_modules' || folder === path.dirname(folder)) break;
    }
  const settings = ['package.json', 'tsconfig.json'];
  return [...folders].flatMap((folder) => [folder, ...settings.map((name) => path.join(folder, name))]);
}

/** @param {string} file @param {Buffer} content */
function replace(file, content) {
  const folder = path.dirname(file);
  const temporary = `${file}.${process.pid}`;
  try {
    mkdirSync(folder, { recursive: true, mode: 0o755 });
    writeFileSync(temporary, content, { mode: 0o644 });
    renameSync(temporary, file);
    const kept = readdirSync(folder).map((name) => ({ name, used: statSync(path.join(folder, name)).mtimeMs }));
    kept.sort((one, other) => other.used - one.used);
    for (const { name } of kept.slice(MOST_FILES)) rmSync(path.join(folder, name), { force: true });
  } catch {
    discard(temporary); // A cache that cannot be written: the next start is as this one.
  }
}

/** @param {string} file */
function discard(file) {
  try {
    rmSync(file, { force: true });
  } catch {
    // It is not even a place where a file could be.
  }
}

module.exports = { readStore, writeStore };
