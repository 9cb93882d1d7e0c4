// Writes src/engine/provision/pinned-wheels.json: the exact wheels of every target with their sha256, as the package index tells of them. To be run when
// TENSORFLOW_VERSION or the requirements of video-environment.js change; what it changes is looked at before it is committed.
//
//   node scripts/pin-wheels.mjs
//
// Needs a Python 3 whose pip is of version 23.3 or later, which asks the index for metadata alone and downloads no wheel.
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import provisionedTarget from '../src/engine/provision/target.js';
import videoEnvironment from '../src/engine/provision/video-environment.js';

const { chooseTarget, cudaRequirements } = provisionedTarget;
const { PLATFORMS, PYTHONS, REQUIREMENTS, environmentKey, pipTags } = videoEnvironment;
const MACHINES = [
  { platform: 'linux', arch: 'x64', backend: 'cpu' },
  { platform: 'linux', arch: 'x64', backend: 'gpu' },
  { platform: 'linux', arch: 'arm64', backend: 'cpu' },
  { platform: 'darwin', arch: 'arm64', backend: 'cpu' },
];

/** What pip would install for a requirement, and what its metadata says that it requires. */
function resolve(requirement, tags) {
  const choice = ['--only-binary=:all:', '--implementation=cp'];
  const wanted = ['--dry-run', '--ignore-installed', '--no-deps', '--quiet', '--report=-', '--target=unused', ...choice];
  const report = execFileSync('python3', ['-m', 'pip', 'install', ...wanted, ...tags, requirement], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [{ metadata, download_info: download }] = JSON.parse(report).install;
  const name = metadata.name.replaceAll('_', '-');
  const wheel = {
    requirement: `${name}==${metadata.version}`,
    file: path.posix.basename(decodeURIComponent(new URL(download.url).pathname)),
    sha256: download.archive_info.hashes.sha256,
  };
  return { wheel, requires: metadata.requires_dist ?? [] };
}

const pinned = {};
for (const machine of MACHINES) {
  const { key, requirement, platforms, cuda } = chooseTarget(machine);
  const tags = ['--python-version=3.11', '--abi=cp311', ...platforms.map((platform) => `--platform=${platform}`)];
  const { wheel, requires } = resolve(requirement, tags);
  const further = cuda ? cudaRequirements(requires.map((line) => `Requires-Dist: ${line}`).join('\n')) : [];
  pinned[key] = [wheel, ...further.map((asked) => resolve(asked, tags).wheel)];
}
for (const [machine, platforms] of Object.entries(PLATFORMS))
  for (const python of PYTHONS) {
    const key = environmentKey(python, ...machine.split('-'));
    pinned[key] = REQUIREMENTS.map((requirement) => resolve(requirement, pipTags(python, platforms)).wheel);
  }
writeFileSync(path.join(import.meta.dirname, '../src/engine/provision/pinned-wheels.json'), `${JSON.stringify(pinned, undefined, 2)}\n`);
