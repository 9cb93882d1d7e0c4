// @ts-check
const { createHash } = require('node:crypto');
const { existsSync, readdirSync, readFileSync, rmSync } = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { runCommand } = require('./command');
const { SetUpProblem } = require('./set-up-problem');
/** @typedef {import('./report').Report} Report */

/** The library of Kumpas's own operations, in the folder of the binding. */
const KERNELS = 'kernels.node';

/** Loops over tensors are what these are for: vectors as wide as the machine's, and none of what floats need for reading `errno` or traps. */
const FAST_LOOPS = ['-O3', '-fno-math-errno', '-fno-trapping-math'];

/**
 * What the compiled operations depend on: their sources, this recipe, and the processor that they are compiled for, so that a cache that several machines share
 * holds one for each kind.
 * @param {string} project
 * @returns {string} a hash
 */
function kernelsRecipe(project) {
  const hash = createHash('sha256')
    .update(readFileSync(path.join(__dirname, 'own-kernels.js')))
    .update(processorFingerprint());
  const folder = kernelsFolder(project);
  for (const name of readdirSync(folder).sort()) hash.update(name).update(readFileSync(path.join(folder, name)));
  return hash.digest('hex');
}

/**
 * Compiles Kumpas's own operations beside a binding and tries them. They only make it faster: where a compiler cannot compile them, or TensorFlow does not take
 * them, a line says so and TensorFlow's own do the work.
 * @param {{ folder: string, project: string, framework: string, common: string[], compile: (what: string[]) => Promise<void>, report: Report }} options
 *   folder: of the binding; framework: the library that they register themselves with; common: the compiler's arguments for whatever Node loads
 */
async function provideKernels({ folder, project, framework, common, compile, report }) {
  const file = path.join(folder, KERNELS);
  const sources = readdirSync(kernelsFolder(project))
    .filter((name) => name.endsWith('.cc'))
    .map((name) => path.join(kernelsFolder(project), name));
  /** @type {string | undefined} */
  let reason;
  for (const machine of [machineArguments(process.arch), []]) {
    try {
      await compile([...common, ...FAST_LOOPS, ...machine, ...sources, framework, '-o', file]);
      reason = await whyUnusable(folder);
    } catch (error) {
      if (!(error instanceof SetUpProblem)) throw error;
      ({ reason } = error);
    }
    if (reason === undefined) return;
    rmSync(file, { force: true });
  }
  report.line(`Kumpas's own kernels are left out: ${reason ?? 'unknown'}. TensorFlow's do the same, more slowly.`);
}

/**
 * Loads the compiled operations as Kumpas does, in a process of its own.
 * @param {string} folder of the binding
 * @returns {Promise<string | undefined>} why they cannot be used; undefined where they can
 */
async function whyUnusable(folder) {
  const program = 'require(process.argv[1]); console.log("registered " + require(process.argv[2]).registered)';
  const files = ['tfjs_binding.node', KERNELS].map((name) => path.join(folder, name));
  const environment = { ...process.env, TF_CPP_MIN_LOG_LEVEL: '3' };
  const { code, signal, output } = await runCommand(process.execPath, ['-e', program, ...files], { environment });
  if (code === 0 && output.includes('registered true')) return undefined;
  return signal ?? /Error: .*/.exec(output)?.[0] ?? 'TensorFlow does not take them';
}

/**
 * What makes a compiler use all that this machine's processor can do.
 * @param {string} architecture as Node names it
 */
function machineArguments(architecture) {
  return architecture === 'x64' ? ['-march=native'] : ['-mcpu=native'];
}

/** @param {string} project */
function kernelsFolder(project) {
  return path.join(project, 'src/engine/native/kernels');
}

/** What code for this machine's processor may depend on. */
function processorFingerprint() {
  const flags = existsSync('/proc/cpuinfo') ? /^(?:flags|Features)\s*:.*$/m.exec(readFileSync('/proc/cpuinfo', 'utf8'))?.[0] : undefined;
  return `${process.arch} ${os.cpus()[0]?.model ?? ''} ${flags ?? ''}`;
}

/**
 * Whether the operations lie beside a binding.
 * @param {string} folder of the binding
 */
function hasKernels(folder) {
  return existsSync(path.join(folder, KERNELS));
}

module.exports = { kernelsRecipe, provideKernels, hasKernels };
