// @ts-check
const { existsSync, realpathSync } = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { nvidiaDriver } = require('../../src/engine/hardware');
const { tryLoading } = require('./loading-trial');
const { PROJECT, bindingLink, cacheFolder } = require('./locations');
const { prepareNativeLibrary } = require('./native-library');
const { preparePackages } = require('./npm-packages');
const { reportTo } = require('./report');
const { whyUnsafe } = require('./safe-folder');
const { SetUpProblem } = require('./set-up-problem');
const { chooseBackend } = require('./target');

/**
 * Makes sure that a script has what it needs, and says nothing where all of it is in place: the npm packages, and TensorFlow's native library. Where
 * that cannot be had it warns in one line, and Kumpas runs on tfjs's JavaScript backend.
 * @param {{ development: boolean, native: boolean }} needs development: the tools of tests and checks; native: TensorFlow
 * @throws {SetUpProblem} where the packages cannot be installed
 */
async function prepare({ development, native }) {
  const report = reportTo();
  await preparePackages({ project: PROJECT, development, report });
  if (!native) return;
  const backend = chooseBackend(process.env['KUMPAS_BACKEND'], nvidiaDriver());
  if (backend === 'js') return;
  try {
    await prepareNativeLibrary({ project: PROJECT, cache: cacheFolder(), backend, thorough: false, report });
  } catch (error) {
    if (!(error instanceof SetUpProblem)) throw error;
    const usable = !error.unsafe && (await earlierLoads());
    // The command runs in this process: what is linked but does not load, or is not safe, must not be tried by it.
    if (!usable) process.env['KUMPAS_BACKEND'] = 'js';
    report.line(warningWithout(error, usable));
  }
}

/** Whether the project is linked to a library that was prepared before (another version, another cache), may be loaded and can be. */
async function earlierLoads() {
  const file = bindingLink(PROJECT);
  if (!existsSync(file)) return false;
  const binding = path.dirname(realpathSync(file));
  if (whyUnsafe([path.dirname(binding), binding, realpathSync(file)], { user: process.getuid?.(), project: PROJECT }) !== undefined)
    return false;
  return (await tryLoading(binding)).binding === undefined;
}

/**
 * The one line that says why the native library could not be prepared, how to get it, and what is used instead.
 * @param {SetUpProblem} problem
 * @param {boolean} earlierIsThere whether the package is linked to a library that was prepared before (another version, another cache)
 * @returns {string}
 */
function warningWithout({ reason, remedy }, earlierIsThere) {
  const then = remedy.includes('npm run setup') ? '' : ', then run `npm run setup`';
  const instead = earlierIsThere
    ? 'with the library that was prepared earlier'
    : "on TensorFlow.js's JavaScript backend, which is many times slower";
  return `Warning: ${reason}. ${remedy}${then}. Until then Kumpas runs ${instead}.`;
}

/** What the system refuses for reasons that the user can mend. */
const SYSTEM_PROBLEMS = new Set(['ENOSPC', 'EDQUOT', 'EFBIG', 'EROFS', 'EACCES', 'EPERM', 'EIO', 'EMFILE', 'ENFILE']);

/**
 * Runs a script's body; a problem that the user can mend is one line and exit code 1. What nobody reads (`| head`) is left out; what a full disk loses is told.
 * @param {() => Promise<void>} body
 */
function runScript(body) {
  process.stderr.on('error', () => undefined);
  process.stdout.on('error', (/** @type {NodeJS.ErrnoException} */ error) => {
    if (error.code === 'EPIPE') return;
    process.stderr.write(`standard output: ${error.message}${os.EOL}`);
    process.exitCode = 1;
  });
  body().catch((/** @type {unknown} */ error) => {
    if (!(error instanceof SetUpProblem || isSystemProblem(error))) throw error;
    process.stderr.write(`Error: ${error.message}${os.EOL}`);
    process.exitCode = 1;
  });
}

/**
 * @param {unknown} error
 * @returns {error is NodeJS.ErrnoException}
 */
function isSystemProblem(error) {
  return error instanceof Error && 'syscall' in error && 'code' in error && SYSTEM_PROBLEMS.has(String(error.code));
}

module.exports = { prepare, warningWithout, runScript };
