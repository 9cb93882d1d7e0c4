// @ts-check
const { existsSync, readdirSync } = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { nvidiaDriver, nvidiaGpus, processor } = require('../../src/engine/hardware');
const { rememberedFailure } = require('./failure-memory');
const { sizeOf } = require('./folder-size');
const { PROJECT, cacheFolder, installedVersion } = require('./locations');
const { examine, faultsOf, isLinked, planFor } = require('./native-library');
const { missingPackages } = require('./npm-packages');
const { hasKernels } = require('./own-kernels');
const { SetUpProblem } = require('./set-up-problem');
const { TENSORFLOW_VERSION, chooseBackend, whyNoGpu } = require('./target');

const NAMED_PACKAGES = ['@tensorflow/tfjs-node-gpu', 'tsx', 'zod', 'yargs', 'typescript', 'jest'];

/**
 * What a machine and a project have.
 * @typedef {object} Inspection
 * @property {{ version: string, executable: string }} node
 * @property {{ missing: string[], versions: Record<string, string | null> }} packages
 * @property {{ version: string, backend: 'cpu' | 'gpu' | 'js', native: boolean, problem: string | null, library: string | null, ownKernels: boolean }} tensorflow
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
    missing: missingPackages(PROJECT, true),
    versions: Object.fromEntries(NAMED_PACKAGES.map((name) => [name, installedVersion(PROJECT, name) ?? null])),
  };
  const { model, threads, instructionSets } = processor();
  const driver = nvidiaDriver();
  const tensorflow = await inspectTensorflow(cache, driver);
  return {
    node,
    packages,
    tensorflow,
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
      holds: existsSync(cache) ? readdirSync(cache).filter((name) => /^(binding|tensorflow)-/.test(name)) : [],
    },
    missing: [
      ...(packages.missing.length === 0 ? [] : [`${packages.missing.length} npm packages are missing or outdated: run \`npm run setup\``]),
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
    if (!isLinked(PROJECT, plan)) throw earlier ?? new SetUpProblem("TensorFlow's native library is not prepared", 'Run `npm run setup`');
    const found = await examine(plan);
    const damaged = faultsOf(found);
    if (found.library.length > 0 || found.binding !== undefined)
      throw new SetUpProblem(damaged.join('; '), 'Run `npm run setup`: it makes or fetches that anew');
    return {
      version: TENSORFLOW_VERSION,
      backend,
      native: true,
      problem: damaged.length === 0 ? null : `${damaged.join('; ')}. Run \`npm run setup\`: it makes that anew.`,
      library: plan.library,
      ownKernels: hasKernels(plan.binding) && found.kernels === undefined,
    };
  } catch (error) {
    if (!(error instanceof SetUpProblem)) throw error;
    return { version: TENSORFLOW_VERSION, backend, native: false, problem: error.message, library: null, ownKernels: false };
  }
}

module.exports = { inspect };
