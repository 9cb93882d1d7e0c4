import { existsSync, readdirSync, statSync } from 'node:fs';
import path from 'node:path';
import { readWeights, type PlainRecord } from '../../checkpoint/training-checkpoint';
import { savedLabels } from '../../evaluation/loaded-model';
import { recogniseWeights } from '../../evaluation/recognise';
import type { ModelRecord } from '../../folder/config-file';
import { FOLDER_FILES, RELEASE_FILE, hasRole } from '../../folder/contents';
import { ModelFolder } from '../../folder/model-folder';
import { UserError } from '../../foundation/errors';
import { checksumOf } from '../checksums';
import { differencesFrom, MANIFEST_FILE, manifestIn } from '../pack/manifest';
import type { RegisteredModel } from '../registered-models';
import { changelogEntries, readChangelog } from '../release/changelog';
import { completeReleases, unfinishedReleases } from '../release/complete-releases';
import {
  PRODUCTION_RECORD_FILE,
  productionCheckpointIn,
  readProduction,
  releasedVersions,
  releaseFolder,
  readRelease,
  isVersion,
} from '../release/release-record';

/** Something that is not as the guide has it. */
export interface Finding {
  /** A remark tells what a user may want to know and fails nothing. */
  readonly severity: 'problem' | 'remark';
  /** The model, or what else of the registry it is about. */
  readonly model: string;
  /** The file or folder. */
  readonly place: string;
  readonly what: string;
  readonly todo: string;
  /** Mends it and says how; undefined where that is left to people. */
  readonly mend?: (() => string) | undefined;
  /** Whether mending takes the lock that it needs; else it is called under the model's. */
  readonly locksItself?: boolean;
}

/** What {@link Finding} tells of a model, before its name is put to it. */
export type FolderFinding = Omit<Finding, 'model'>;

/** Tells findings of one file apart from those of others. */
export function problem(place: string, what: string, todo: string, mend?: () => string): FolderFinding {
  return { severity: 'problem', place, what, todo, mend };
}

/** {@link problem} that fails nothing. */
export function remark(place: string, what: string, todo: string, mend?: () => string): FolderFinding {
  return { severity: 'remark', place, what, todo, mend };
}

/** A value, or what is wrong with where it should come from. */
export function valueOrFault<Value>(read: () => Value): { readonly value: Value } | { readonly fault: string } {
  try {
    return { value: read() };
  } catch (error) {
    if (error instanceof UserError) return { fault: error.message };
    // A file that cannot be read, or that went meanwhile.
    if (error instanceof Error && 'syscall' in error) return { fault: error.message };
    throw error;
  }
}

/** A checkpoint of a model folder. */
export interface FoundCheckpoint {
  /** Its path within the folder. */
  readonly file: string;
  readonly fit: CheckpointFit;
}

/** Every checkpoint of the folder and of its releases; one that has two names is opened once. */
export function checkpointsOf(
  { folder, models }: Pick<RegisteredModel, 'folder' | 'models'>,
  record: ModelRecord | undefined,
): FoundCheckpoint[] {
  const opened = new Map<string, CheckpointFit>();
  const releases = new ModelFolder(folder).releases;
  const released = existsSync(releases)
    ? readdirSync(releases).flatMap((name) =>
        checkpointNames(path.join(releases, name)).map((file) => `${FOLDER_FILES.releases}/${name}/${file}`),
      )
    : [];
  return [...checkpointNames(folder), ...released].map((file) => {
    const { dev, ino } = statSync(path.join(folder, file));
    // A release may be of an earlier state of the folder, whose config.json says what it is now.
    const fit = opened.get(`${dev}:${ino}`) ?? checkpointFit(path.join(folder, file), file.includes('/') ? undefined : record, models);
    opened.set(`${dev}:${ino}`, fit);
    return { file, fit: file.includes('/') ? ofSameModel(fit, record) : fit };
  });
}

/** Whatever state it is of, a release is of the model that its folder is of. */
function ofSameModel(fit: CheckpointFit, record: ModelRecord | undefined): CheckpointFit {
  if (record === undefined || fit.model === undefined || fit.model === record.model || fit.problems.length > 0) return fit;
  return { ...fit, problems: [`it holds ${fit.model}, config.json says ${record.model}`] };
}

function checkpointNames(folder: string): string[] {
  if (!statSync(folder).isDirectory()) return [];
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.pt') && !entry.name.startsWith('.'))
    .map(({ name }) => name)
    .sort();
}

/** What keeps checkpoints from being used, or from being those of their folder. */
export function unfitFindings(checkpoints: readonly FoundCheckpoint[]): FolderFinding[] {
  return checkpoints.flatMap(({ file, fit }) =>
    fit.problems.map((what) => problem(file, what, 'put back the checkpoint that belongs here')),
  );
}

/** What a checkpoint turned out to be. */
export interface CheckpointFit {
  /** Why it cannot be used, or is not what the folder's config.json says; nothing where all is well. */
  readonly problems: readonly string[];
  /** The model that its weights are of; undefined where they are of none. */
  readonly model: string | undefined;
  /** Undefined where it could not be read, or does not say. */
  readonly epoch: number | undefined;
  readonly bestMetric: number | undefined;
  /** Whether another program trained it: then its log need not agree with it to the last digit. */
  readonly foreign: boolean;
}

/**
 * Opens a checkpoint with the reader that runs nothing, rebuilds the model of it, and compares that with what the folder's config.json says.
 * @param record undefined where the folder has none that can be read.
 */
function checkpointFit(file: string, record: ModelRecord | undefined, models: RegisteredModel['models']): CheckpointFit {
  try {
    const { model: weights, epoch, bestMetric, config = {} } = readWeights(file);
    const recognised = recogniseWeights(weights, { ...(record?.run.model as PlainRecord | undefined), ...config }, file, models);
    const { model } = recognised;
    const labels = savedLabels(config, model);
    const problems = [
      ...(record === undefined
        ? []
        : [
            ...(recognised.model.definition.name === record.model
              ? []
              : [`it holds ${recognised.model.definition.name}, config.json says ${record.model}`]),
            ...differences(model.config, record.run.model),
            ...counts({ gloss: model.numGloss, category: model.numCategory }, record.run.classes),
            ...otherLabels('gloss', labels?.gloss, record.run.gloss_labels),
            ...otherLabels('category', labels?.category, record.run.category_labels),
          ]),
    ];
    return {
      problems,
      model: recognised.model.definition.name,
      epoch,
      bestMetric,
      foreign: config['told_settings'] !== undefined || config['imported_from'] !== undefined,
    };
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return { problems: [error.message], model: undefined, epoch: undefined, bestMetric: undefined, foreign: false };
  }
}

function differences(found: Readonly<Record<string, unknown>>, said: Readonly<Record<string, unknown>>): string[] {
  return Object.entries(said)
    .filter(([key, value]) => key in found && JSON.stringify(found[key]) !== JSON.stringify(value))
    .map(([key, value]) => `its ${key} is ${JSON.stringify(found[key])}, config.json says ${JSON.stringify(value)}`);
}

function counts(found: ModelRecord['run']['classes'], said: ModelRecord['run']['classes']): string[] {
  if (found.gloss === said.gloss && found.category === said.category) return [];
  return [`it tells ${found.gloss} glosses in ${found.category} categories apart, config.json says ${said.gloss} in ${said.category}`];
}

function otherLabels(head: string, found: readonly string[] | undefined, said: readonly string[] | undefined): string[] {
  if (found === undefined || said === undefined || JSON.stringify(found) === JSON.stringify(said)) return [];
  return [`its ${head} labels are not those of config.json`];
}

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
