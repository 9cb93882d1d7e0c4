import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';
import type { ModelRecord } from '../../folder/config-file';
import { FOLDER_FILES, RELEASE_FILE, hasRole } from '../../folder/contents';
import { ModelFolder } from '../../folder/model-folder';
import { checksumOf } from '../checksums';
import type { RegisteredModel } from '../find-model';
import { differencesFrom, MANIFEST_FILE, manifestIn } from '../pack/manifest';
import { changelogEntries, readChangelog } from '../release/changelog';
import { completeReleases, unfinishedReleases } from '../release/complete-releases';
import { PRODUCTION_RECORD_FILE, productionCheckpointIn, readProduction } from '../release/production-record';
import { releasedVersions, releaseFolder, readRelease, isVersion } from '../release/release-record';
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
  const releases = new ModelFolder(folder).releases;
  if (!existsSync(releases)) return [];
  return readdirSync(releases, { withFileTypes: true })
    .filter(
      (entry) => entry.isDirectory() && !entry.name.startsWith('.') && !(entry.name.startsWith('v') && isVersion(entry.name.slice(1))),
    )
    .map(({ name }) =>
      problem(`${FOLDER_FILES.releases}/${name}`, 'expected a folder named after a version, as v1.1.0', 'rename or remove it'),
    );
}

function oneRelease(folder: string, version: string): FolderFinding[] {
  const place = `${FOLDER_FILES.releases}/v${version}`;
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
  const what = `its version is ${version}, which ${FOLDER_FILES.releases}/ does not have`;
  return [problem(FOLDER_FILES.config, what, 'put the release back, or take run.version out of config.json')];
}

function unmadeReleases(folder: string, versions: readonly string[]): FolderFinding[] {
  const listed = new Set(changelogEntries(readChangelog(folder) ?? '').map(({ version }) => version));
  const first = versions[0];
  const inherited = first === undefined ? '' : inheritedBy(folder, first);
  return [...listed]
    .filter((version) => isVersion(version) && !versions.includes(version) && !inherited.includes(`## v${version} `))
    .map((version) =>
      remark(
        FOLDER_FILES.changelog,
        `it tells of v${version}, which ${FOLDER_FILES.releases}/ does not have`,
        'put the release back where it should be there',
      ),
    );
}

/** The entries of the model that a folder's first release followed: those releases lie in its folder. */
function inheritedBy(folder: string, first: string): string {
  const read = valueOrFault(() => readRelease(folder, first));
  return 'value' in read ? (read.value.record.inherited_changelog ?? '') : '';
}

/** What is wrong with the production checkpoint: its checksum, and what it was made of. What a promotion that was killed left to do is told elsewhere. */
export function productionFindings(model: RegisteredModel): FolderFinding[] {
  const { folder } = model;
  const checkpoint = productionCheckpointIn(folder);
  const file = path.join(folder, PRODUCTION_RECORD_FILE);
  const again = `promote it again: npm run models -- promote ${path.basename(folder)}`;
  if (checkpoint === undefined && !existsSync(file)) return [];
  if (checkpoint === undefined) return [problem(PRODUCTION_RECORD_FILE, 'the production checkpoint that it tells of is missing', again)];
  if (isUnfinished(model)) return [];
  const name = path.basename(checkpoint);
  if (!existsSync(file)) return [problem(name, `there is no ${PRODUCTION_RECORD_FILE} beside it, so nothing says what it is`, again)];
  const recorded = valueOrFault(() => readProduction(folder));
  if ('fault' in recorded) return [problem(PRODUCTION_RECORD_FILE, recorded.fault.replace(`${file}: `, ''), again)];
  const read = recorded.value;
  if (checksumOf(checkpoint) !== read?.sha256) return [problem(name, `its checksum is not the one in ${PRODUCTION_RECORD_FILE}`, again)];
  return isOfAnother(folder, read.source) ? [remark(name, `${read.source.file} has changed since it was promoted`, again)] : [];
}

function isUnfinished(model: RegisteredModel): boolean {
  const read = valueOrFault(() => unfinishedReleases(model));
  return 'value' in read && read.value.length > 0;
}

function isOfAnother(folder: string, source: { readonly file: string; readonly sha256: string }): boolean {
  const file = path.join(folder, source.file);
  return existsSync(file) && checksumOf(file) !== source.sha256;
}

/**
 * How a folder that was unpacked differs from its manifest. That results, card and registry's facts are written anew is usual, and a training that went on changes
 * its checkpoints and its log together; weights that changed alone are damaged, or not those that were sent.
 */
export function manifestFindings(folder: string): FolderFinding[] {
  const read = valueOrFault(() => manifestIn(folder));
  const remove = `unpack it anew, or remove ${MANIFEST_FILE} if the change is yours; pack makes a new one`;
  if ('fault' in read) return [problem(MANIFEST_FILE, read.fault, remove)];
  if (read.value === undefined) return [];
  const differing = differencesFrom(read.value, folder);
  const wentOn = differing.some(({ path: inner }) => inner === FOLDER_FILES.log);
  return differing.map(({ path: inner, missing }) => {
    const what = missing ? `it is missing, and ${MANIFEST_FILE} has it` : `its checksum is not the one in ${MANIFEST_FILE}`;
    const isWeights = inner.endsWith('.pt') && !(wentOn && !inner.includes('/') && !hasRole(inner, 'production'));
    return isWeights
      ? problem(inner, what, remove)
      : remark(inner, what, 'that is so where it was written anew since; pack makes a new manifest');
  });
}
