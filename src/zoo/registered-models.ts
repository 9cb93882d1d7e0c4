import { existsSync, readdirSync, statSync } from 'node:fs';
import path from 'node:path';
import { readEvaluation, type ReadEvaluation } from '../evaluation/results/contents';
import { curvesBeside } from '../evaluation/training-curves';
import { STAGES, type Stage, type ModelRecord, hasCategories } from '../folder/config-file';
import { bytesTakenBy, FOLDER_FILES, RESULT_FILES } from '../folder/contents';
import { parseFolderName, refuseHostileName } from '../folder/folder-name';
import { ModelFolder } from '../folder/model-folder';
import { UserError } from '../foundation/errors';
import { FileSystemProblem } from '../foundation/file-system-problem';
import { required } from '../foundation/required';
import { nearestName } from '../foundation/text';
import { ownModels, type ModelDefinitions } from '../models/model-table';
import { releasedVersions, releaseFolder, compareVersions, productionCheckpointIn } from './release/release-record';

/** Where archived models are kept, within the registry. */
export const ARCHIVE_FOLDER = 'archive';

/** A folder of the registry that should hold a model. */
export interface RegisteredModel {
  readonly name: string;
  readonly folder: string;
  /** The models that its checkpoints may be of; those of Kumpas where absent. */
  readonly models?: ModelDefinitions | undefined;
}

/**
 * The model folders of a registry, by their paths: those in its folders of types (`{root}/transformer/…`), and those that lie in it directly. Hidden folders and the
 * archive are none.
 * @param models those that checkpoints may be of.
 * @throws UserError where there is no such registry.
 */
export function modelsIn(root: string, models: ModelDefinitions | undefined = ownModels): RegisteredModel[] {
  return registryFolders(root).flatMap((folder) => {
    const found = isModelFolder(folder, models) ? [folder] : foldersIn(folder);
    return found.map((inner) => ({ name: path.basename(inner), folder: inner, models }));
  });
}

/**
 * The model that a user names: by its folder's name, or by the folder's path.
 * @param known the models that checkpoints may be of; those of Kumpas where absent.
 * @throws UserError where it is not in the registry, or its name stands for no folder.
 */
export function findModel(root: string, named: string, known?: ModelDefinitions): RegisteredModel {
  const models = modelsIn(root, known);
  const asPath = named.includes('/') || named.includes(path.sep);
  if (!asPath) refuseHostileName(named, 'the name of a model');
  const found = asPath
    ? models.find(({ folder }) => path.resolve(folder) === path.resolve(named))
    : models.find(({ name }) => name === named);
  if (found !== undefined) return found;
  const nearest = nearestName(
    path.basename(named),
    models.map(({ name }) => name),
  );
  if (!asPath && existsSync(path.join(root, ARCHIVE_FOLDER, `${named}.json`)))
    throw new UserError(`${named}: it is archived; npm run models -- restore ${named} brings it back`);
  const hint = nearest === undefined ? `npm run models -- list shows those that are there` : `did you mean ${nearest}?`;
  throw new UserError(`${named}: ${root} holds no such model; ${hint}`);
}

/**
 * For those who have just got a model's lock: whoever had it before may have taken the model away.
 * @throws UserError where its folder is gone.
 */
export function refuseGone({ name, folder }: RegisteredModel): void {
  if (!existsSync(folder))
    throw new UserError(`${name}: no such folder any more: another process archived, renamed or removed it meanwhile`);
}

/** The folders directly within the registry, without the archive. */
function registryFolders(root: string): string[] {
  if (!existsSync(root) || !statSync(root).isDirectory()) {
    throw new UserError(`${root}: no such folder; a training makes it, or name another registry with --root`);
  }
  return foldersIn(root).filter((folder) => path.basename(folder) !== ARCHIVE_FOLDER);
}

/** Whether a folder in the registry's root is a model itself and no folder of a type. */
function isModelFolder(folder: string, models: ModelDefinitions): boolean {
  return parseFolderName(path.basename(folder), models.names) !== undefined || new ModelFolder(folder).hasConfig();
}

function foldersIn(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && !entry.name.startsWith('.'))
    .map(({ name }) => path.join(folder, name))
    .sort();
}

/** A release of a model, as its folder has it. */
export interface ReleaseFolder {
  readonly version: string;
  readonly folder: string;
}

/** What `NAME` or `NAME@1.0.0` stands for. */
export interface ModelReference {
  readonly model: RegisteredModel;
  /** Undefined where no version was named. */
  readonly release: ReleaseFolder | undefined;
}

/** The releases in a model folder, the newest first. */
export function releaseFolders(folder: string): ReleaseFolder[] {
  return releasedVersions(folder)
    .toReversed()
    .map((version) => ({ version, folder: releaseFolder(folder, version) }));
}

/**
 * The model that a user names, and the release where a version is named with it.
 * @throws UserError where there is no such model or release.
 */
export function findModelOrRelease(root: string, named: string, known?: ModelDefinitions): ModelReference {
  const [, name, version] = /^(.*)@v?(\d[^/]*)$/.exec(named) ?? [];
  if (name === undefined || version === undefined) return { model: findModel(root, named, known), release: undefined };
  const model = findModel(root, name, known);
  const releases = releaseFolders(model.folder);
  const release = releases.find((candidate) => candidate.version === version);
  if (release !== undefined) return { model, release };
  const there = releases.length === 0 ? 'it has no releases' : `it has ${releases.map((made) => made.version).join(', ')}`;
  throw new UserError(`${model.name}: no release ${JSON.stringify(version.slice(0, 40))}; ${there}`);
}

/** What a model is compared with unless told otherwise, and what it is called. */
export interface ReleasedBaseline {
  readonly title: string;
  readonly folder: string;
}

/**
 * The release that a model goes on from: of one of its releases the one before, else its last, or the last of the model that it follows; undefined where there is
 * none.
 * @throws UserError where the model that it follows is not in the registry.
 */
export function releaseBefore(root: string, { model, release }: ModelReference): ReleasedBaseline | undefined {
  const own = releaseFolders(model.folder);
  const [before] = release === undefined ? own : own.filter(({ version }) => compareVersions(version, release.version) < 0);
  if (before !== undefined) return titled(model, before);
  const { follows } = new ModelFolder(model.folder).readConfig().run;
  if (follows === undefined) return undefined;
  const followed = findModel(root, follows, model.models);
  const [last] = releaseFolders(followed.folder);
  return last === undefined ? undefined : titled(followed, last);
}

function titled({ name }: RegisteredModel, { version, folder }: ReleaseFolder): ReleasedBaseline {
  return { title: `${name}@${version}`, folder };
}

/** The folder that a named model or release has, and what it is called. */
export function placeOf({ model, release }: ModelReference): ReleasedBaseline {
  return release === undefined ? { title: model.name, folder: model.folder } : titled(model, release);
}

/** A model in a few words and figures. What its folder does not tell is null. */
export interface ModelSummary {
  readonly name: string;
  /** The folder, or of an archived model the file that holds it. */
  readonly folder: string;
  readonly type: string;
  readonly version: string | null;
  readonly stage: Stage;
  /** Of the checkpoint that was evaluated, else the best in the log. */
  readonly epoch: number | null;
  readonly gloss_acc: number | null;
  readonly cat_acc: number | null;
  /** Weighted F1 of the glosses. */
  readonly f1: number | null;
  /** That it takes on disk: checkpoints that are one file under two names are counted once. */
  readonly bytes: number;
  /** When its training began, or it was imported: an ISO date. */
  readonly created: string;
  /** Of the clips that it was trained with. */
  readonly fingerprint: string | null;
  /** The fingerprint of the validation clips that its figures are of. */
  readonly measured_on: string | null;
  readonly synthetic: boolean;
}

/** Sums up a model folder, however little of it there is. */
export function summariseModel({ name, folder, models = ownModels }: RegisteredModel): ModelSummary {
  const record = orUndefined(() => new ModelFolder(folder).readConfig());
  return {
    name,
    folder,
    type: record?.model ?? parseFolderName(name, models.names)?.type ?? 'unknown',
    version: record?.run.version ?? null,
    stage: record?.run.stage ?? 'development',
    ...tellingFigures(figuresOf(folder, record), record),
    bytes: bytesTakenBy(folder),
    created: createdOf(folder, record),
    fingerprint: record?.run.data?.fingerprint ?? null,
    synthetic: record?.run.data?.synthetic ?? false,
  };
}

/** The evaluation that lies in a model folder; undefined where there is none that can be read. */
export function evaluationIn(folder: string): ReadEvaluation | undefined {
  const file = path.join(folder, FOLDER_FILES.results, RESULT_FILES.document);
  return existsSync(file) ? orUndefined(() => readEvaluation(file)) : undefined;
}

type Figures = Pick<ModelSummary, 'epoch' | 'gloss_acc' | 'cat_acc' | 'f1' | 'measured_on'>;

/** Without the accuracy of categories where they say nothing. */
function tellingFigures(figures: Figures, record: ModelRecord | undefined): Figures {
  return record === undefined || hasCategories(record.run.classes) ? figures : { ...figures, cat_acc: null };
}

/** Those of the evaluation, else of the log's best epoch, else what an imported checkpoint names. */
function figuresOf(folder: string, record: ModelRecord | undefined): Figures {
  const evaluation = evaluationIn(folder);
  if (evaluation !== undefined) {
    const { epoch = null, gloss, category, data } = evaluation;
    return { epoch, gloss_acc: gloss.accuracy, cat_acc: category.accuracy, f1: gloss.f1_weighted, measured_on: data.fingerprint };
  }
  const rows = curvesBeside(new ModelFolder(folder).config);
  const best = rows.toSorted((one, other) => other.gloss_acc - one.gloss_acc || one.epoch - other.epoch)[0];
  if (best === undefined) return importedFigures(record);
  const { epoch, gloss_acc, cat_acc } = best;
  return { epoch, gloss_acc, cat_acc, f1: null, measured_on: record?.run.data?.validation_fingerprint ?? null };
}

function importedFigures(record: ModelRecord | undefined): Figures {
  const { epoch = 0, best_metric: metric } = record?.run ?? {};
  const isShare = metric !== undefined && metric >= 0 && metric <= 1;
  return { epoch: epoch > 0 ? epoch : null, gloss_acc: isShare ? metric : null, cat_acc: null, f1: null, measured_on: null };
}

function createdOf(folder: string, record: ModelRecord | undefined): string {
  return record?.run.created ?? statSync(folder).mtime.toISOString();
}

/** What a file says; undefined where a user's mistake keeps it from being read. */
export function orUndefined<Value>(read: () => Value): Value | undefined {
  try {
    return read();
  } catch (error) {
    if (error instanceof UserError && !(error instanceof FileSystemProblem)) return undefined;
    throw error;
  }
}

/** What models can be listed by. */
export const SORT_KEYS = ['name', 'gloss_acc', 'cat_acc', 'f1', 'created', 'bytes', 'epoch', 'version', 'stage'] as const;
type SortKey = (typeof SORT_KEYS)[number];

/** A line of the list. */
export interface ListedModel extends ModelSummary {
  /** Whether none of its type that is not archived, measured on the same clips, recognises more glosses. */
  readonly best: boolean;
}

/** @throws UserError where there is no such key. */
export function sortKey(text: string): SortKey {
  const key = SORT_KEYS.find((candidate) => candidate === text.replaceAll('-', '_'));
  if (key !== undefined) return key;
  const nearest = nearestName(text, SORT_KEYS);
  throw new UserError(
    `--sort: expected ${SORT_KEYS.join(', ')}, found "${text}"${nearest === undefined ? '' : `; did you mean ${nearest}?`}`,
  );
}

/** Models in the order that a key asks for, figures and dates from the largest; those without one come last. */
export function listModels(models: readonly ModelSummary[], by: SortKey): ListedModel[] {
  const direction = by === 'name' || by === 'stage' ? 1 : -1;
  const sorted = models.toSorted((one, other) => {
    const [first, second] = [one[by], other[by]];
    if (first === second) return one.name < other.name ? -1 : 1;
    if (first === null || second === null) return first === null ? 1 : -1;
    return (first < second ? -1 : 1) * direction;
  });
  return sorted.map((model) => ({ ...model, best: isBest(model, models) }));
}

function isBest(model: ModelSummary, all: readonly ModelSummary[]): boolean {
  const { gloss_acc: accuracy, stage } = model;
  const group = comparableGroup(model);
  if (accuracy === null || group === undefined || stage === 'archived') return false;
  const rivals = all.filter((other) => other.stage !== 'archived' && comparableGroup(other) === group);
  return rivals.every((rival) => accuracy >= required(rival.gloss_acc, `the accuracy of ${rival.name}`));
}

/** The same for models whose figures can be compared: those of one type, measured on the same clips; undefined where that is not known. */
export function comparableGroup({ type, gloss_acc: accuracy, measured_on: clips }: ModelSummary): string | undefined {
  return accuracy === null || clips === null ? undefined : JSON.stringify([type, clips]);
}

/** @throws UserError where there is no such stage. */
export function stageNamed(text: string | undefined): Stage {
  const stage = STAGES.find((candidate) => candidate === text);
  if (stage !== undefined) return stage;
  const nearest = text === undefined ? undefined : nearestName(text, STAGES);
  throw new UserError(
    `expected a stage, ${STAGES.join(', ')}, found ${text === undefined ? 'nothing' : `"${text}"`}${nearest === undefined ? '' : `; did you mean ${nearest}?`}`,
  );
}

/**
 * Says where a model is in its life: in its `config.json`, under `run.stage`.
 * @returns the stage that it was in.
 * @throws UserError where there is nothing of it that could be in production.
 */
export async function stageModel({ name, folder }: RegisteredModel, stage: Stage): Promise<Stage> {
  return new ModelFolder(folder).whileLocked('stage', () => {
    const before = new ModelFolder(folder).readConfig().run.stage ?? 'development';
    if (stage === 'production' && productionCheckpointIn(folder) === undefined && releasedVersions(folder).length === 0) {
      throw new UserError(
        `${name}: it has neither a production checkpoint nor a release; make one first: npm run models -- promote ${name}`,
      );
    }
    if (before !== stage) new ModelFolder(folder).updateRegistryFacts({ stage });
    return before;
  });
}
