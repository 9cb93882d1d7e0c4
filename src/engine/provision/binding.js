// @ts-check
const { createHash } = require('node:crypto');
const { existsSync, readFileSync, readdirSync, rmSync, writeFileSync } = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { findProgram, runCommand } = require('./command');
const { PROJECT, SET_UP, tfjsPackageFolder } = require('./locations');
const { SetUpProblem, installAdvice } = require('./set-up-problem');
const { TENSORFLOW_VERSION } = require('./target');
/** @typedef {import('./set-up-problem').Report} Report */
/** @typedef {import('./target').Target} Target */

/** What is compiled, in the cache's folder of a binding: the package's binding, our sessions, what we ask of the system for our process, our operations for the processor. */
const BINDING = 'tfjs_binding.node';
const SESSION = 'session.node';
const OWN_PROCESS = 'process.node';
const KERNELS = 'kernels.node';

/** Lies there in place of the operations where they were left out, and holds why: where neither lies there, they were deleted. */
const KERNELS_LEFT_OUT = 'kernels-left-out.txt';

/** The package's own sources, seen from its folder. */
const BINDING_SOURCES = ['binding/tfjs_backend.cc', 'binding/tfjs_binding.cc'];
// In an installed package this file was built beside the source that it was made of; what is compiled lies with the source alone.
const NATIVE_SOURCES = path.join(PROJECT, 'src/engine/native');
const PROCESS_SOURCES = path.join(NATIVE_SOURCES, 'process');
const SESSION_SOURCES = path.join(NATIVE_SOURCES, 'session');
const KERNEL_SOURCES = path.join(NATIVE_SOURCES, 'kernels');

/** Loops over tensors are what our operations are for: vectors as wide as the machine's, and none of what floats need for reading `errno` or traps. */
const FAST_LOOPS = ['-O3', '-fno-math-errno', '-fno-trapping-math'];

/**
 * The name in the cache of the binding compiled for a library: another one for another version of the package, of our own sources, or of how they are compiled.
 * @param {Target} target
 * @param {string} packageVersion of @tensorflow/tfjs-node-gpu
 * @returns {string}
 */
function bindingKey(target, packageVersion) {
  const recipe = createHash('sha256')
    .update(JSON.stringify([BINDING_SOURCES, compilerArguments(process.platform, '', '', '')]))
    .update(hashOf(NATIVE_SOURCES))
    .update(hashOf(PROCESS_SOURCES))
    .update(hashOf(SESSION_SOURCES))
    .update(target.cuda ? '' : kernelsRecipe())
    .digest('hex');
  return `binding-${packageVersion}-${recipe.slice(0, 8)}-${target.key}`;
}

/**
 * What the compiled operations depend on: their sources, how they are compiled, and the processor that they are compiled for, so that a cache that several
 * machines share holds one for each kind.
 */
function kernelsRecipe() {
  return JSON.stringify([FAST_LOOPS, machineArguments(process.arch), processorFingerprint(), hashOf(KERNEL_SOURCES)]);
}

/** A hash of all files in a folder, without those of folders within. @param {string} folder */
function hashOf(folder) {
  const hash = createHash('sha256');
  const files = readdirSync(folder, { withFileTypes: true }).flatMap((entry) => (entry.isFile() ? [entry.name] : []));
  for (const name of files.sort()) hash.update(name).update(readFileSync(path.join(folder, name)));
  return hash.digest('hex');
}

/** The C++ files in a folder. @param {string} folder */
function sourcesIn(folder) {
  return readdirSync(folder)
    .filter((name) => name.endsWith('.cc'))
    .map((name) => path.join(folder, name));
}

/**
 * Compiles the binding that @tensorflow/tfjs-node-gpu ships in source, and Kumpas's own sessions, process's library and operations for the processor,
 * against a prepared library.
 * @param {Target} target
 * @param {string} library the library's folder in the cache
 * @param {string} folder where both go: a folder beside `library`
 * @param {string} project
 * @param {Report} report
 * @throws {SetUpProblem} where there is no compiler, or it fails
 */
async function compileBinding(target, library, folder, project, report) {
  const [compiler, ...own] = findCompiler(process.env);
  const package_ = tfjsPackageFolder(project);
  const libraries = [target.library, target.framework].map((name) => path.join(library, 'tensorflow', name));
  const compile = async (/** @type {string[]} */ what) => {
    const { code, output } = await runCommand(compiler, [...own, ...what], { cwd: package_ });
    if (code === 0) return;
    const error = output.split('\n').find((line) => /\berror\b/i.test(line)) ?? output.trim().split('\n').at(-1) ?? '';
    throw new SetUpProblem(`${compiler} could not compile the binding: ${error.trim()}`, 'A C++17 compiler is needed', { costly: true });
  };
  const nodeHeaders = path.join(path.dirname(require.resolve('node-api-headers')), 'include');
  const common = compilerArguments(process.platform, path.basename(library), path.join(library, 'tensorflow/include'), nodeHeaders);
  await compile([...common, '-I.', ...BINDING_SOURCES, ...libraries, '-o', path.join(folder, BINDING)]);
  await compile([...common, ...sourcesIn(SESSION_SOURCES), ...libraries, '-o', path.join(folder, SESSION)]);
  await compile([...common, ...sourcesIn(PROCESS_SOURCES), '-o', path.join(folder, OWN_PROCESS)]);
  const [, framework = ''] = libraries;
  if (target.cuda) writeFileSync(path.join(folder, KERNELS_LEFT_OUT), 'They are for the processor.\n');
  else await provideKernels({ folder, framework, common, compile, report });
}

/**
 * Loads a compiled binding in a process of its own, where even a crash harms nobody.
 * @param {string} folder
 * @throws {SetUpProblem} where it cannot be loaded or is of another version
 */
async function tryBinding(folder) {
  const program =
    'const [, quiet, binding, session] = process.argv; require(quiet); const version = require(binding).TF_Version; require(session); console.log("TensorFlow " + version)';
  const files = [OWN_PROCESS, BINDING, SESSION].map((name) => path.join(folder, name));
  const environment = { ...process.env, TF_CPP_MIN_LOG_LEVEL: '3' };
  const { code, signal, output } = await runCommand(process.execPath, ['-e', program, ...files], { environment });
  if (code === 0 && output.includes(`TensorFlow ${TENSORFLOW_VERSION}`)) return;
  const why =
    signal === 'SIGILL'
      ? 'this processor lacks instructions that it needs (AVX)'
      : (signal ?? /Error: .*/.exec(output)?.[0] ?? output.trim());
  throw new SetUpProblem(`TensorFlow's library was prepared but does not load: ${why}`, `Run \`${SET_UP}\` to prepare it again`, {
    costly: true,
  });
}

/**
 * @param {NodeJS.Platform} platform
 * @param {string} libraryName the library's folder, beside the binding's own
 * @param {string} headers of TensorFlow
 * @param {string} nodeHeaders
 * @returns {string[]}
 */
function compilerArguments(platform, libraryName, headers, nodeHeaders) {
  const found = platform === 'darwin' ? ['-undefined', 'dynamic_lookup', '-Wl,-rpath,@loader_path/'] : ['-Wl,-rpath,$ORIGIN/'];
  const runPath = `${found.pop() ?? ''}../${libraryName}/tensorflow`;
  return ['-shared', '-fPIC', '-O2', '-std=c++17', '-DNAPI_VERSION=8', `-I${headers}`, `-I${nodeHeaders}`, ...found, runPath];
}

/**
 * The C++ compiler: CXX, else the first of the usual names on PATH.
 * @param {NodeJS.ProcessEnv} environment
 * @returns {[string, ...string[]]}
 */
function findCompiler(environment) {
  const [own, ...ownArguments] = (environment['CXX'] ?? '').split(/\s+/).filter((word) => word !== '');
  const found = [...(own === undefined ? [] : [own]), 'c++', 'g++', 'clang++'].flatMap((name) => {
    const program = findProgram(name, environment['PATH']);
    return program === undefined ? [] : [{ name, program }];
  })[0];
  if (found === undefined) throw new SetUpProblem('A C++ compiler was not found on PATH', `Install one: ${installAdvice('compiler')}`);
  return found.name === own ? [found.program, ...ownArguments] : [found.program];
}

/**
 * Compiles Kumpas's own operations beside a binding and tries them. They only make it faster: where a compiler cannot compile them, or TensorFlow does not take
 * them, a line says so and TensorFlow's own do the work.
 * @param {{ folder: string, framework: string, common: string[], compile: (what: string[]) => Promise<void>, report: Report }} options
 *   folder: of the binding; framework: the library that they register themselves with; common: the compiler's arguments for whatever Node loads
 */
async function provideKernels({ folder, framework, common, compile, report }) {
  const file = path.join(folder, KERNELS);
  /** @type {string | undefined} */
  let reason;
  for (const machine of [machineArguments(process.arch), []]) {
    try {
      await compile([...common, ...FAST_LOOPS, ...machine, ...sourcesIn(KERNEL_SOURCES), framework, '-o', file]);
      reason = await whyUnusable(folder);
    } catch (error) {
      if (!(error instanceof SetUpProblem)) throw error;
      ({ reason } = error);
    }
    if (reason === undefined) return;
    rmSync(file, { force: true });
  }
  writeFileSync(path.join(folder, KERNELS_LEFT_OUT), `${reason ?? 'unknown'}\n`);
  report.line(`Kumpas's own kernels are left out: ${reason ?? 'unknown'}. TensorFlow's do the same, more slowly.`);
}

/**
 * Loads the compiled operations as Kumpas does, in a process of its own.
 * @param {string} folder of the binding
 * @returns {Promise<string | undefined>} why they cannot be used; undefined where they can
 */
async function whyUnusable(folder) {
  const program = 'require(process.argv[1]); console.log("registered " + require(process.argv[2]).registered)';
  const files = [BINDING, KERNELS].map((name) => path.join(folder, name));
  const environment = { ...process.env, TF_CPP_MIN_LOG_LEVEL: '3' };
  const { code, signal, output } = await runCommand(process.execPath, ['-e', program, ...files], { environment });
  if (code === 0 && output.includes('registered true')) return undefined;
  return signal ?? /Error: .*/.exec(output)?.[0] ?? 'TensorFlow does not take them';
}

/** The processor that operations are compiled for, as compilers name it: `x86-64-v3`, in an image that several kinds of machines run; this machine's own where it is not set. */
function namedProcessor() {
  const { KUMPAS_PROCESSOR: named = '' } = process.env;
  return named === '' || named === 'native' ? undefined : named;
}

/**
 * What makes a compiler use all that the processor can do.
 * @param {string} architecture as Node names it
 */
function machineArguments(architecture) {
  return [`${architecture === 'x64' ? '-march' : '-mcpu'}=${namedProcessor() ?? 'native'}`];
}

/** What code for the processor may depend on. */
function processorFingerprint() {
  const named = namedProcessor();
  if (named !== undefined) return `${process.arch} ${named}`;
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

/** Loads what a command loads, in its order, and says after each that it is in. */
const PROGRAM = `
const [standardError, binding, session, kernels] = process.argv.slice(1);
if (standardError !== "") require(standardError);
console.log("TensorFlow " + require(binding).TF_Version);
require(session);
console.log("sessions");
if (kernels !== "") console.log("registered " + require(kernels).registered);`;

/**
 * Loads a compiled binding, and Kumpas's own operations where they lie beside it, in a process of its own, where even a crash harms nobody.
 * @param {string} folder of the binding
 * @returns {Promise<{ binding: string | undefined, kernels: string | undefined }>} why each cannot be used; undefined where it can, or was left out
 */
async function tryLoading(folder) {
  const files = [OWN_PROCESS, BINDING, SESSION, KERNELS].map((name) => path.join(folder, name));
  const there = files.map((file) => (existsSync(file) ? file : ''));
  const environment = { ...process.env, TF_CPP_MIN_LOG_LEVEL: '3' };
  const { code, signal, output } = await runCommand(process.execPath, ['-e', PROGRAM, ...there], { environment });
  const why = signal ?? /Error: .*/.exec(output)?.[0] ?? output.trim().split('\n').at(-1) ?? '';
  if (!output.includes(`TensorFlow ${TENSORFLOW_VERSION}`))
    return { binding: `${path.join(folder, BINDING)} does not load (${why})`, kernels: undefined };
  if (!output.includes('sessions'))
    return { binding: `${path.join(folder, SESSION)} ${there[2] === '' ? 'is missing' : `does not load (${why})`}`, kernels: undefined };
  if (there[3] === '')
    return {
      binding: undefined,
      kernels: existsSync(path.join(folder, KERNELS_LEFT_OUT)) ? undefined : `${path.join(folder, KERNELS)} is missing`,
    };
  if (code === 0 && output.includes('registered true')) return { binding: undefined, kernels: undefined };
  return { binding: undefined, kernels: `${path.join(folder, KERNELS)} does not load (${why})` };
}

module.exports = {
  BINDING,
  OWN_PROCESS,
  bindingKey,
  compileBinding,
  tryBinding,
  findCompiler,
  compilerArguments,
  hasKernels,
  tryLoading,
};
