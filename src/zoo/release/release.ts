import { renameSync, writeFileSync, existsSync } from 'node:fs';
import path from 'node:path';
import { readWeights, type CheckpointWeights } from '../../checkpoint/training-checkpoint';
import { modelOfFile, modelOfCheckpoint, type LoadedModel } from '../../evaluation/loaded-model';
import type { EvaluationResult } from '../../evaluation/result';
import { pickFigures } from '../../evaluation/results/contents';
import { writeResults } from '../../evaluation/results/write-results';
import { curvesBeside } from '../../evaluation/training-curves';
import type { ModelRecord } from '../../folder/config-file';
import { FOLDER_FILES, RELEASE_FILE } from '../../folder/contents';
import { ModelFolder } from '../../folder/model-folder';
import { modelFile } from '../../folder/named-checkpoint';
import { replaceText } from '../../foundation/atomic-file';
import { UserError } from '../../foundation/errors';
import { buildFolder } from '../../foundation/folders';
import { weightsDigest } from '../checksums';
import { planTag } from '../git/repository';
import { withFolderBeside } from '../leftovers';
import { findModel, type RegisteredModel } from '../registered-models';
import { noteLines, completedChangelog, entriesText, readChangelog } from './changelog';
import { completeReleases } from './complete-releases';
import { makeProduction, labelsOf, tidy, type MadeProduction, type ReleaseContext, type CheckpointData } from './promote';
import {
  compareReleases,
  worseHeads,
  releaseLines,
  architectureChanges,
  architectureOf,
  classChangeTexts,
  classesOf,
  type Architecture,
  type ClassNames,
} from './release-changes';
import {
  releaseText,
  TAG_PENDING_FILE,
  readProduction,
  releaseFolder,
  readReleases,
  nextVersion,
  type Release,
  type ReleaseComparison,
  type ReleaseRecord,
  type ProductionDtype,
  type Bump,
} from './release-record';

/** A release that has been made. */
export interface ReleaseOutcome {
  readonly release: Release;
  /** Whether an earlier command had made it, was stopped before it was done, and this one did the rest. */
  readonly completedOnly: boolean;
}

/**
 * Releases a model: gives its best checkpoint the next version, sets it against the release before, and keeps it under `releases/`. The runtime must have been
 * started.
 * @param root the registry, where the model that it follows is looked for.
 * @throws UserError where nothing changed, an incompatible change is no major one, it is less accurate and that was not allowed, or a tag cannot be made; then
 * nothing has been written.
 */
export async function releaseModel(
  root: string,
  model: RegisteredModel,
  request: ReleaseRequest,
  context: ReleaseContext,
): Promise<ReleaseOutcome> {
  const notes = noteLines(request.notes);
  return await new ModelFolder(model.folder).whileLocked('release', async () => {
    const record = new ModelFolder(model.folder).readConfig();
    const completed = tidy(model, context.watch);
    const candidate = candidateOf(model, record, request);
    const line = lineOf(root, model, record, request.follows);
    const own = line.own.at(-1);
    if (completed.length > 0 && own !== undefined && isUnchanged(own.record, candidate)) return { release: own, completedOnly: true };
    const plan = planRelease(model, { candidate, line, request });
    return await withFolderBeside(model.folder, async (beside) => {
      const made = await makeAndCompare(beside, { record, candidate, plan, request }, context);
      const release = await keep(model, beside, { record, candidate, line, plan, notes, request, made }, context);
      for (const problem of completeReleases(model).problems) context.watch.onWarning(problem);
      return { release, completedOnly: false };
    });
  });
}

interface Evaluated extends MadeProduction {
  readonly comparison: ReleaseComparison | null;
}

async function makeAndCompare(
  beside: string,
  facts: { readonly record: ModelRecord; readonly candidate: Candidate; readonly plan: ReleasePlan; readonly request: ReleaseRequest },
  { now, kumpas, watch }: ReleaseContext,
): Promise<Evaluated> {
  const { record, candidate, plan, request } = facts;
  const { previous, rival, version } = plan;
  const made = await makeProduction(
    beside,
    {
      source: candidate.source,
      contents: candidate.contents,
      dtype: candidate.dtype,
      version,
      labels: labelsOf(record),
      data: request.data,
      alongside: typeof rival === 'object' ? [rival] : [],
      created: now,
      kumpas,
    },
    watch,
  );
  if (previous === undefined) return { ...made, comparison: null };
  const asked = made.alongside[0]?.result ?? (typeof rival === 'string' ? rival : 'it was not asked');
  const comparison = compareReleases(previous, asked, made.after.result);
  const worse = worseHeads(comparison);
  if (worse.length > 0 && !request.allowRegression) {
    throw new UserError(
      `${record.run.name}: it is less accurate than v${previous.record.version}: ${worse.join(', ')}; release it all the same with --allow-regression`,
    );
  }
  if (comparison.basis === 'none') watch.onWarning(`it cannot be compared with v${previous.record.version}: ${comparison.reason}`);
  return { ...made, comparison };
}

interface Kept {
  readonly record: ModelRecord;
  readonly candidate: Candidate;
  readonly line: ReleaseLine;
  readonly plan: ReleasePlan;
  readonly notes: readonly string[];
  readonly request: ReleaseRequest;
  readonly made: Evaluated;
}

async function keep(model: RegisteredModel, beside: string, kept: Kept, { now, watch }: ReleaseContext): Promise<Release> {
  const { candidate, plan, made } = kept;
  const file = made.record.file;
  const result: EvaluationResult = { ...made.after.result, model: { ...made.after.result.model, file: path.join(plan.folder, file) } };
  const context = { curves: curvesBeside(candidate.source.file), created: now, onWarning: watch.onWarning };
  await writeResults(path.join(beside, FOLDER_FILES.results), result, context);
  const record = releaseRecord(model, kept);
  const text = releaseText(record);
  buildFolder(plan.folder, (unfinished) => {
    renameSync(made.file, path.join(unfinished, file));
    renameSync(path.join(beside, FOLDER_FILES.results), new ModelFolder(unfinished).results);
    if (plan.tag !== null) writeFileSync(path.join(unfinished, TAG_PENDING_FILE), '');
    replaceText(path.join(unfinished, RELEASE_FILE), text);
  });
  return { folder: plan.folder, record };
}

/** What a release tells of the clips that its model was trained with. */
function trainedWith({ run: { data } }: ModelRecord): ReleaseRecord['trained_with'] {
  if (data === undefined) return null;
  const { title, synthetic, train_clips, validation_clips, fingerprint } = data;
  return { title, synthetic, train_clips, validation_clips, fingerprint };
}

function releaseRecord({ name }: RegisteredModel, { record, candidate, line, plan, notes, request, made }: Kept): ReleaseRecord {
  const { result } = made.after;
  const { gloss, category } = result;
  const facts: Omit<ReleaseRecord, 'changelog'> = {
    version: plan.version,
    bump: request.bump,
    created: made.record.created,
    kumpas: made.record.kumpas,
    model: name,
    notes: [...notes],
    previous: plan.previous === undefined ? null : { model: plan.previous.record.model, version: plan.previous.record.version },
    follows: line.follows ?? null,
    checkpoint: made.record,
    weights_sha256: candidate.weightsSha256,
    architecture: candidate.architecture,
    classes: candidate.classes,
    trained_with: trainedWith(record),
    evaluation: { data: made.record.data, gloss: pickFigures(gloss.metrics), category: pickFigures(category.metrics) },
    comparison: made.comparison,
    changes: [...plan.changes],
    regression_allowed: request.allowRegression,
    tag: plan.tag,
    inherited_changelog: line.inheritedChangelog ?? null,
  };
  return { ...facts, changelog: releaseLines(facts) };
}

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
  const last = own.at(-1);
  if (followed !== undefined && last !== undefined && followed.name !== recorded) {
    throw new UserError(`--follows ${followed.name}: ${name} has releases of its own already, up to v${last.record.version}`);
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
