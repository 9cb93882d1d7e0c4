// @ts-check
const { closeSync, existsSync, openSync, realpathSync } = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { nvidiaDriver } = require('../hardware');
const { tryLoading } = require('./binding');
const { IS_CHECKOUT, PROJECT, SET_UP, bindingLink, cacheFolder, installedVersion, whyUnsafe } = require('./locations');
const { beginLoading, prepareNativeLibrary } = require('./native-library');
const { preparePackages } = require('./npm-packages');
const { SetUpProblem, reportTo } = require('./set-up-problem');
const { TENSORFLOW_VERSION, chooseBackend } = require('./target');
const { MEDIAPIPE_VERSION, prepareVideoEnvironment } = require('./video-environment');

/**
 * Makes sure that a script has what it needs, and says nothing where all of it is in place: the npm packages, and TensorFlow's native library. Where
 * that cannot be had it warns in one line, and Kumpas runs on tfjs's JavaScript backend.
 * @param {{ development: boolean, native: boolean }} needs development: the tools of tests and checks; native: TensorFlow
 * @throws {SetUpProblem} where the packages cannot be installed
 */
async function prepare({ development, native }) {
  const report = reportTo();
  if (IS_CHECKOUT) await preparePackages({ project: PROJECT, development, report });
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

/**
 * Begins to load TensorFlow beside whatever this process does next, where a command will need it and it is prepared: a quarter of a second that nobody waits for.
 * @param {readonly string[]} argv the command and what was typed after it
 */
function loadAhead([command = '', ...typed]) {
  if (!COMPUTING.has(command) || typed.some((word) => NOT_AHEAD.has(word))) return;
  if (chooseBackend(process.env['KUMPAS_BACKEND'], nvidiaDriver()) !== 'cpu') return;
  // As src/engine/runtime.ts sets them: TensorFlow reads the environment while it is loaded, and nobody may change that meanwhile.
  process.env['TF_CPP_MIN_LOG_LEVEL'] ??= '3';
  for (const name of ['TF_FORCE_GPU_ALLOW_GROWTH', 'TF_CPU_ALLOCATOR_USE_BFC']) process.env[name] ??= 'true';
  try {
    process.once('exit', beginLoading({ project: PROJECT, cache: cacheFolder() }));
  } catch (error) {
    if (!(error instanceof SetUpProblem)) throw error; // Told where the command prepares it.
  }
}

/** The commands that compute, whatever is asked of them. */
const COMPUTING = new Set(['train', 'evaluate', 'predict', 'features']);

/** With these they compute nothing, or TensorFlow is to say more. */
const NOT_AHEAD = new Set(['--help', '-h', '--version', '--verbose']);

/**
 * Prepares everything on purpose: says what it finds and does, tries again what failed before, and prepares anew what does not load.
 * @throws {SetUpProblem} naming what is missing
 */
async function setUp() {
  const report = reportTo();
  report.line(`Node ${process.versions.node}`);
  if (IS_CHECKOUT) await preparePackages({ project: PROJECT, development: true, report });
  report.line(`npm packages: in place (@tensorflow/tfjs-node-gpu ${installedVersion(PROJECT, '@tensorflow/tfjs-node-gpu') ?? 'missing'})`);
  const driver = nvidiaDriver();
  const backend = chooseBackend(process.env['KUMPAS_BACKEND'], driver);
  if (backend === 'js') {
    report.line('KUMPAS_BACKEND=js: no native library is needed.');
    return;
  }
  report.line(driver === undefined ? 'NVIDIA driver: none' : `NVIDIA driver: ${driver}`);
  await prepareNativeLibrary({ project: PROJECT, cache: cacheFolder(), backend, thorough: true, report });
  report.line(`TensorFlow ${TENSORFLOW_VERSION} for the ${backend.toUpperCase()}: in place (${cacheFolder()}). Ready.`);
}

/**
 * Prepares on purpose what reads landmarks out of videos.
 * @throws {SetUpProblem} naming what is missing
 */
async function setUpVideos() {
  const report = reportTo();
  const { python, folder } = await prepareVideoEnvironment({ cache: cacheFolder(), thorough: true, report });
  report.line(`MediaPipe ${MEDIAPIPE_VERSION} for ${python}: in place (${folder}). Ready.`);
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
  const then = remedy.includes(SET_UP) ? '' : `, then run \`${SET_UP}\``;
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

/** Files that a command may have open beyond those that its process starts with. */
const NEEDED = 64;

/**
 * Ends in one line where the system lets a process open too few files: the translator of TypeScript would wait forever for a thread that cannot be started.
 * @throws {SetUpProblem} that says how the limit is raised
 */
function requireOpenFiles() {
  /** @type {number[]} */
  const opened = [];
  try {
    while (opened.length < NEEDED) opened.push(openSync(os.devNull, 'r'));
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EMFILE')) throw error;
    throw new SetUpProblem(
      `Too few files may be open at once (EMFILE): ${opened.length} more, and a command needs ${NEEDED}`,
      'Raise the limit (`ulimit -n 1024`) and run the command again',
    );
  } finally {
    for (const descriptor of opened) closeSync(descriptor);
  }
}

module.exports = { prepare, loadAhead, setUp, setUpVideos, warningWithout, runScript, requireOpenFiles };
