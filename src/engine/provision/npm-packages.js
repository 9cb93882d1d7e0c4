// @ts-check
const { createHash } = require('node:crypto');
const { existsSync, readFileSync, renameSync, writeFileSync } = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { withLock } = require('./cache');
const { runCommand } = require('./command');
const { SetUpProblem } = require('./set-up-problem');

/**
 * An entry of `packages` in a package-lock.json.
 * @typedef {{ version?: string, integrity?: string, dev?: boolean, optional?: boolean, devOptional?: boolean, link?: boolean }} LockedPackage
 * @typedef {Record<string, LockedPackage>} LockedPackages
 */

/**
 * Makes sure that node_modules is what package-lock.json says; runs `npm ci` where it is not.
 * @param {{ project: string, development: boolean, report: import('./set-up-problem').Report }} options development: whether the tools of tests and checks are needed
 * @throws {SetUpProblem} where `npm ci` fails
 */
async function preparePackages({ project, development, report }) {
  if (packagesAreCurrent(project, development)) return;
  const lock = path.join(os.tmpdir(), `kumpas-packages-${sha256(project).slice(0, 16)}.lock`);
  const wait = (/** @type {string} */ holder) => report.line(`Waiting for ${holder}, which is installing the npm packages …`);
  await withLock(lock, wait, async () => {
    if (packagesAreCurrent(project, development)) return;
    report.line('Installing the npm packages of package-lock.json (npm ci) …');
    const [program, ...first] = npmProgram(process.env);
    const { code, output } = await runCommand(program, [...first, 'ci', '--include=dev', '--no-audit', '--no-fund'], { cwd: project });
    if (code !== 0) throw new SetUpProblem(`npm ci failed: ${lastError(output)}`, 'Run `npm ci` to see all that it says');
    writeStamp(project);
  });
}

/**
 * Whether node_modules holds what package-lock.json says. Where a stamp of an earlier look fits the lock file this reads nothing else; else npm's own
 * record of what it installed is compared, so that packages the user installed are not installed again.
 * @param {string} project
 * @param {boolean} development
 * @returns {boolean}
 */
function packagesAreCurrent(project, development) {
  const missing = missingPackages(project, development);
  return missing.length === 0;
}

/**
 * The packages that are missing or of another version than package-lock.json says.
 * @param {string} project
 * @param {boolean} development
 * @returns {string[]} their paths, as `node_modules/yargs`
 */
function missingPackages(project, development) {
  const lockText = readFileSync(path.join(project, 'package-lock.json'), 'utf8');
  if (readText(stampFile(project)) === sha256(lockText)) return missingDirect(project, development);
  /** @type {LockedPackages} */
  const locked = JSON.parse(lockText).packages;
  const installed = installedPackages(project);
  const missing = differingPackages(locked, installed, development);
  if (missing.length === 0 && differingPackages(locked, installed, true).length === 0) writeStamp(project);
  return missing;
}

/**
 * The packages of a lock file that an installation lacks or has in another version. Optional ones may be absent (they are for other platforms), and so
 * may those for development where they are not needed.
 * @param {LockedPackages} locked
 * @param {LockedPackages} installed
 * @param {boolean} development
 * @returns {string[]}
 */
function differingPackages(locked, installed, development) {
  return Object.entries(locked)
    .filter(([name, entry]) => {
      const there = installed[name];
      if (name === '' || entry.link === true) return false;
      if (there !== undefined) return there.version !== entry.version || there.integrity !== entry.integrity;
      const mayBeAbsent = entry.optional === true || entry.devOptional === true || (entry.dev === true && !development);
      return !mayBeAbsent;
    })
    .map(([name]) => name);
}

/** @param {string} project @param {boolean} development @returns {string[]} */
function missingDirect(project, development) {
  const { dependencies = {}, devDependencies = {} } = JSON.parse(readFileSync(path.join(project, 'package.json'), 'utf8'));
  return Object.keys(development ? { ...dependencies, ...devDependencies } : dependencies)
    .map((name) => `node_modules/${name}`)
    .filter((folder) => !existsSync(path.join(project, folder, 'package.json')));
}

/** @param {string} project @returns {LockedPackages} */
function installedPackages(project) {
  try {
    return JSON.parse(readText(path.join(project, 'node_modules/.package-lock.json'))).packages;
  } catch {
    return {};
  }
}

/**
 * How npm is started: the npm that runs this script, else the one on PATH.
 * @param {NodeJS.ProcessEnv} environment
 * @returns {[string, ...string[]]}
 */
function npmProgram(environment) {
  const running = environment['npm_execpath'];
  return running !== undefined && /npm-cli\.c?js$/.test(running) ? [process.execPath, running] : ['npm'];
}

/** @param {string} project */
function writeStamp(project) {
  const file = stampFile(project);
  const temporary = `${file}.${process.pid}`;
  try {
    writeFileSync(temporary, sha256(readFileSync(path.join(project, 'package-lock.json'), 'utf8')));
    renameSync(temporary, file);
  } catch {
    // A read-only node_modules: the next run compares again.
  }
}

/** @param {string} project */
function stampFile(project) {
  return path.join(project, 'node_modules/.kumpas-packages');
}

/** @param {string} file */
function readText(file) {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}

/** @param {string} text */
function sha256(text) {
  return createHash('sha256').update(text).digest('hex');
}

/** @param {string} output */
function lastError(output) {
  const errors = output.split('\n').filter((line) => /^npm (error|ERR!) (?!A complete log|code )\S/.test(line));
  return (errors[0] ?? output.trim().split('\n').at(-1) ?? '').replace(/^npm (error|ERR!) /, '').replace(/\.$/, '') || 'it gave no reason';
}

module.exports = { preparePackages, packagesAreCurrent, missingPackages, differingPackages, npmProgram };
