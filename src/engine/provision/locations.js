// @ts-check
const { existsSync, lstatSync, readFileSync, readdirSync, statSync } = require('node:fs');
const os = require('node:os');
const path = require('node:path');

/** The folder that package.json lies in. */
const PROJECT = path.resolve(__dirname, '../../..');

/** Whether this is a checkout, which installs its packages itself; else it is a package of another project, whose npm has done so. */
const IS_CHECKOUT = existsSync(path.join(PROJECT, 'package-lock.json'));

/** The command that prepares everything on purpose. */
const SET_UP = IS_CHECKOUT ? 'npm run setup' : 'npx kumpas setup';

/**
 * Where prepared libraries are kept between projects and installs: KUMPAS_CACHE, else XDG_CACHE_HOME/kumpas, else ~/.cache/kumpas; an empty HOME is none.
 * @param {NodeJS.ProcessEnv} environment
 * @param {string} home
 * @returns {string} an absolute path
 */
function cacheFolder(environment = process.env, home = os.homedir()) {
  const own = environment['KUMPAS_CACHE'];
  if (own !== undefined && own !== '') return path.resolve(own);
  const shared = environment['XDG_CACHE_HOME'];
  return path.join(
    shared !== undefined && path.isAbsolute(shared) ? shared : path.join(path.isAbsolute(home) ? home : os.userInfo().homedir, '.cache'),
    'kumpas',
  );
}

/**
 * The folder of an installed package, where Node finds it for a project: in its own node_modules, or in those of the folders around it. Its place in the
 * project's own where it is not installed.
 * @param {string} project
 * @param {string} name
 */
function packageFolder(project, name) {
  for (let folder = project; ; folder = path.dirname(folder)) {
    const place = path.join(folder, 'node_modules', name);
    if (existsSync(path.join(place, 'package.json'))) return place;
    if (folder === path.dirname(folder)) return path.join(project, 'node_modules', name);
  }
}

/**
 * The folder of the package whose binding is compiled.
 * @param {string} project
 */
function tfjsPackageFolder(project) {
  return packageFolder(project, '@tensorflow/tfjs-node-gpu');
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
    return JSON.parse(readFileSync(path.join(packageFolder(project, name), 'package.json'), 'utf8')).version;
  } catch {
    return undefined;
  }
}

const WRITABLE_BY_ALL = 0o002;

/**
 * Why what lies at some places may not be loaded, or undefined: others than the user could have put it there or could change it. Whoever owns the project is
 * trusted as its code is, and so is the system's administrator.
 * @param {readonly string[]} places those that are not there are left out
 * @param {{ user: number | undefined, project: string }} trusted user: undefined where the system has none, as Windows
 * @returns {string | undefined}
 */
function whyUnsafe(places, { user, project }) {
  if (user === undefined) return undefined;
  const trusted = new Set([0, user, statusOf(path.join(project, 'package.json'))?.uid]);
  return places
    .map((place) => {
      const status = statusOf(place);
      if (status === undefined) return undefined;
      if (!trusted.has(status.uid)) return `${place} belongs to another user (${status.uid}), who could change what is loaded from there`;
      return (status.mode & WRITABLE_BY_ALL) === 0
        ? undefined
        : `${place} can be written by every user, who could change what is loaded from there`;
    })
    .find((reason) => reason !== undefined);
}

/** @param {string} place */
function statusOf(place) {
  return statSync(place, { throwIfNoEntry: false });
}

/**
 * The bytes of all files in a folder; what cannot be read (or vanishes meanwhile) counts nothing, links are not followed.
 * @param {string} folder
 * @returns {number}
 */
function sizeOf(folder) {
  try {
    const status = lstatSync(folder);
    if (!status.isDirectory()) return status.isFile() ? status.size : 0;
    return readdirSync(folder).reduce((total, name) => total + sizeOf(path.join(folder, name)), 0);
  } catch {
    return 0;
  }
}

module.exports = { PROJECT, IS_CHECKOUT, SET_UP, cacheFolder, tfjsPackageFolder, bindingLink, installedVersion, whyUnsafe, sizeOf };
