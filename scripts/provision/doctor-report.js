// @ts-check
/** @typedef {import('./inspection').Inspection} Inspection */

/**
 * What the doctor prints.
 * @param {Inspection} inspection
 * @returns {string}
 */
function doctorReport({ node, packages, tensorflow, machine, nvidia, cache, missing }) {
  const versions = Object.entries(packages.versions).map(([name, version]) => `${name} ${version ?? 'missing'}`);
  /** @type {[string, string][]} */
  const rows = [
    ['Node', node.version],
    ['Packages', versions.join(', ')],
    ['TensorFlow', tensorflowLine(tensorflow)],
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

module.exports = { doctorReport };
