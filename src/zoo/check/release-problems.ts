import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import semver from 'semver';
import { z } from 'zod';
import { messageOf } from '../../foundation/errors';
import { checksumOf } from '../file-checksum';
import { updateRecord, type ModelRecord } from '../model-record';
import { RELEASES_FOLDER, releasesIn } from '../released';
import { pathProblem } from '../tar/safe-path';
import { problem, remark, type FolderFinding } from './finding';

const RELEASE_FILE = 'release.json';
const CHANGELOG = 'CHANGELOG.md';
const releaseSchema = z.looseObject({ version: z.string(), file: z.string(), sha256: z.string() });

/**
 * What is wrong with a model's releases: each `releases/vX.Y.Z/release.json` is the truth, the CHANGELOG.md and config.json's version follow from them.
 * @param record undefined where config.json cannot be read, which is told elsewhere.
 */
export function releaseProblems(folder: string, record: ModelRecord | undefined): FolderFinding[] {
  const releases = releasesIn(folder);
  const versions = releases.flatMap((name) => toldVersion(folder, name) ?? []);
  return [
    ...releases.flatMap((name) => oneRelease(folder, name)),
    ...versionFindings(folder, newestVersion(folder), record),
    ...changelogFindings(folder, versions),
  ];
}

function newestVersion(folder: string): string | undefined {
  return semver.rsort(releasesIn(folder).flatMap((name) => toldVersion(folder, name) ?? []))[0];
}

/** The version of a release whose release.json tells of it. */
function toldVersion(folder: string, name: string): string | undefined {
  const read = readRelease(path.join(folder, RELEASES_FOLDER, name, RELEASE_FILE));
  return typeof read !== 'string' && semver.valid(read.version) !== null && name === `v${read.version}` ? read.version : undefined;
}

function oneRelease(folder: string, name: string): FolderFinding[] {
  const place = `${RELEASES_FOLDER}/${name}`;
  const restore = 'put the release back as it was made (a pack or another copy of it has it), or remove its folder';
  const version = name.startsWith('v') ? semver.valid(name.slice(1)) : null;
  if (version === null || `v${version}` !== name)
    return [problem(place, 'expected a folder named after a version, as v1.1.0', 'rename or remove it')];
  const file = path.join(folder, RELEASES_FOLDER, name, RELEASE_FILE);
  if (!existsSync(file)) return [problem(`${place}/${RELEASE_FILE}`, 'it is missing', restore)];
  const read = readRelease(file);
  if (typeof read === 'string') return [problem(`${place}/${RELEASE_FILE}`, read, restore)];
  if (read.version !== version) return [problem(`${place}/${RELEASE_FILE}`, `it says version ${JSON.stringify(read.version)}`, restore)];
  if (pathProblem(read.file, { hidden: false }) !== undefined)
    return [problem(`${place}/${RELEASE_FILE}`, 'the file it names is none of its folder', restore)];
  const checkpoint = path.join(folder, RELEASES_FOLDER, name, read.file);
  if (!existsSync(checkpoint)) return [problem(`${place}/${read.file}`, 'it is missing', restore)];
  return checksumOf(checkpoint) === read.sha256
    ? []
    : [problem(`${place}/${read.file}`, 'its checksum is not the one of the release', restore)];
}

function readRelease(file: string): z.infer<typeof releaseSchema> | string {
  try {
    const checked = releaseSchema.safeParse(JSON.parse(readFileSync(file, 'utf8')));
    if (checked.success) return checked.data;
    const [issue] = checked.error.issues;
    return `${issue?.path.join('.') ?? ''}: ${issue?.message ?? ''}`;
  } catch (error) {
    return `it cannot be read (${messageOf(error)})`;
  }
}

function versionFindings(folder: string, newest: string | undefined, record: ModelRecord | undefined): FolderFinding[] {
  if (record === undefined || record.run.version === newest) return [];
  const { version } = record.run;
  if (newest === undefined) {
    return [
      problem(
        'config.json',
        `its version is ${version ?? ''}, and releases/ has none`,
        'put the release back, or take run.version out of config.json',
      ),
    ];
  }
  return [
    problem('config.json', `its version is ${version ?? 'not set'}, the newest release is ${newest}`, '--fix writes it', () => {
      // Looked up once more: this is called under the model's lock.
      const version = newestVersion(folder) ?? newest;
      updateRecord(folder, { version });
      return `config.json has version ${version} now`;
    }),
  ];
}

function changelogFindings(folder: string, versions: readonly string[]): FolderFinding[] {
  const file = path.join(folder, CHANGELOG);
  const text = existsSync(file) ? readFileSync(file, 'utf8') : '';
  const told = new Set([...text.matchAll(/^## v(\S+)/gm)].map(([, version = '']) => version));
  const untold = versions.filter((version) => !told.has(version));
  const unmade = [...told].filter((version) => semver.valid(version) !== null && !versions.includes(version));
  return [
    ...untold.map((version) =>
      problem(
        CHANGELOG,
        `it has no entry "## v${version}", which releases/ has`,
        `write it, from ${RELEASES_FOLDER}/v${version}/${RELEASE_FILE}`,
      ),
    ),
    ...unmade.map((version) =>
      remark(CHANGELOG, `it tells of v${version}, which releases/ does not have`, 'put the release back where it should be there'),
    ),
  ];
}
