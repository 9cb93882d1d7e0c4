import { filesBelow } from '../folder/contents';
import { ModelFolder } from '../folder/model-folder';
/**
 * The registry for programs: what `npm run models` does, as calls with plain results. Nothing here prints. Models are named by their folders; the registry is
 * `trained_models` unless `root` says otherwise. All of it throws a UserError for what the user can mend.
 */
import { checkOptions, type OptionsInput } from '../config/layers';
import { startRuntime } from '../engine/runtime';
import { dataWatchOf } from '../evaluation/evaluate';
import { labelledDataOptions } from '../evaluation/options';
import { type ModelRecord, type Stage } from '../folder/config-file';
import { warningsTo, type Hooks } from '../foundation/hooks';
import { version } from '../foundation/installation';
import type { ModelDefinitions } from '../models/model-table';
import { archiveModel, restoreModel, planPruning, pruneModel, type PrunedModel } from './archive/archive-model';
import { archivedModel, archivedModels, type ArchivedRecord } from './archive/archived-models';
import { writeCard } from './card/card';
import { checkRegistry, type RegistryCheck } from './check/check-registry';
import {
  findModel,
  findModelOrRelease,
  modelsIn,
  evaluationIn,
  listModels,
  sortKey,
  stageModel,
  summariseModel,
  type ListedModel,
  type ModelSummary,
} from './registered-models';
import { monitorModel } from './monitor/monitor-model';
import { packModel } from './pack/pack-model';
import { unpackModel, verify as verifyFiles, type Verification } from './pack/unpack-model';
import { changelogEntries, completedChangelog, readChangelog, type ChangelogEntry } from './release/changelog';
import { releaseState, type ReleaseState } from './release/complete-releases';
import { diffModel, type ModelDiff } from './release/diff';
import { type CheckpointData, promoteModel, type ReleaseContext } from './release/promote';
import { type ProductionDtype, type ProductionRecord, readReleases, type Bump } from './release/release-record';
import { releaseModel, type ReleaseOutcome } from './release/release';

/** Where the models are, and of which kinds they may be. */
export interface RegistryOptions {
  /** The folder that holds the model folders; `trained_models` unless it is given. */
  readonly root?: string;
  /** The models that checkpoints may be of, as `ownModels.with([mine])`; those of Kumpas where absent. */
  readonly models?: ModelDefinitions;
}

/** The clips that a model is evaluated on; those that it was trained with where none are named. */
export type RegistryData = OptionsInput<typeof labelledDataOptions>;

/** What is known of one model. */
export interface ShownModel {
  readonly summary: ModelSummary;
  readonly config: ModelRecord;
  readonly evaluation: ReturnType<typeof evaluationIn> | null;
  readonly releases: ReleaseState;
  readonly files: ReturnType<typeof filesBelow>;
}

/** The models of a registry with their figures, archived ones among them. */
export function list({ sort = 'name', ...where }: RegistryOptions & { readonly sort?: string } = {}): ListedModel[] {
  const root = rootOf(where);
  return listModels([...modelsIn(root, where.models).map(summariseModel), ...archivedModels(root)], sortKey(sort));
}

/** All that is known of a model; of one that is archived what lies beside the archive. */
export function show(name: string, options: RegistryOptions = {}): ShownModel | ArchivedRecord {
  const root = rootOf(options);
  const archived = archivedModel(root, name);
  if (archived !== undefined) return archived;
  const model = findModel(root, name, options.models);
  return {
    summary: summariseModel(model),
    config: new ModelFolder(model.folder).readConfig(),
    evaluation: evaluationIn(model.folder) ?? null,
    releases: releaseState(model),
    files: filesBelow(model.folder),
  };
}

/** Holds a registry, or some of its models, against the guide; with `fix` what can be mended safely is. */
export async function check(
  options: RegistryOptions & { readonly names?: readonly string[]; readonly fix?: boolean } = {},
): Promise<RegistryCheck> {
  const { names = [], fix = false, models } = options;
  return await checkRegistry({ root: rootOf(options), names, fix, now: new Date(), models });
}

/** Writes a model's README.md from what lies in its folder; what a person wrote between its marks stays. */
export async function card(name: string, options: RegistryOptions = {}): ReturnType<typeof writeCard> {
  return await writeCard(findModel(rootOf(options), name, options.models));
}

/** Gives a model the next version, and keeps it under `releases/`. */
export async function release(
  name: string,
  options: RegistryOptions & {
    readonly bump: Bump;
    /** What changed and why, a text a bullet. */
    readonly notes: readonly string[];
    readonly allowRegression?: boolean;
    readonly follows?: string;
    readonly tag?: boolean;
    readonly dtype?: ProductionDtype;
    readonly data?: RegistryData;
  },
  hooks: Hooks = {},
): Promise<ReleaseOutcome> {
  const root = rootOf(options);
  const model = findModel(root, name, options.models);
  const request = {
    bump: options.bump,
    notes: options.notes,
    allowRegression: options.allowRegression === true,
    follows: options.follows,
    tag: options.tag === true,
    dtype: options.dtype,
    data: dataOf('release()', options.data),
  };
  return await releaseModel(root, model, request, await contextOf(hooks));
}

/** Makes a model's production checkpoint of its best one, and evaluates both. */
export async function promote(
  name: string,
  options: RegistryOptions & { readonly dtype?: ProductionDtype; readonly data?: RegistryData } = {},
  hooks: Hooks = {},
): Promise<ProductionRecord> {
  const model = findModel(rootOf(options), name, options.models);
  const data = dataOf('promote()', options.data);
  return await promoteModel(model, { dtype: options.dtype ?? 'float32', data }, await contextOf(hooks));
}

/** Evaluates a released model on new data, adds a row to its history, and judges whether it has dropped. */
export async function monitor(
  name: string,
  options: RegistryOptions & { readonly data: RegistryData },
  hooks: Hooks = {},
): ReturnType<typeof monitorModel> {
  const reference = findModelOrRelease(rootOf(options), name, options.models);
  const data = dataOf('monitor()', options.data);
  const { watch } = await contextOf(hooks);
  return await monitorModel(reference, { ...data, now: () => new Date() }, watch);
}

/** What changed from release to release, the newest first; nothing where there is none. */
export function changelog(name: string, options: RegistryOptions = {}): ChangelogEntry[] {
  const model = findModel(rootOf(options), name, options.models);
  const records = readReleases(model.folder).map(({ record }) => record);
  const written = readChangelog(model.folder);
  if (written === undefined && records.length === 0) return [];
  return changelogEntries(completedChangelog(written, model.name, records));
}

/** How two releases of a model differ, or one (the last unless named) and what the folder holds now. */
export function diff(name: string, options: RegistryOptions & { readonly versions?: readonly string[] } = {}): ModelDiff {
  const root = rootOf(options);
  return diffModel(root, findModel(root, name, options.models), options.versions ?? []);
}

/** Sets where a model is in its life. @returns where it was. */
export async function stage(name: string, to: Stage, options: RegistryOptions = {}): Promise<Stage> {
  return await stageModel(findModel(rootOf(options), name, options.models), to);
}

/** Compresses a model folder into the registry's archive, and removes it once every file was compared. */
export async function archive(name: string, options: RegistryOptions = {}): ReturnType<typeof archiveModel> {
  const root = rootOf(options);
  return await archiveModel(root, findModel(root, name, options.models), { now: new Date(), kumpas: version });
}

/** Brings an archived model back, under another name where one is given. */
export async function restore(name: string, options: RegistryOptions & { readonly as?: string } = {}): ReturnType<typeof restoreModel> {
  return await restoreModel(rootOf(options), name, options.as);
}

/**
 * Keeps the best models of each type on the same data, and archives the others or removes them for good; with `dryRun` it only says which.
 * @returns all models, and which of them went.
 */
export async function prune(
  options: RegistryOptions & { readonly keep: number; readonly dryRun?: boolean; readonly remove?: boolean },
): Promise<PrunedModel[]> {
  const root = rootOf(options);
  const plan = planPruning(modelsIn(root, options.models), options.keep);
  if (options.dryRun === true) return plan;
  for (const model of plan.filter(({ goes }) => goes))
    await pruneModel(root, model, { now: new Date(), kumpas: version, remove: options.remove === true });
  return plan;
}

/** Makes one file of a model, to share. */
export async function pack(
  name: string,
  options: RegistryOptions & { readonly out?: string; readonly withLast?: boolean } = {},
): ReturnType<typeof packModel> {
  const model = findModel(rootOf(options), name, options.models);
  return await packModel({ model, out: options.out ?? `${model.name}.tar.gz`, withLast: options.withLast === true, kumpas: version });
}

/** Makes a model folder of a pack, all of which is verified first. */
export async function unpack(file: string, options: RegistryOptions & { readonly as?: string } = {}): ReturnType<typeof unpackModel> {
  return await unpackModel(file, rootOf(options), options.as, options.models);
}

/** Holds the files of a model, an archived model or a pack against their checksums; changes nothing. */
export async function verify(nameOrFile: string, options: RegistryOptions = {}): Promise<Verification> {
  return await verifyFiles(rootOf(options), nameOrFile, options.models);
}

function rootOf({ root = 'trained_models' }: RegistryOptions): string {
  return root;
}

function dataOf(source: string, values: RegistryData = {}): CheckpointData {
  const { batch_size: batchSize, ...data } = checkOptions(labelledDataOptions, { source, values });
  return { ...data, batchSize };
}

async function contextOf(hooks: Hooks): Promise<ReleaseContext> {
  const runtime = await startRuntime({ verbose: hooks.verbose === true });
  if (runtime.warning !== undefined) warningsTo(hooks)(runtime.warning);
  return { now: new Date(), kumpas: version, watch: dataWatchOf(hooks) };
}
