// @ts-check
const { createHash } = require('node:crypto');
const { readFileSync } = require('node:fs');
const path = require('node:path');
const { findProgram, runCommand } = require('./command');
const { installAdvice } = require('./install-advice');
const { tfjsPackageFolder } = require('./locations');
const { kernelsRecipe, provideKernels } = require('./own-kernels');
const { SetUpProblem } = require('./set-up-problem');
const { TENSORFLOW_VERSION } = require('./target');
/** @typedef {import('./report').Report} Report */
/** @typedef {import('./target').Target} Target */

const BINDING = 'tfjs_binding.node';
const STANDARD_ERROR = 'standard_error.node';

/**
 * The name in the cache of the binding compiled for a library: another one for another version of the package, of our own source, or of the recipe.
 * @param {Target} target
 * @param {string} packageVersion of @tensorflow/tfjs-node-gpu
 * @param {string} project
 * @returns {string}
 */
function bindingKey(target, packageVersion, project) {
  const recipe = createHash('sha256')
    .update(readFileSync(standardErrorSource(project)))
    .update(readFileSync(path.join(__dirname, 'binding.js')))
    .update(target.cuda ? '' : kernelsRecipe(project))
    .digest('hex');
  return `binding-${packageVersion}-${recipe.slice(0, 8)}-${target.key}`;
}

/**
 * Compiles the binding that @tensorflow/tfjs-node-gpu ships in source, and Kumpas's own switch for standard error and operations for the processor, against a
 * prepared library.
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
  const sources = ['binding/tfjs_backend.cc', 'binding/tfjs_binding.cc'];
  const libraries = [target.library, target.framework].map((name) => path.join(library, 'tensorflow', name));
  const compile = async (/** @type {string[]} */ what) => {
    const { code, output } = await runCommand(compiler, [...own, ...what], { cwd: package_ });
    if (code === 0) return;
    const error = output.split('\n').find((line) => /\berror\b/i.test(line)) ?? output.trim().split('\n').at(-1) ?? '';
    throw new SetUpProblem(`${compiler} could not compile the binding: ${error.trim()}`, 'A C++17 compiler is needed', { costly: true });
  };
  const nodeHeaders = path.join(path.dirname(require.resolve('node-api-headers')), 'include');
  const common = compilerArguments(process.platform, path.basename(library), path.join(library, 'tensorflow/include'), nodeHeaders);
  await compile([...common, '-I.', ...sources, ...libraries, '-o', path.join(folder, BINDING)]);
  await compile([...common, standardErrorSource(project), '-o', path.join(folder, STANDARD_ERROR)]);
  const [, framework = ''] = libraries;
  if (!target.cuda) await provideKernels({ folder, project, framework, common, compile, report });
}

/**
 * Loads a compiled binding in a process of its own, where even a crash harms nobody.
 * @param {string} folder
 * @throws {SetUpProblem} where it cannot be loaded or is of another version
 */
async function tryBinding(folder) {
  const program = 'require(process.argv[1]); console.log("TensorFlow " + require(process.argv[2]).TF_Version)';
  const files = [STANDARD_ERROR, BINDING].map((name) => path.join(folder, name));
  const environment = { ...process.env, TF_CPP_MIN_LOG_LEVEL: '3' };
  const { code, signal, output } = await runCommand(process.execPath, ['-e', program, ...files], { environment });
  if (code === 0 && output.includes(`TensorFlow ${TENSORFLOW_VERSION}`)) return;
  const why =
    signal === 'SIGILL'
      ? 'this processor lacks instructions that it needs (AVX)'
      : (signal ?? /Error: .*/.exec(output)?.[0] ?? output.trim());
  throw new SetUpProblem(`TensorFlow's library was prepared but does not load: ${why}`, 'Run `npm run setup` to prepare it again', {
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

/** @param {string} project */
function standardErrorSource(project) {
  return path.join(project, 'src/engine/native/standard-error.cc');
}

module.exports = { BINDING, bindingKey, compileBinding, tryBinding, findCompiler, compilerArguments };
