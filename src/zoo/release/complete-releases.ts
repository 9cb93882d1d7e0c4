import { existsSync, rmSync, statSync } from 'node:fs';
import path from 'node:path';
import { readWeights } from '../../checkpoint/training-checkpoint';
import { FOLDER_FILES } from '../../folder/contents';
import { ModelFolder } from '../../folder/model-folder';
import { modelFile } from '../../folder/named-checkpoint';
import { replaceText, shareFile } from '../../foundation/atomic-file';
import { UserError } from '../../foundation/errors';
import { checkpointNameOf } from '../../models/model-table';
import { fileDigest, weightsDigest } from '../checksums';
import { hasTag, makeTag } from '../git/repository';
import { orUndefined, type RegisteredModel } from '../registered-models';
import { changelogEntries, completedChangelog, entryText, readChangelog } from './changelog';
import {
  factsInConfig,
  PRODUCTION_RECORD_FILE,
  readProduction,
  readReleases,
  TAG_PENDING_FILE,
  compareVersions,
  isVersion,
  type ProductionRecord,
  type Release,
} from './release-record';

/** What {@link completeReleases} did. */
interface Completion {
  /** What was made up for, a few words each; empty where nothing was missing. */
  readonly completed: readonly string[];
  /** What could not be, a line each. */
  readonly problems: readonly string[];
}

/**
 * Makes up for what a `promote` or `release` that was killed left undone: of each release the entry in CHANGELOG.md, of the last the version in config.json, the
 * folder's production checkpoint and the tag. What people wrote or changed since stays. The caller holds the folder's lock.
 * @throws UserError where a `release.json` or the folder's `config.json` cannot be read.
 */
export function completeReleases(model: RegisteredModel): Completion {
  const steps = missingSteps(model);
  const problems: string[] = [];
  const completed = steps.flatMap(({ what, complete }) => {
    const problem = complete();
    if (problem === undefined) return [what];
    problems.push(problem);
    return [];
  });
  return { completed, problems };
}

/**
 * What {@link completeReleases} would make up for, a few words each; nothing is written.
 * @throws UserError as {@link completeReleases}.
 */
export function unfinishedReleases(model: RegisteredModel): string[] {
  return missingSteps(model).map(({ what }) => what);
}

interface Step {
  readonly what: string;
  /** @returns why it cannot be done; undefined where it was. */
  readonly complete: () => string | undefined;
}

function missingSteps({ name, folder }: RegisteredModel): Step[] {
  const releases = readReleases(folder);
  const latest = releases.at(-1);
  if (latest === undefined) return promotionStep(folder);
  const released = isOfRelease(folder, latest);
  return [
    ...changelogStep(name, folder, releases),
    ...recordStep(folder, latest),
    ...(released ? productionStep(folder, latest) : promotionStep(folder)),
    ...releases.flatMap((release) => tagStep(folder, release)),
  ];
}

function changelogStep(name: string, folder: string, releases: readonly Release[]): Step[] {
  const text = readChangelog(folder);
  const there = new Set(changelogEntries(text ?? '').map(({ version }) => version));
  const absent = releases.filter(({ record }) => !there.has(record.version));
  if (absent.length === 0) return [];
  const complete = (): undefined => {
    const records = releases.map(({ record }) => record);
    replaceText(new ModelFolder(folder).changelog, completedChangelog(text, name, records));
  };
  return [{ what: `${FOLDER_FILES.changelog}: ${absent.map(({ record }) => `v${record.version}`).join(', ')}`, complete }];
}

function recordStep(folder: string, { record: { version, follows } }: Release): Step[] {
  const recorded = new ModelFolder(folder).readConfig().run.version;
  if (recorded === version) return [];
  const isNewer = recorded === undefined || !isVersion(recorded) || compareVersions(recorded, version) < 0;
  const complete = (): undefined => {
    new ModelFolder(folder).updateRegistryFacts({
      version,
      ...(isNewer ? { stage: 'production' } : {}),
      ...(follows === null ? {} : { follows }),
    });
  };
  return [{ what: `config.json: version ${version}`, complete }];
}

/** Whether the folder's production checkpoint should be the last release's: it is unless another was promoted since. */
function isOfRelease(folder: string, { record: { created } }: Release): boolean {
  const production = promotedIn(folder);
  return production === undefined || production.created <= created;
}

/** What a production checkpoint says of itself, else what lies beside it says. */
function promotedIn(folder: string): { readonly created: string; readonly sha256?: string } | undefined {
  return unrecordedPromotion(folder)?.record ?? recordedProduction(folder);
}

function productionStep(folder: string, { folder: place, record: { checkpoint, version } }: Release): Step[] {
  const file = path.join(folder, checkpoint.file);
  const recorded = recordedProduction(folder);
  if (recorded?.sha256 === checkpoint.sha256 && existsSync(file) && statSync(file).size === checkpoint.bytes) return [];
  if (!existsSync(path.join(place, checkpoint.file))) return [];
  const complete = (): undefined => {
    shareFile(path.join(place, checkpoint.file), file);
    writeProductionRecord(folder, checkpoint);
  };
  return [{ what: `${checkpoint.file} of v${version}`, complete }];
}

/** A promotion whose checkpoint is there, and what it says of itself not yet. */
function promotionStep(folder: string): Step[] {
  const found = unrecordedPromotion(folder);
  if (found === undefined) return [];
  const complete = (): undefined => {
    new ModelFolder(folder).updateRegistryFacts({ stage: 'production' });
    writeProductionRecord(folder, found.record);
  };
  return [{ what: `${PRODUCTION_RECORD_FILE} of ${found.record.file}`, complete }];
}

function unrecordedPromotion(folder: string): { readonly record: ProductionRecord } | undefined {
  const files = new ModelFolder(folder);
  const file = files.checkpoint('production', checkpointNameOf(files.readConfig()));
  if (!existsSync(file)) return undefined;
  const digest = fileDigest(file);
  const recorded = recordedProduction(folder);
  if (recorded?.sha256 === digest.sha256) return undefined;
  const facts = factsOf(file);
  // A checkpoint that is older than what is recorded was damaged or put there by hand: that is told by a check, not hidden.
  if (facts === undefined || (recorded !== undefined && facts.created <= recorded.created)) return undefined;
  return { record: { file: path.basename(file), ...digest, ...facts } };
}

/** A damaged `production.json` is as good as none: it is written anew from what it was of. */
function recordedProduction(folder: string): ProductionRecord | undefined {
  return orUndefined(() => readProduction(folder));
}

function factsOf(file: string): ReturnType<typeof factsInConfig> {
  return orUndefined(() => factsInConfig(readWeights(file).config));
}

function tagStep(folder: string, { folder: place, record }: Release): Step[] {
  const pending = path.join(place, TAG_PENDING_FILE);
  const { tag } = record;
  if (tag === null || !existsSync(pending)) return [];
  const complete = (): string | undefined => {
    const problem = hasTag(folder, tag.name) ? undefined : makeTag(folder, tag, entryText(record));
    rmSync(pending);
    return problem === undefined ? undefined : `the tag ${tag.name} could not be made: ${problem}`;
  };
  return [{ what: `tag ${tag.name}`, complete }];
}

/** Writes a model folder's `production.json`. */
export function writeProductionRecord(folder: string, record: ProductionRecord): void {
  replaceText(path.join(folder, PRODUCTION_RECORD_FILE), `${JSON.stringify(record, null, 2)}\n`);
}

/** Where a model stands in its releases. */
export interface ReleaseState {
  /** The oldest first. */
  readonly releases: readonly {
    readonly version: string;
    readonly created: string;
    readonly gloss_acc: number;
    readonly cat_acc: number;
  }[];
  /** The checkpoint that was promoted or released last. */
  readonly production: ProductionRecord | null;
  /** Whether the best checkpoint has other weights than the last release; null where there is none, or it cannot be read. */
  readonly changed_since_release: boolean | null;
  /** What a command that was killed left undone. */
  readonly unfinished: readonly string[];
  /** What cannot be read, a line each. */
  readonly problems: readonly string[];
}

/** Looks at a model folder's releases and its production checkpoint, and writes nothing. */
export function releaseState(model: RegisteredModel): ReleaseState {
  const problems: string[] = [];
  const attempt = <Value>(look: () => Value, otherwise: Value): Value => {
    try {
      return look();
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      if (!problems.includes(error.message)) problems.push(error.message);
      return otherwise;
    }
  };
  const releases = attempt(() => readReleases(model.folder), []);
  const last = releases.at(-1)?.record;
  const current = (): string => weightsDigest(readWeights(modelFile(model.folder, model.name)).model);
  return {
    releases: releases.map(({ record: { version, created, evaluation } }) => ({
      version,
      created,
      gloss_acc: evaluation.gloss.accuracy,
      cat_acc: evaluation.category.accuracy,
    })),
    production: attempt(() => readProduction(model.folder) ?? null, null),
    changed_since_release: last === undefined ? null : attempt(() => current() !== last.weights_sha256, null),
    unfinished: attempt(() => unfinishedReleases(model), []),
    problems,
  };
}
