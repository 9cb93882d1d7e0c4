// @ts-check
const { readFileSync } = require('node:fs');
const os = require('node:os');
const path = require('node:path');

/** The folder that package.json lies in. */
const PROJECT = path.resolve(__dirname, '../..');

/**
 * Where prepared libraries are kept between projects and installs: KUMPAS_CACHE, else XDG_CACHE_HOME/kumpas, else ~/.cache/kumpas.
 * @param {NodeJS.ProcessEnv} environment
 * @param {string} home
 * @returns {string} an absolute path
 */
function cacheFolder(environment = process.env, home = os.homedir()) {
  const own = environment['KUMPAS_CACHE'];
  if (own !== undefined && own !== '') return path.resolve(own);
  const shared = environment['XDG_CACHE_HOME'];
  return path.join(shared !== undefined && path.isAbsolute(shared) ? shared : path.join(home, '.cache'), 'kumpas');
}

/**
 * The folder of the package whose binding is compiled.
 * @param {string} project
 */
function tfjsPackageFolder(project) {
  return path.join(project, 'node_modules/@tensorflow/tfjs-node-gpu');
}

/**
 * Where that package looks for its compiled binding (Node-API 8 is in every supported Node).
 * @param {string} project
 */
function bindingLink(project) {
  return path.join(tfjsPackageFolder(project), 'lib/napi-v8/tfjs_binding.node');
}

/**
 * The version of an installed package, or undefined where it is not installed.
 * @param {string} project
 * @param {string} name
 * @returns {string | undefined}
 */
function installedVersion(project, name) {
  try {
    return JSON.parse(readFileSync(path.join(project, 'node_modules', name, 'package.json'), 'utf8')).version;
  } catch {
    return undefined;
  }
}

module.exports = { PROJECT, cacheFolder, tfjsPackageFolder, bindingLink, installedVersion };
