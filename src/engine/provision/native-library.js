// @ts-check
const { existsSync, mkdirSync, readlinkSync, renameSync, rmSync, symlinkSync } = require('node:fs');
const path = require('node:path');
const { BINDING, OWN_PROCESS, bindingKey, compileBinding, findCompiler, tryBinding, tryLoading } = require('./binding');
const {
  asProblem,
  forgetFailure,
  rememberFailure,
  rememberedFailure,
  replaceFolder,
  requireSafe,
  unwritableForOthers,
  withLock,
} = require('./cache');
const { damagedFiles, filesAsStamped, loadedFiles, stamp } = require('./library-files');
const { IS_CHECKOUT, SET_UP, bindingLink, installedVersion } = require('./locations');
const { SetUpProblem } = require('./set-up-problem');
const { chooseTarget, glibcVersion, requireGlibc } = require('./target');
const { fetchWheels } = require('./wheels');
/** @typedef {import('./set-up-problem').Report} Report */
/** @typedef {import('./target').Target} Target */

/**
 * What a project's native library is to be.
 * @typedef {{ target: Target, library: string, binding: string }} Plan library, binding: their folders in the cache
 */

/**
 * Makes sure that TensorFlow's native library is prepared, loads, and is linked to the project's packages. It is prepared once for each version, in the cache.
 * What was changed since it was tried is looked at and tried again; what is damaged is made or fetched anew.
 * @param {{ project: string, cache: string, backend: 'cpu' | 'gpu', thorough: boolean, report: Report }} options
 *   thorough: look at every byte and try to load it, and try again what failed within the hour
 * @throws {SetUpProblem} where it cannot be: then Kumpas runs on tfjs's JavaScript backend
 */
async function prepareNativeLibrary({ project, cache, backend, thorough, report }) {
  const plan = planFor(project, cache, backend);
  const unchanged = thorough || !isLinked(project, plan) ? undefined : filesAsStamped(project, plan);
  refuseUnsafe(project, cache, plan, unchanged);
  if (unchanged !== undefined) return;
  const key = path.basename(plan.binding);
  try {
    const found = await examine(plan);
    if (!isSound(found)) {
      const earlier = thorough ? undefined : rememberedFailure(cache, key, Date.now());
      if (earlier !== undefined) throw earlier;
      for (const what of faultsOf(found)) report.line(`${what}. Preparing it anew.`);
      await provide(project, cache, plan, report);
    }
    takeUp(project, plan);
    forgetFailure(cache, key);
  } catch (error) {
    const problem = asProblem(error, "TensorFlow's native library");
    if (problem.costly) rememberFailure(cache, key, problem, Date.now());
    const left = await examine(plan);
    if (left.library.length > 0) throw new SetUpProblem(problem.reason, problem.remedy, { unsafe: true });
    const kernelsAlone = left.prepared && left.binding === undefined && left.kernels !== undefined;
    if (thorough || !kernelsAlone) throw problem;
    withoutOwnKernels(problem, report);
    link(path.join(plan.binding, BINDING), bindingLink(project));
  }
}

/**
 * Begins to load TensorFlow's library on a thread of its own, where it is prepared and as it was: whoever needs it later finds it loaded, or waits for the rest. Only
 * for processors, on Linux: the library for GPUs writes messages while it is loaded.
 * @param {{ project: string, cache: string }} options
 * @returns {() => void} waits until it is loaded; to be called before the environment is changed, and before the process ends
 */
function beginLoading({ project, cache }) {
  const plan = planFor(project, cache, 'cpu');
  if (process.platform !== 'linux' || !isLinked(project, plan)) return () => undefined;
  const files = filesAsStamped(project, plan);
  if (files === undefined) return () => undefined;
  refuseUnsafe(project, cache, plan, files);
  const thread = require(path.join(plan.binding, OWN_PROCESS));
  thread.begin(path.join(plan.library, 'tensorflow', plan.target.library));
  return thread.finish;
}

/**
 * What a plan's folders hold: what of it is damaged, in words.
 * @typedef {{ prepared: boolean, library: string[], binding: string | undefined, kernels: string | undefined }} Examination
 */

/**
 * Holds every file that is loaded against the checksums it came with, then loads it in a process of its own.
 * @param {Plan} plan
 * @returns {Promise<Examination>}
 */
async function examine(plan) {
  if (!isPrepared(plan)) return { prepared: false, library: [], binding: undefined, kernels: undefined };
  const library = await damagedFiles(plan.library);
  if (library.length > 0) return { prepared: true, library, binding: undefined, kernels: undefined };
  return { prepared: true, library, ...(await tryLoading(plan.binding)) };
}

/** @param {Examination} found */
function isSound(found) {
  return found.prepared && faultsOf(found).length === 0;
}

/** @param {Examination} found @returns {string[]} */
function faultsOf({ library, binding, kernels }) {
  return [...library, ...[binding, kernels].flatMap((fault) => fault ?? [])];
}

/** @param {string} project @param {string} cache @param {Plan} plan @param {readonly string[]} loaded */
function refuseUnsafe(project, cache, plan, loaded = isPrepared(plan) ? loadedFiles(plan) : []) {
  const { library, binding } = plan;
  requireSafe([cache, library, path.join(library, 'tensorflow'), binding, ...loaded], project);
}

/**
 * Lets the command at hand, and what it starts, run on TensorFlow's own operations.
 * @param {SetUpProblem} problem
 * @param {Report} report
 */
function withoutOwnKernels({ reason, remedy }, report) {
  process.env['KUMPAS_KERNELS'] = 'tensorflow';
  const then = remedy.includes(SET_UP) ? '' : `, then run \`${SET_UP}\``;
  report.line(`Warning: ${reason}. ${remedy}${then}. Until then TensorFlow's own operations do the work of Kumpas's kernels, more slowly.`);
}

/**
 * Where everything of a project's native library lies or will lie.
 * @param {string} project
 * @param {string} cache
 * @param {'cpu' | 'gpu'} backend
 * @returns {Plan}
 */
function planFor(project, cache, backend) {
  const target = chooseTarget({ platform: process.platform, arch: process.arch, backend });
  const version = installedVersion(project, '@tensorflow/tfjs-node-gpu');
  if (version === undefined)
    throw new SetUpProblem('The package @tensorflow/tfjs-node-gpu is not installed', `Run \`${IS_CHECKOUT ? 'npm ci' : 'npm install'}\``);
  return { target, library: path.join(cache, target.key), binding: path.join(cache, bindingKey(target, version)) };
}

/**
 * Whether a project's package is linked to the binding of a plan, and that is there.
 * @param {string} project
 * @param {Plan} plan
 * @returns {boolean}
 */
function isLinked(project, plan) {
  try {
    return readlinkSync(bindingLink(project)) === path.join(plan.binding, BINDING) && isPrepared(plan);
  } catch {
    return false;
  }
}

/** @param {Plan} plan */
function isPrepared({ target, library, binding }) {
  return existsSync(path.join(binding, BINDING)) && existsSync(path.join(library, 'tensorflow', target.library));
}

/**
 * Makes what is missing or damaged, once: the library is fetched where it is at fault, the binding compiled where it or the kernels are.
 * @param {string} project @param {string} cache @param {Plan} plan @param {Report} report
 */
async function provide(project, cache, plan, report) {
  const { target, library, binding } = plan;
  if (process.platform === 'linux') requireGlibc(glibcVersion());
  findCompiler(process.env);
  const wait = (/** @type {string} */ holder, /** @type {Date} */ since) =>
    report.line(
      `Waiting for ${holder}, which has been preparing TensorFlow in ${cache} since ${since.toLocaleTimeString()}; KUMPAS_CACHE=FOLDER prepares it elsewhere …`,
    );
  await withLock(path.join(cache, 'locks', target.key), wait, () =>
    unwritableForOthers(async () => {
      const found = await examine(plan);
      if (isSound(found)) return;
      if (found.library.length > 0 || !existsSync(path.join(library, 'tensorflow', target.library)))
        await replaceFolder(library, (folder) => fetchWheels(target, folder, report));
      const tried = existsSync(path.join(binding, BINDING)) ? await tryLoading(binding) : undefined;
      if (tried === undefined || tried.binding !== undefined || tried.kernels !== undefined) {
        report.line('Compiling the binding …');
        await replaceFolder(binding, async (folder) => {
          await compileBinding(target, library, folder, project, report);
          await tryBinding(folder);
        });
      }
      report.line(`TensorFlow is ready, kept in ${cache}.`);
    }),
  );
  refuseUnsafe(project, cache, plan);
}

/**
 * Links the project to what was examined and is sound, and keeps how it was.
 * @param {string} project @param {Plan} plan
 */
function takeUp(project, plan) {
  if (!isLinked(project, plan)) link(path.join(plan.binding, BINDING), bindingLink(project));
  stamp(project, plan);
}

/**
 * Makes or replaces a symbolic link in one step.
 * @param {string} to
 * @param {string} from
 */
function link(to, from) {
  mkdirSync(path.dirname(from), { recursive: true });
  const temporary = `${from}.${process.pid}`;
  rmSync(temporary, { force: true });
  symlinkSync(to, temporary);
  renameSync(temporary, from);
}

module.exports = { prepareNativeLibrary, beginLoading, planFor, isLinked, examine, faultsOf };
