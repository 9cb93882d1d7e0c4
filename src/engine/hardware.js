// @ts-check
// Plain JavaScript without packages: the doctor reads it before anything is installed.
const { existsSync, readFileSync, readdirSync } = require('node:fs');
const os = require('node:os');

/** Instruction sets that TensorFlow's kernels make use of, as /proc/cpuinfo names them and as people do, oldest first. */
const INSTRUCTION_SETS = {
  avx: 'AVX',
  avx2: 'AVX2',
  fma: 'FMA',
  avx512f: 'AVX-512',
  avx512_vnni: 'AVX-512 VNNI',
  avx512_bf16: 'AVX-512 BF16',
  amx_tile: 'AMX',
  amx_bf16: 'AMX BF16',
  asimd: 'NEON',
  bf16: 'BF16',
  sve: 'SVE',
};

/**
 * The instruction sets of a processor that matter to TensorFlow.
 * @param {string} cpuinfo the text of /proc/cpuinfo
 * @returns {string[]} such as `['AVX', 'AVX2', 'FMA', 'AVX-512']`
 */
function instructionSets(cpuinfo) {
  const flags = new Set(/^(?:flags|Features)\s*:\s*(.*)$/m.exec(cpuinfo)?.[1]?.split(/\s+/));
  return Object.entries(INSTRUCTION_SETS).flatMap(([flag, name]) => (flags.has(flag) ? [name] : []));
}

/** The processor: its model, how many threads run at once, and its instruction sets (known on Linux only). */
function processor() {
  return {
    model: os.cpus()[0]?.model.trim() ?? 'unknown',
    threads: os.availableParallelism(),
    instructionSets: instructionSets(readText('/proc/cpuinfo')),
  };
}

/**
 * The version of the NVIDIA driver that this process can use, `unknown` where it does not say (WSL), undefined where there is none.
 * @returns {string | undefined}
 */
function nvidiaDriver() {
  if (existsSync('/dev/dxg') && existsSync('/usr/lib/wsl/lib/libcuda.so.1')) return 'unknown';
  if (!existsSync('/dev/nvidiactl')) return undefined; // In a container the host's /proc shows a driver that the container may not use.
  return driverVersion(readText('/proc/driver/nvidia/version'));
}

/**
 * @param {string} text of /proc/driver/nvidia/version
 * @returns {string | undefined}
 */
function driverVersion(text) {
  return /\b(\d{3,}\.\d+(?:\.\d+)?)\b/.exec(text)?.[1];
}

/** The names of the NVIDIA GPUs that the driver lists, such as `NVIDIA H100 80GB HBM3`. @returns {string[]} */
function nvidiaGpus() {
  const folder = '/proc/driver/nvidia/gpus';
  try {
    return readdirSync(folder).flatMap((bus) => /^Model:\s*(.+?)\s*$/m.exec(readText(`${folder}/${bus}/information`))?.[1] ?? []);
  } catch {
    return [];
  }
}

/** @param {string} file */
function readText(file) {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}

module.exports = { processor, instructionSets, nvidiaDriver, driverVersion, nvidiaGpus };
