// @ts-check
const { existsSync, readdirSync } = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { nvidiaDriver, nvidiaGpus, processor } = require('../hardware');
const { hasKernels } = require('./binding');
const { rememberedFailure } = require('./cache');
const { IS_CHECKOUT, PROJECT, SET_UP, cacheFolder, installedVersion, sizeOf } = require('./locations');
const { examine, faultsOf, isLinked, planFor } = require('./native-library');
const { missingPackages } = require('./npm-packages');
const { SetUpProblem } = require('./set-up-problem');
const { TENSORFLOW_VERSION, chooseBackend, whyNoGpu } = require('./target');
const { MEDIAPIPE_VERSION, SET_UP_VIDEOS, faultsOfVideoEnvironment, planVideoEnvironment } = require('./video-environment');

const NAMED_PACKAGES = ['@tensorflow/tfjs-node-gpu', 'tsx', 'zod', 'yargs', ...(IS_CHECKOUT ? ['typescript', 'jest'] : [])];

/**
 * What a machine and a project have.
 * @typedef {object} Inspection
 * @property {{ version: string, executable: string }} node
 * @property {{ missing: string[], versions: Record<string, string | null> }} packages
 * @property {{ version: string, backend: 'cpu' | 'gpu' | 'js', native: boolean, problem: string | null, library: string | null, ownKernels: boolean }} tensorflow
 * @property {{ version: string, prepared: boolean, python: string | null, problem: string | null }} videos what reads landmarks out of videos, which not everybody needs
 * @property {{ platform: string, model: string, threads: number, instructionSets: string[], memoryBytes: number, freeMemoryBytes: number }} machine
 * @property {{ driver: string | null, gpus: string[] }} nvidia
 * @property {{ folder: string, bytes: number, holds: string[] }} cache
 * @property {string[]} missing what is missing or wrong, and what to do about each
 */

/** Looks at everything; changes nothing. @returns {Promise<Inspection>} */
async function inspect() {
  const cache = cacheFolder();
  const node = { version: process.versions.node, executable: process.execPath };
  const packages = {
    missing: IS_CHECKOUT ? missingPackages(PROJECT, true) : [],
    versions: Object.fromEntries(NAMED_PACKAGES.map((name) => [name, installedVersion(PROJECT, name) ?? null])),
  };
  const { model, threads, instructionSets } = processor();
  const driver = nvidiaDriver();
  const tensorflow = await inspectTensorflow(cache, driver);
  return {
    node,
    packages,
    tensorflow,
    videos: await inspectVideos(cache),
    machine: {
      platform: `${process.platform}-${process.arch} (${os.release()})`,
      model,
      threads,
      instructionSets,
      memoryBytes: os.totalmem(),
      freeMemoryBytes: os.freemem(),
    },
    nvidia: { driver: driver ?? null, gpus: nvidiaGpus() },
    cache: {
      folder: cache,
      bytes: sizeOf(cache),
      holds: existsSync(cache) ? readdirSync(cache).filter((name) => /^(binding|tensorflow|mediapipe)-/.test(name)) : [],
    },
    missing: [
      ...(packages.missing.length === 0 ? [] : [`${packages.missing.length} npm packages are missing or outdated: run \`${SET_UP}\``]),
      ...(tensorflow.problem === null ? [] : [tensorflow.problem]),
      ...[whyNoGpu(tensorflow.backend, process.env['KUMPAS_BACKEND'], driver) ?? []].flat(),
    ],
  };
}

/** @param {string} cache @param {string | undefined} driver @returns {Promise<Inspection['tensorflow']>} */
async function inspectTensorflow(cache, driver) {
  /** @type {'cpu' | 'gpu' | 'js'} */
  let backend = 'js';
  try {
    backend = chooseBackend(process.env['KUMPAS_BACKEND'], driver);
    if (backend === 'js') return { version: TENSORFLOW_VERSION, backend, native: false, problem: null, library: null, ownKernels: false };
    const plan = planFor(PROJECT, cache, backend);
    const earlier = rememberedFailure(cache, path.basename(plan.binding), Date.now());
    if (!isLinked(PROJECT, plan)) throw earlier ?? new SetUpProblem("TensorFlow's native library is not prepared", `Run \`${SET_UP}\``);
    const found = await examine(plan);
    const damaged = faultsOf(found);
    if (found.library.length > 0 || found.binding !== undefined)
      throw new SetUpProblem(damaged.join('; '), `Run \`${SET_UP}\`: it makes or fetches that anew`);
    return {
      version: TENSORFLOW_VERSION,
      backend,
      native: true,
      problem: damaged.length === 0 ? null : `${damaged.join('; ')}. Run \`${SET_UP}\`: it makes that anew.`,
      library: plan.library,
      ownKernels: hasKernels(plan.binding) && found.kernels === undefined,
    };
  } catch (error) {
    if (!(error instanceof SetUpProblem)) throw error;
    return { version: TENSORFLOW_VERSION, backend, native: false, problem: error.message, library: null, ownKernels: false };
  }
}

/** @param {string} cache @returns {Promise<Inspection['videos']>} */
async function inspectVideos(cache) {
  const version = MEDIAPIPE_VERSION;
  try {
    const environment = await planVideoEnvironment(cache);
    const faults = await faultsOfVideoEnvironment(environment, false);
    const { python } = environment;
    if (faults.length === 0) return { version, prepared: true, python, problem: null };
    const isThere = existsSync(environment.folder);
    return { version, prepared: false, python, problem: isThere ? faults.join('; ') : `not prepared; \`${SET_UP_VIDEOS}\` does that` };
  } catch (error) {
    if (!(error instanceof SetUpProblem)) throw error;
    return { version, prepared: false, python: null, problem: error.message };
  }
}

/**
 * What the doctor prints.
 * @param {Inspection} inspection
 * @returns {string}
 */
function doctorReport({ node, packages, tensorflow, videos, machine, nvidia, cache, missing }) {
  const versions = Object.entries(packages.versions).map(([name, version]) => `${name} ${version ?? 'missing'}`);
  /** @type {[string, string][]} */
  const rows = [
    ['Node', node.version],
    ['Packages', versions.join(', ')],
    ['TensorFlow', tensorflowLine(tensorflow)],
    [
      'Videos',
      videos.prepared ? `MediaPipe ${videos.version} (${videos.python ?? ''})` : `MediaPipe ${videos.version}: ${videos.problem ?? ''}`,
    ],
    ['System', machine.platform],
    ['Processor', `${machine.model}, ${count(machine.threads, 'thread')}`],
    ['Instructions', machine.instructionSets.join(', ') || 'not known here'],
    ['Memory', `${gigabytes(machine.memoryBytes)}, ${gigabytes(machine.freeMemoryBytes)} free`],
    [
      'GPU',
      nvidia.driver === null ? 'none (no NVIDIA driver)' : `${nvidia.gpus.join(', ') || 'not named'}, NVIDIA driver ${nvidia.driver}`,
    ],
    ['Cache', `${cache.folder}, ${gigabytes(cache.bytes)}${cache.holds.length === 0 ? '' : ` (${cache.holds.join(', ')})`}`],
  ];
  const table = rows.map(([name, value]) => `${name.padEnd(13)} ${value}\n`).join('');
  const verdict = missing.length === 0 ? 'Nothing is missing.\n' : `Missing:\n${missing.map((line) => `  - ${line}\n`).join('')}`;
  return `${table}\n${verdict}`;
}

/** @param {Inspection['tensorflow']} tensorflow */
function tensorflowLine({ version, backend, native, library, ownKernels }) {
  if (native)
    return `${version}, native, for the ${backend.toUpperCase()}${ownKernels ? ", with Kumpas's own kernels" : ''} (${library ?? ''})`;
  return backend === 'js' ? 'JavaScript backend (KUMPAS_BACKEND=js)' : `JavaScript backend: the native library ${version} is not in use`;
}

/** @param {number} bytes */
function gigabytes(bytes) {
  return `${(bytes / 2 ** 30).toFixed(1)} GiB`;
}

/** @param {number} number @param {string} noun */
function count(number, noun) {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}

module.exports = { inspect, doctorReport };
