// @ts-check
const { existsSync, mkdirSync, readlinkSync, renameSync, rmSync, symlinkSync } = require('node:fs');
const path = require('node:path');
const { BINDING, bindingKey, compileBinding, findCompiler, tryBinding } = require('./binding');
const { forgetFailure, rememberedFailure, rememberFailure } = require('./failure-memory');
const { bindingLink, installedVersion } = require('./locations');
const { withLock } = require('./lock');
const { SetUpProblem } = require('./set-up-problem');
const { chooseTarget, glibcVersion, requireGlibc } = require('./target');
const { makeFolderAtomically } = require('./temporary-folder');
const { fetchWheels } = require('./wheels');
/** @typedef {import('./target').Target} Target */
/** @typedef {import('./report').Report} Report */

/**
 * What a project's native library is to be.
 * @typedef {{ target: Target, library: string, binding: string }} Plan library, binding: their folders in the cache
 */

/**
 * Makes sure that TensorFlow's native library is prepared and linked to the project's packages. It is prepared once for each version, in the cache.
 * @param {{ project: string, cache: string, backend: 'cpu' | 'gpu', thorough: boolean, report: Report }} options
 *   thorough: try even where it failed within the hour, and prepare anew what is there but does not load
 * @throws {SetUpProblem} where it cannot be: then Kumpas runs on tfjs's JavaScript backend
 */
async function prepareNativeLibrary({ project, cache, backend, thorough, report }) {
  const plan = planFor(project, cache, backend);
  if (!thorough && isLinked(project, plan)) return;
  const key = path.basename(plan.binding);
  const earlier = thorough || isPrepared(plan) ? undefined : rememberedFailure(cache, key, Date.now());
  if (earlier !== undefined) throw earlier;
  try {
    if (thorough) await removeUnloadable(plan, report);
    await provide(project, cache, plan, report);
    forgetFailure(cache, key);
  } catch (error) {
    const problem = asProblem(error);
    if (problem.costly) rememberFailure(cache, key, problem, Date.now());
    throw problem;
  }
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
  if (version === undefined) throw new SetUpProblem('The package @tensorflow/tfjs-node-gpu is not installed', 'Run `npm ci`');
  return { target, library: path.join(cache, target.key), binding: path.join(cache, bindingKey(target, version, project)) };
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

/** @param {string} project @param {string} cache @param {Plan} plan @param {Report} report */
async function provide(project, cache, plan, report) {
  const { target, library, binding } = plan;
  if (!isPrepared(plan)) {
    if (process.platform === 'linux') requireGlibc(glibcVersion());
    findCompiler(process.env);
    const wait = (/** @type {string} */ holder) => report.line(`Waiting for ${holder}, which is preparing TensorFlow …`);
    await withLock(path.join(cache, 'locks', target.key), wait, async () => {
      if (isPrepared(plan)) return;
      rmSync(binding, { recursive: true, force: true });
      if (!existsSync(library)) await makeFolderAtomically(library, (folder) => fetchWheels(target, folder, report));
      report.line('Compiling the binding …');
      await makeFolderAtomically(binding, async (folder) => {
        await compileBinding(target, library, folder, project, report);
        await tryBinding(folder);
      });
      report.line(`TensorFlow is ready, kept in ${cache}.`);
    });
  }
  link(path.join(binding, BINDING), bindingLink(project));
}

/** @param {Plan} plan @param {Report} report */
async function removeUnloadable(plan, report) {
  if (!isPrepared(plan)) return;
  try {
    await tryBinding(plan.binding);
  } catch (error) {
    if (!(error instanceof SetUpProblem)) throw error;
    report.line(`${error.reason}. Preparing it anew.`);
    for (const folder of [plan.binding, plan.library]) rmSync(folder, { recursive: true, force: true });
  }
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

/**
 * A failure of the file system (a folder that cannot be written, a full disk) as a problem that the user can mend; anything else is a bug.
 * @param {unknown} error
 * @returns {SetUpProblem}
 */
function asProblem(error) {
  if (error instanceof SetUpProblem) return error;
  const { syscall, message } = /** @type {NodeJS.ErrnoException} */ (error);
  if (syscall === undefined) throw error;
  const reason = `TensorFlow's native library cannot be put in place (${message})`;
  return new SetUpProblem(reason, 'Make that folder writable, or set KUMPAS_CACHE to one that is');
}

module.exports = { prepareNativeLibrary, planFor, isLinked };
