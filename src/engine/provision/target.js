// @ts-check
const { SetUpProblem } = require('./set-up-problem');

const TENSORFLOW_VERSION = '2.21.0';

/** The CUDA 12 packages need a driver of at least this major version (NVIDIA's table of compatible drivers). */
const OLDEST_NVIDIA_DRIVER = 525;

const JAVASCRIPT_REMEDY = 'KUMPAS_BACKEND=js asks for the JavaScript backend without this message';

/**
 * What to run on.
 * @typedef {'cpu' | 'gpu' | 'js'} Backend
 *
 * Which wheel holds TensorFlow's libraries for a machine.
 * @typedef {object} Target
 * @property {string} key names the library in the cache
 * @property {string} requirement what pip is asked for
 * @property {string[]} platforms pip's platform tags, best first
 * @property {boolean} cuda whether the CUDA packages that the wheel names belong to it
 * @property {string} library file name of the library inside the wheel's `tensorflow/`
 * @property {string} framework file name of the library that `library` is built on
 * @property {string} download how much is downloaded, in words
 * @property {number} diskBytes room needed while preparing
 */

/**
 * Which backend to prepare: what KUMPAS_BACKEND says, else the GPU where a usable NVIDIA driver is, else the CPU.
 * @param {string | undefined} wanted KUMPAS_BACKEND
 * @param {string | undefined} nvidiaDriver the driver's version, `unknown` where it does not say
 * @returns {Backend}
 * @throws {SetUpProblem} where KUMPAS_BACKEND is none of them
 */
function chooseBackend(wanted, nvidiaDriver) {
  if (wanted === 'cpu' || wanted === 'gpu' || wanted === 'js') return wanted;
  if (wanted !== undefined && wanted !== '') {
    throw new SetUpProblem(`KUMPAS_BACKEND is "${wanted}"`, 'Set it to cpu, gpu or js, or leave it unset');
  }
  return nvidiaDriver === undefined || isTooOld(nvidiaDriver) ? 'cpu' : 'gpu';
}

/**
 * Why a GPU is not used that one might expect to be, or undefined.
 * @param {Backend} backend the one chosen
 * @param {string | undefined} wanted KUMPAS_BACKEND
 * @param {string | undefined} nvidiaDriver
 * @returns {string | undefined}
 */
function whyNoGpu(backend, wanted, nvidiaDriver) {
  if (backend === 'gpu' && nvidiaDriver === undefined)
    return 'KUMPAS_BACKEND is gpu, but there is no NVIDIA driver that this process can use: install one';
  if (backend !== 'cpu' || wanted === 'cpu' || nvidiaDriver === undefined) return undefined;
  return `NVIDIA driver ${nvidiaDriver} is older than ${OLDEST_NVIDIA_DRIVER}, which CUDA 12 needs: update it to use the GPU`;
}

/** @param {string} nvidiaDriver */
function isTooOld(nvidiaDriver) {
  return Number.parseInt(nvidiaDriver, 10) < OLDEST_NVIDIA_DRIVER;
}

/**
 * The wheel for a machine.
 * @param {{ platform: string, arch: string, backend: 'cpu' | 'gpu' }} machine
 * @returns {Target}
 * @throws {SetUpProblem} where TensorFlow is not published for it
 */
function chooseTarget({ platform, arch, backend }) {
  const key = `tensorflow-${TENSORFLOW_VERSION}-${backend}-${platform}-${arch}`;
  const onLinux = { library: 'libtensorflow_cc.so.2', framework: 'libtensorflow_framework.so.2' };
  if (platform === 'linux' && arch === 'x64' && backend === 'gpu') {
    const platforms = ['manylinux_2_27_x86_64', 'manylinux_2_17_x86_64', 'manylinux2014_x86_64'];
    const requirement = `tensorflow==${TENSORFLOW_VERSION}`;
    return { key, requirement, platforms, cuda: true, ...onLinux, download: '572 MB, then about 2.8 GB of CUDA packages', diskBytes: 7e9 };
  }
  if (backend === 'gpu') {
    throw new SetUpProblem(
      `TensorFlow is published for NVIDIA GPUs on linux-x64 only, this is ${platform}-${arch}`,
      'Set KUMPAS_BACKEND=cpu',
    );
  }
  if (platform === 'linux' && arch === 'x64') {
    const platforms = ['manylinux_2_27_x86_64'];
    return {
      key,
      requirement: `tensorflow-cpu==${TENSORFLOW_VERSION}`,
      platforms,
      cuda: false,
      ...onLinux,
      download: '274 MB',
      diskBytes: 1.3e9,
    };
  }
  if (platform === 'linux' && arch === 'arm64') {
    const platforms = ['manylinux_2_27_aarch64'];
    return {
      key,
      requirement: `tensorflow==${TENSORFLOW_VERSION}`,
      platforms,
      cuda: false,
      ...onLinux,
      download: '282 MB',
      diskBytes: 1.4e9,
    };
  }
  if (platform === 'darwin' && arch === 'arm64') {
    const onMac = { library: 'libtensorflow_cc.2.dylib', framework: 'libtensorflow_framework.2.dylib' };
    const platforms = ['macosx_12_0_arm64'];
    return {
      key,
      requirement: `tensorflow==${TENSORFLOW_VERSION}`,
      platforms,
      cuda: false,
      ...onMac,
      download: '223 MB',
      diskBytes: 1.2e9,
    };
  }
  throw new SetUpProblem(`TensorFlow ${TENSORFLOW_VERSION} is not published for ${platform}-${arch}`, JAVASCRIPT_REMEDY);
}

/**
 * @param {string | undefined} glibc the version of the C library, undefined where it is another one
 * @throws {SetUpProblem} where TensorFlow's wheels for Linux do not run on it
 */
function requireGlibc(glibc) {
  if (glibc === undefined) throw new SetUpProblem('TensorFlow needs glibc, which this Linux (musl) does not have', JAVASCRIPT_REMEDY);
  const [major = 0, minor = 0] = glibc.split('.').map(Number);
  if (major < 2 || (major === 2 && minor < 27)) {
    throw new SetUpProblem(`TensorFlow needs glibc 2.27 or later, this is ${glibc}`, JAVASCRIPT_REMEDY);
  }
}

/**
 * The CUDA packages that a wheel's METADATA lists under its extra `and-cuda`, as pip takes them: `nvidia-cublas-cu12<13.0,>=12.5.3.2`.
 * @param {string} metadata
 * @returns {string[]}
 */
function cudaRequirements(metadata) {
  return [...metadata.matchAll(/^Requires-Dist:\s*(nvidia-[^;\r\n]*?)\s*;\s*extra\s*==\s*["']and-cuda["']\s*$/gm)].map(
    ([, requirement = '']) => requirement.replaceAll(/[\s()]/g, ''),
  );
}

/** The version of the glibc that this Node runs on, undefined where it is another C library. */
function glibcVersion() {
  const reporter = /** @type {{ excludeNetwork?: boolean, getReport(): { header?: { glibcVersionRuntime?: string } } }} */ (process.report);
  reporter.excludeNetwork = true; // Else it looks up the names of all connections.
  return reporter.getReport().header?.glibcVersionRuntime;
}

module.exports = { TENSORFLOW_VERSION, chooseBackend, whyNoGpu, chooseTarget, cudaRequirements, requireGlibc, glibcVersion };
