// @ts-check
const { mkdirSync, readdirSync, rmSync, statfsSync, writeFileSync } = require('node:fs');
const path = require('node:path');
const { findProgram, runCommand } = require('./command');
const { checksumOf } = require('./library-files');
const { PROJECT, SET_UP, sizeOf } = require('./locations');
const PINNED = require('./pinned-wheels.json');
const { SetUpProblem, installAdvice } = require('./set-up-problem');
/** @typedef {import('./set-up-problem').Report} Report */
/** @typedef {import('./target').Target} Target */

/**
 * A wheel that is taken, and no other in its place.
 * @typedef {{ requirement: string, file: string, sha256: string }} PinnedWheel requirement: with its exact version, as pip takes it
 */

/**
 * The wheels of a target, TensorFlow's own first, then the CUDA packages. `node scripts/pin-wheels.mjs` writes their list.
 * @param {{ key: string }} target
 * @returns {PinnedWheel[]}
 */
function pinnedWheels({ key }) {
  const wheels = /** @type {Record<string, PinnedWheel[]>} */ (PINNED)[key];
  if (wheels === undefined) throw new Error(`pinned-wheels.json has no wheels of ${key}: run scripts/pin-wheels.mjs`);
  return wheels;
}

/** What of TensorFlow's wheel is kept: its libraries, the headers that the binding is compiled with, licences, and the list of CUDA packages. */
const KEPT_OF_TENSORFLOW = [
  'tensorflow/libtensorflow',
  'tensorflow/include/tensorflow/c/',
  'tensorflow/include/tensorflow/core/platform/ctstring',
  'tensorflow/include/tsl/platform/ctstring',
  'tensorflow/include/xla/tsl/c/',
  'tensorflow/include/LICENSE',
  'tensorflow/THIRD_PARTY_NOTICES.txt',
  'tensorflow-',
  'tensorflow_cpu-',
];
const UNPACKED_LIMIT_BYTES = 8e9;

/**
 * Downloads the wheels of a target with pip, holds each against its sha256 before anything of it is unpacked, and unpacks what is needed of them, side by side
 * as pip installs them: the library looks for the CUDA packages in `../nvidia/NAME/lib` beside its own folder.
 * @param {Target} target
 * @param {string} folder an empty folder; afterwards it holds `tensorflow/` and, with CUDA, `nvidia/`
 * @param {Report} report
 * @param {readonly PinnedWheel[]} wheels
 * @throws {SetUpProblem} naming what is missing or failed
 */
async function fetchWheels(target, folder, report, wheels = pinnedWheels(target)) {
  const tags = ['--python-version=3.11', '--abi=cp311', ...target.platforms.map((platform) => `--platform=${platform}`)];
  await fetchPinned({ ...target, what: 'TensorFlow', tags, setUp: SET_UP }, wheels, folder, report, (place) =>
    place === 0 ? { included: KEPT_OF_TENSORFLOW, excluded: [] } : { included: [], excluded: ['/include/'] },
  );
}

/**
 * What is fetched, in words, and for which interpreter and machine pip takes it.
 * @typedef {{ what: string, requirement: string, download: string, diskBytes: number, tags: readonly string[], setUp: string }} Fetched
 *   tags: as pip's flags; setUp: the command that tries again
 */

/**
 * {@link fetchWheels} for whatever is pinned.
 * @param {Fetched} fetched
 * @param {readonly PinnedWheel[]} wheels
 * @param {string} folder
 * @param {Report} report
 * @param {(place: number) => { included: readonly string[], excluded: readonly string[] }} keptOf what is unpacked of each wheel: prefixes of names, none for all;
 *   parts of names
 */
async function fetchPinned(fetched, wheels, folder, report, keptOf) {
  const { what, requirement, download: size, diskBytes, setUp } = fetched;
  requireRoom(folder, diskBytes, what);
  const python = await findPip();
  report.line(`Downloading ${what} with pip (${requirement}, ${size}) to ${path.dirname(folder)} …`);
  for (const [place, pinned] of wheels.entries()) {
    const wheel = await download(python, pinned, fetched, folder, report);
    const { included, excluded } = keptOf(place);
    await unpack(python, wheel, folder, included, excluded, report, setUp);
  }
}

/** The Python on PATH that has pip. @returns {Promise<string>} */
async function findPip() {
  const pythons = ['python3', 'python'].flatMap((name) => findProgram(name) ?? []);
  for (const python of pythons) {
    if ((await runCommand(python, ['-c', 'import pip'])).code === 0) return python;
  }
  const reason = pythons.length === 0 ? 'Python 3 with pip was not found on PATH' : `${pythons.join(' and ')} has no pip`;
  throw new SetUpProblem(reason, `Install it: ${installAdvice('pip')}`);
}

/**
 * @param {string} python
 * @param {PinnedWheel} pinned
 * @param {Fetched} fetched
 * @param {string} folder
 * @param {Report} report
 * @returns {Promise<string>} the wheel, in a folder of its own
 */
async function download(python, pinned, { tags, setUp }, folder, report) {
  const downloads = path.join(folder, '.downloads');
  mkdirSync(downloads, { recursive: true });
  const requirements = path.join(downloads, 'requirements.txt');
  writeFileSync(requirements, `${pinned.requirement} --hash=sha256:${pinned.sha256}\n`);
  const wanted = ['--no-deps', '--only-binary=:all:', '--implementation=cp', '--require-hashes'];
  const progress = setInterval(() => report.progress(`  ${Math.round(sizeOf(downloads) / 1e6)} MB so far`), 1_000);
  const { code, output } = await runCommand(
    python,
    ['-m', 'pip', 'download', ...wanted, ...tags].concat(
      ['--no-cache-dir', '--disable-pip-version-check', '--no-input', '--retries=2', '--progress-bar=off', '--dest', downloads],
      ['--requirement', requirements],
    ),
    { environment: { ...process.env, TMPDIR: downloads }, onLine: (line) => reportDownload(line, report) },
  ).finally(() => clearInterval(progress));
  const found = foundInstead(output);
  if (code !== 0 && found !== undefined) throw forgedWheel(pinned, found, setUp);
  if (code !== 0) {
    const reason = `pip could not download ${pinned.requirement}: ${pipError(output)}`;
    throw new SetUpProblem(reason, `Check the network and pip's settings (\`python3 -m pip config list\`), then run \`${setUp}\``, {
      costly: true,
    });
  }
  const [wheel] = readdirSync(downloads).filter((name) => name.endsWith('.whl'));
  if (wheel === undefined) throw new SetUpProblem(`pip downloaded no wheel for ${pinned.requirement}`, `Run \`${setUp}\` to try again`);
  const sha256 = await checksumOf(path.join(downloads, wheel));
  if (sha256 !== pinned.sha256) throw forgedWheel(pinned, sha256, setUp);
  return path.join(downloads, wheel);
}

/**
 * The sha256 of what pip refused for its hash; undefined where it refused nothing for that.
 * @param {string} output
 */
function foundInstead(output) {
  return /DO NOT MATCH THE HASHES[^]*?Got\s+([0-9a-f]{64})/.exec(output)?.[1];
}

/** @param {PinnedWheel} pinned @param {string} found @param {string} setUp */
function forgedWheel({ file, sha256 }, found, setUp) {
  return new SetUpProblem(
    `${file} has the sha256 ${found}, expected ${sha256}: it is not the wheel that was published, and was removed before anything of it ran`,
    `See where pip takes it from (\`python3 -m pip config list\`), then run \`${setUp}\``,
    { costly: true },
  );
}

/** @param {string} line @param {Report} report */
function reportDownload(line, report) {
  const [, file, size] = /^\s*Downloading (?:\S*\/)?([^\s/]+\.whl)(?: \(([^)]+)\))?/.exec(line) ?? [];
  if (file !== undefined) report.line(`  ${file}${size === undefined ? '' : ` (${size})`} …`);
}

/**
 * Unpacks a wheel and deletes it.
 * @param {string} python
 * @param {string} wheel
 * @param {string} folder
 * @param {readonly string[]} included prefixes of names, none for all
 * @param {readonly string[]} excluded parts of names
 * @param {Report} report
 * @param {string} setUp
 */
async function unpack(python, wheel, folder, included, excluded, report, setUp) {
  report.line(`  unpacking ${path.basename(wheel)} …`);
  const script = path.join(PROJECT, 'src/engine/provision/unpack_wheel.py');
  const { code, output } = await runCommand(python, [
    script,
    wheel,
    folder,
    String(UNPACKED_LIMIT_BYTES),
    included.join(','),
    excluded.join(','),
  ]);
  if (code !== 0) {
    const reason = `${path.basename(wheel)} could not be unpacked: ${output.trim().split('\n').at(-1) ?? ''}`;
    throw new SetUpProblem(reason, `Make room on the disk if it is full, then run \`${setUp}\``, { costly: true });
  }
  rmSync(path.dirname(wheel), { recursive: true, force: true });
}

/** @param {string} folder @param {number} bytes @param {string} what */
function requireRoom(folder, bytes, what) {
  const { bavail, bsize } = statfsSync(folder);
  if (bavail * bsize >= bytes) return;
  const gigabytes = (/** @type {number} */ count) => `${(count / 1e9).toFixed(1)} GB`;
  const reason = `preparing ${what} needs ${gigabytes(bytes)} in ${path.dirname(folder)}, where ${gigabytes(bavail * bsize)} are free`;
  throw new SetUpProblem(reason, 'Make room, or set KUMPAS_CACHE to a folder with more');
}

/** @param {string} output */
function pipError(output) {
  const lines = output.split('\n').map((line) => line.trim());
  const connection = lines.some((line) => /connection broken|Max retries|Temporary failure in name resolution|timed out/i.test(line));
  const error = lines.findLast((line) => line.startsWith('ERROR:')) ?? lines.findLast((line) => line !== '') ?? 'it gave no reason';
  return `${connection ? 'no connection to the package index; ' : ''}${error.replace(/^ERROR:\s*/, '').replace(/\.$/, '')}`;
}

module.exports = { pinnedWheels, fetchWheels, fetchPinned, pipError };
