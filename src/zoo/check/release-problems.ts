import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { RELEASE_FILE } from '../../folder/model-folder';
import { checksumOf } from '../file-checksum';
import type { ModelRecord } from '../../folder/config-file';
import type { RegisteredModel } from '../registry';
import { CHANGELOG_FILE, changelogEntries, readChangelog } from '../release/changelog';
import { completeReleases, unfinishedReleases } from '../release/complete-releases';
import { releasedVersions, releaseFolder, readRelease, RELEASES_FOLDER } from '../release/release-record';
import { isVersion } from '../release/version';
import { problem, remark, valueOrFault, type FolderFinding } from './finding';

const RESTORE = 'put the release back as it was made (a pack or another copy of it has it), or remove its folder';

/**
 * What is wrong with a model's releases: each `releases/vX.Y.Z/release.json` is the truth, the CHANGELOG.md, config.json's version and the production checkpoint
 * follow from them.
 * @param record undefined where config.json cannot be read, which is told elsewhere.
 */
export function releaseProblems(model: RegisteredModel, record: ModelRecord | undefined): FolderFinding[] {
  const { folder } = model;
  const versions = releasedVersions(folder);
  const broken = versions.flatMap((version) => oneRelease(folder, version));
  return [
    ...strayFolders(folder),
    ...broken,
    ...(broken.length === 0 && record !== undefined ? unfinishedFindings(model) : []),
    ...untoldVersion(versions, record),
    ...unmadeReleases(folder, versions),
  ];
}

function strayFolders(folder: string): FolderFinding[] {
  const releases = path.join(folder, RELEASES_FOLDER);
  if (!existsSync(releases)) return [];
  return readdirSync(releases, { withFileTypes: true })
    .filter(
      (entry) => entry.isDirectory() && !entry.name.startsWith('.') && !(entry.name.startsWith('v') && isVersion(entry.name.slice(1))),
    )
    .map(({ name }) => problem(`${RELEASES_FOLDER}/${name}`, 'expected a folder named after a version, as v1.1.0', 'rename or remove it'));
}

function oneRelease(folder: string, version: string): FolderFinding[] {
  const place = `${RELEASES_FOLDER}/v${version}`;
  const read = valueOrFault(() => readRelease(folder, version));
  if ('fault' in read) return [problem(`${place}/${RELEASE_FILE}`, faultOf(read.fault, releaseFolder(folder, version)), RESTORE)];
  const { file, sha256 } = read.value.record.checkpoint;
  const checkpoint = path.join(releaseFolder(folder, version), file);
  if (!existsSync(checkpoint)) return [problem(`${place}/${file}`, 'it is missing', RESTORE)];
  return checksumOf(checkpoint) === sha256 ? [] : [problem(`${place}/${file}`, 'its checksum is not the one of the release', RESTORE)];
}

/** The fault without the path that the finding has already. */
function faultOf(fault: string, folder: string): string {
  return fault
    .replace(`${path.join(folder, RELEASE_FILE)}: `, '')
    .replace(/; (the folder is no release|restore it|move the folder).*$/, '');
}

/** What a release or promotion that was killed left to do. */
function unfinishedFindings(model: RegisteredModel): FolderFinding[] {
  const read = valueOrFault(() => unfinishedReleases(model));
  if ('fault' in read || read.value.length === 0) return [];
  const mend = (): string => {
    const { completed, problems } = completeReleases(model);
    return [...completed.map((what) => `completed: ${what}`), ...problems].join('; ');
  };
  const what = `a release or promotion was stopped before it had written all: ${read.value.join('; ')}`;
  return [remark('', what, '--fix writes it, and so does the next promote or release', mend)];
}

function untoldVersion(versions: readonly string[], record: ModelRecord | undefined): FolderFinding[] {
  const version = record?.run.version;
  if (version === undefined || versions.includes(version)) return [];
  const what = `its version is ${version}, which ${RELEASES_FOLDER}/ does not have`;
  return [problem('config.json', what, 'put the release back, or take run.version out of config.json')];
}

function unmadeReleases(folder: string, versions: readonly string[]): FolderFinding[] {
  const listed = new Set(changelogEntries(readChangelog(folder) ?? '').map(({ version }) => version));
  const first = versions[0];
  const inherited = first === undefined ? '' : inheritedBy(folder, first);
  return [...listed]
    .filter((version) => isVersion(version) && !versions.includes(version) && !inherited.includes(`## v${version} `))
    .map((version) =>
      remark(
        CHANGELOG_FILE,
        `it tells of v${version}, which ${RELEASES_FOLDER}/ does not have`,
        'put the release back where it should be there',
      ),
    );
}

/** The entries of the model that a folder's first release followed: those releases lie in its folder. */
function inheritedBy(folder: string, first: string): string {
  const read = valueOrFault(() => readRelease(folder, first));
  return 'value' in read ? (read.value.record.inherited_changelog ?? '') : '';
}
