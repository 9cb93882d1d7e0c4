// @ts-check
const { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } = require('node:fs');
const path = require('node:path');
const { bindingLink } = require('./locations');
const { recordedFiles } = require('./library-record');
/** @typedef {import('./native-library').Plan} Plan */

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

module.exports = { loadedFiles, filesAsStamped, stamp };
