// @ts-check
const { existsSync } = require('node:fs');
const path = require('node:path');
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
const { findProgram, runCommand } = require('./command');
const { damagedFiles } = require('./library-files');
const { IS_CHECKOUT, PROJECT } = require('./locations');
const { SetUpProblem } = require('./set-up-problem');
const { glibcVersion } = require('./target');
const { fetchPinned, pinnedWheels } = require('./wheels');
/** @typedef {import('./set-up-problem').Report} Report */

/** The version whose landmarks users' sets are made of. Its wheel has the models in it. */
const MEDIAPIPE_VERSION = '0.10.14';

/** The interpreters that this version is published for. */
const PYTHONS = ['3.9', '3.10', '3.11', '3.12'];

/** pip's tags of the machines that it is published for. */
const PLATFORMS = /** @type {Readonly<Record<string, readonly string[]>>} */ ({
  'linux-x64': ['manylinux_2_17_x86_64', 'manylinux2014_x86_64'],
  'linux-arm64': ['manylinux_2_17_aarch64', 'manylinux2014_aarch64'],
  'darwin-arm64': ['macosx_12_0_arm64'],
  'darwin-x64': ['macosx_12_0_x86_64'],
});

/**
 * What reads landmarks out of a video: MediaPipe, OpenCV's decoder, and what of MediaPipe's own requirements its Holistic loads. The others (JAX, SciPy,
 * Matplotlib, the OpenCV that needs a screen: 1 GB) are of parts that are never loaded.
 */
const REQUIREMENTS = [
  `mediapipe==${MEDIAPIPE_VERSION}`,
  'opencv-python-headless==4.10.0.84',
  'numpy==1.26.4',
  'protobuf==4.25.9',
  'absl-py==2.1.0',
];

/** The program that runs in it. */
const WORKER = path.join(PROJECT, 'src/extraction/landmark_worker.py');

/** So that nothing of the user's own Python is loaded, no site-packages and no variables, and nothing is written beside the files that were checked. */
const ISOLATED = ['-I', '-S', '-B'];

/** The command that prepares it on purpose. */
const SET_UP_VIDEOS = IS_CHECKOUT ? 'npm run setup -- --videos' : 'npx kumpas setup --videos';

/**
 * Where landmarks of videos are computed: an interpreter, and the folder of the packages that it is to load.
 * @typedef {{ python: string, folder: string, key: string, tags: readonly string[] }} VideoEnvironment tags: of its wheels, as pip's flags
 */

/**
 * Makes sure that what reads landmarks out of videos is prepared, whole and can be loaded. It is prepared once for each version of Python, in the cache, as
 * TensorFlow's library is; what is damaged is fetched anew.
 * @param {{ cache: string, thorough: boolean, report: Report }} options thorough: load it, and try again what failed within the hour
 * @returns {Promise<VideoEnvironment>}
 * @throws {SetUpProblem} naming what is missing
 */
async function prepareVideoEnvironment({ cache, thorough, report }) {
  const environment = await planVideoEnvironment(cache);
  const { key, folder } = environment;
  requireSafe([cache, folder], PROJECT);
  const faults = await faultsOfVideoEnvironment(environment, thorough);
  if (faults.length === 0) return environment;
  try {
    const earlier = thorough ? undefined : rememberedFailure(cache, key, Date.now());
    if (earlier !== undefined) throw earlier;
    if (existsSync(folder)) for (const what of faults.slice(0, 3)) report.line(`${what}. Preparing it anew.`);
    await provide(cache, environment, report);
    forgetFailure(cache, key);
  } catch (error) {
    const problem = asProblem(error, 'MediaPipe');
    if (problem.costly) rememberFailure(cache, key, problem, Date.now());
    throw problem;
  }
  return environment;
}

/** @param {string} cache @param {VideoEnvironment} environment @param {Report} report */
async function provide(cache, environment, report) {
  const { key, folder, tags, python } = environment;
  const fetched = {
    what: 'MediaPipe',
    requirement: `mediapipe==${MEDIAPIPE_VERSION} and OpenCV`,
    download: '104 MB',
    diskBytes: 4.5e8,
    tags,
    setUp: SET_UP_VIDEOS,
  };
  const wait = (/** @type {string} */ holder, /** @type {Date} */ since) =>
    report.line(`Waiting for ${holder}, which has been preparing MediaPipe in ${cache} since ${since.toLocaleTimeString()} …`);
  await withLock(path.join(cache, 'locks', key), wait, () =>
    unwritableForOthers(async () => {
      if ((await faultsOfVideoEnvironment(environment, true)).length === 0) return;
      await replaceFolder(folder, async (temporary) => {
        await fetchPinned(fetched, pinnedWheels(environment), temporary, report, () => ({ included: [], excluded: [] }));
        const fault = await whyItDoesNotLoad(python, temporary);
        if (fault !== undefined) throw new SetUpProblem(fault, `Run \`${SET_UP_VIDEOS}\` to try again`, { costly: true });
      });
      report.line(`MediaPipe is ready, kept in ${cache}.`);
    }),
  );
  requireSafe([cache, folder], PROJECT);
}

/**
 * Where the environment of a machine's Python lies or will lie.
 * @param {string} cache
 * @param {{ platform: string, arch: string, glibc: string | undefined }} machine
 * @returns {Promise<VideoEnvironment>}
 * @throws {SetUpProblem} where MediaPipe is not published for the machine, or for none of its Pythons
 */
async function planVideoEnvironment(cache, { platform, arch, glibc } = thisMachine()) {
  const platforms = PLATFORMS[`${platform}-${arch}`];
  const without = 'Read landmarks on another machine and bring them as files: `npm run data -- import`';
  if (platforms === undefined) throw new SetUpProblem(`MediaPipe ${MEDIAPIPE_VERSION} is not published for ${platform}-${arch}`, without);
  if (platform === 'linux' && glibc === undefined)
    throw new SetUpProblem('MediaPipe needs glibc, which this Linux (musl) does not have', without);
  const { python, version } = await findSupportedPython();
  const key = environmentKey(version, platform, arch);
  return { python, key, folder: path.join(cache, key), tags: pipTags(version, platforms) };
}

function thisMachine() {
  return { platform: process.platform, arch: process.arch, glibc: process.platform === 'linux' ? glibcVersion() : undefined };
}

/** @param {string} version @param {string} platform @param {string} arch */
function environmentKey(version, platform, arch) {
  return `mediapipe-${MEDIAPIPE_VERSION}-cp${version.replace('.', '')}-${platform}-${arch}`;
}

/** @param {string} version @param {readonly string[]} platforms */
function pipTags(version, platforms) {
  const abis = [`cp${version.replace('.', '')}`, 'abi3', 'none'];
  return [`--python-version=${version}`, ...abis.map((abi) => `--abi=${abi}`), ...platforms.map((name) => `--platform=${name}`)];
}

/** The first Python on PATH that MediaPipe is published for. @returns {Promise<{ python: string, version: string }>} */
async function findSupportedPython() {
  const names = ['python3', ...[...PYTHONS].reverse().map((version) => `python${version}`), 'python'];
  const probe = 'import sys; print(sys.implementation.name, "%d.%d" % sys.version_info[:2], 64 if sys.maxsize > 2**32 else 32)';
  const found = [];
  for (const python of names.flatMap((name) => findProgram(name) ?? [])) {
    const { code, output } = await runCommand(python, ['-I', '-c', probe]);
    const [implementation = '', version = '', bits] = output.trim().split(' ');
    if (code !== 0) continue; // As a name that a version manager keeps for a version that is not chosen.
    if (implementation === 'cpython' && bits === '64' && PYTHONS.includes(version)) return { python, version };
    found.push(`${python} is ${implementation === 'cpython' ? 'Python' : implementation} ${version}`);
  }
  const reason = `MediaPipe ${MEDIAPIPE_VERSION} needs Python 3.9 to 3.12, and PATH has ${found.length === 0 ? 'no Python 3' : 'none of them'}`;
  throw new SetUpProblem(
    found.length === 0 ? reason : `${reason} (${[...new Set(found)].join(', ')})`,
    'Install Python 3.12 beside it, so that PATH finds `python3.12` (`uv python install 3.12` does, and so do most package managers)',
  );
}

/**
 * What of an environment is missing, is not as its wheels brought it or does not load; nothing where it can be used.
 * @param {VideoEnvironment} environment
 * @param {boolean} thorough whether it is loaded too
 * @returns {Promise<string[]>}
 */
async function faultsOfVideoEnvironment({ python, folder }, thorough) {
  if (!existsSync(path.join(folder, 'mediapipe'))) return [`MediaPipe ${MEDIAPIPE_VERSION} is not prepared`];
  const damaged = await damagedFiles(folder, /^/);
  if (damaged.length > 0 || !thorough) return damaged;
  return [(await whyItDoesNotLoad(python, folder)) ?? []].flat();
}

/** @param {string} python @param {string} folder @returns {Promise<string | undefined>} */
async function whyItDoesNotLoad(python, folder) {
  const { code, output } = await runCommand(python, [...ISOLATED, WORKER, folder, '--try']);
  if (code === 0) return undefined;
  return `MediaPipe does not load in ${python} (${output.trim().split('\n').at(-1) ?? 'it gave no reason'})`;
}

module.exports = {
  MEDIAPIPE_VERSION,
  ISOLATED,
  PLATFORMS,
  PYTHONS,
  REQUIREMENTS,
  SET_UP_VIDEOS,
  WORKER,
  environmentKey,
  faultsOfVideoEnvironment,
  pipTags,
  planVideoEnvironment,
  prepareVideoEnvironment,
};
