import { existsSync } from 'node:fs';
import path from 'node:path';
import { readWeights, type CheckpointWeights } from '../../checkpoint/training-checkpoint';
import { modelOfFile, modelOfCheckpoint, type LoadedModel } from '../../evaluation/loaded-model';
import type { ModelRecord } from '../../folder/config-file';
import { modelFile } from '../../folder/named-checkpoint';
import { UserError } from '../../foundation/errors';
import { weightsDigest } from '../checksums';
import { findModel, type RegisteredModel } from '../find-model';
import { planTag } from '../git/repository';
import { architectureChanges, architectureOf, classChangeTexts, classesOf, type Architecture, type ClassNames } from './architecture';
import { completedChangelog, entriesText, readChangelog } from './changelog';
import type { CheckpointData } from './production-checkpoint';
import { readProduction, type ProductionDtype } from './production-record';
import { labelsOf } from './promote';
import { releaseFolder, readReleases, nextVersion, type Release, type ReleaseRecord, type Bump } from './release-record';

/** A release that is asked for. */
export interface ReleaseRequest {
  readonly bump: Bump;
  readonly notes: readonly string[];
  /** Whether it may be less accurate than the one before. */
  readonly allowRegression: boolean;
  /** The model whose releases this one's go on from. */
  readonly follows: string | undefined;
  /** Whether git gets a tag of it. */
  readonly tag: boolean;
  /** Of its weights; undefined for that of the promoted checkpoint, else float32. */
  readonly dtype: ProductionDtype | undefined;
  readonly data: CheckpointData;
}

/** What is to be released. */
export interface Candidate {
  readonly source: LoadedModel;
  /** All that its file holds, which was read once. */
  readonly contents: CheckpointWeights;
  readonly dtype: ProductionDtype;
  readonly weightsSha256: string;
  readonly architecture: Architecture;
  readonly classes: ClassNames;
}

/** The releases that a new one goes on from. */
export interface ReleaseLine {
  readonly own: readonly Release[];
  readonly follows: string | undefined;
  /** The last one, of the model itself or of the one that it follows. */
  readonly previous: Release | undefined;
  /** What the changelog of a model that follows another starts with. */
  readonly inheritedChangelog: string | undefined;
}

/** What a release will be, once it is sure that it can be made. */
export interface ReleasePlan {
  readonly version: string;
  readonly folder: string;
  readonly previous: Release | undefined;
  readonly changes: readonly string[];
  /** The release before where it can be asked about the same clips, else why not. */
  readonly rival: LoadedModel | string | undefined;
  readonly tag: ReleaseRecord['tag'];
}

/** @throws UserError where the model's checkpoint cannot be read. */
export function candidateOf({ name, folder, models }: RegisteredModel, record: ModelRecord, { dtype }: ReleaseRequest): Candidate {
  const file = modelFile(folder, name);
  const contents = readWeights(file);
  const source = modelOfCheckpoint(file, contents, {}, models);
  return {
    source,
    contents,
    dtype: dtype ?? readProduction(folder)?.dtype ?? 'float32',
    weightsSha256: weightsDigest(contents.model),
    architecture: architectureOf(source),
    classes: classesOf(source, labelsOf(record)),
  };
}

/** @throws UserError where a model cannot follow the one that is asked for. */
export function lineOf(
  root: string,
  { name, folder, models }: RegisteredModel,
  { run }: ModelRecord,
  asked: string | undefined,
): ReleaseLine {
  const own = readReleases(folder);
  const recorded = own.find(({ record }) => record.follows !== null)?.record.follows ?? run.follows;
  const followed = asked === undefined ? undefined : findModel(root, asked, models);
  if (followed?.folder === folder || followed?.name === name) throw new UserError(`--follows ${name}: a model cannot follow itself`);
  if (followed !== undefined && own.length > 0 && followed.name !== recorded) {
    throw new UserError(`--follows ${followed.name}: ${name} has releases of its own already, up to v${own.at(-1)?.record.version ?? ''}`);
  }
  const follows = followed?.name ?? recorded;
  if (own.length > 0 || follows === undefined) return { own, follows, previous: own.at(-1), inheritedChangelog: undefined };
  const before = followed ?? findModel(root, follows, models);
  const previous = readReleases(before.folder).at(-1);
  if (previous === undefined) throw new UserError(`--follows ${before.name}: it has no releases that others could go on from`);
  const records = readReleases(before.folder).map(({ record }) => record);
  return {
    own,
    follows,
    previous,
    inheritedChangelog: entriesText(completedChangelog(readChangelog(before.folder), before.name, records)),
  };
}

/** Whether a release would hold nothing that the one before does not. */
export function isUnchanged(before: ReleaseRecord, { weightsSha256, dtype, architecture, classes }: Candidate): boolean {
  return (
    before.weights_sha256 === weightsSha256 &&
    before.checkpoint.dtype === dtype &&
    [...architectureChanges(before.architecture, architecture), ...classChangeTexts(before.classes, classes)].length === 0
  );
}

/**
 * Checks all that can be checked before anything is evaluated.
 * @throws UserError where nothing changed, an incompatible change is no major one, or the tag cannot be made.
 */
export function planRelease(
  { name, folder, models }: RegisteredModel,
  { candidate, line, request }: { readonly candidate: Candidate; readonly line: ReleaseLine; readonly request: ReleaseRequest },
): ReleasePlan {
  const { previous } = line;
  const before = previous?.record;
  const version = nextVersion(before?.version, request.bump);
  const place = releaseFolder(folder, version);
  if (existsSync(place)) throw new UserError(`${place}: it is there already; a release is never written over`);
  if (before !== undefined && isUnchanged(before, candidate)) {
    throw new UserError(
      `${name}: nothing has changed since v${before.version}: the weights of ${path.basename(candidate.source.file)} are the same`,
    );
  }
  const classChanges = before === undefined ? [] : classChangeTexts(before.classes, candidate.classes);
  const changes = before === undefined ? [] : [...architectureChanges(before.architecture, candidate.architecture), ...classChanges];
  if (before !== undefined && changes.length > 0 && request.bump !== 'major') {
    throw new UserError(
      `${name}: whoever uses v${before.version} must change too, so this release must be --bump major: ${changes.join('; ')}`,
    );
  }
  return {
    version,
    folder: place,
    previous,
    changes,
    rival: previous === undefined ? undefined : rivalOf(previous, candidate, { models, otherClasses: classChanges.length > 0 }),
    tag: request.tag ? planTag(folder, name, version, models) : null,
  };
}

function rivalOf(
  { folder, record }: Release,
  { source }: Candidate,
  { models, otherClasses }: { readonly models: RegisteredModel['models']; readonly otherClasses: boolean },
): LoadedModel | string {
  if (record.architecture.model !== source.name) return `v${record.version} is another model`;
  if (otherClasses) return `v${record.version} has other classes`;
  try {
    return modelOfFile(path.join(folder, record.checkpoint.file), {}, { models });
  } catch (error) {
    if (error instanceof UserError) return `the checkpoint of v${record.version} cannot be read (${error.message})`;
    throw error;
  }
}
