import { existsSync, statSync } from 'node:fs';
import path from 'node:path';
import { readEvaluation, type ReadEvaluation } from '../evaluation/results/contents';
import { curvesBeside } from '../evaluation/training-curves';
import { STAGES, type Stage, type ModelRecord } from '../folder/config-file';
import { FOLDER_FILES, RESULT_FILES, filesBelow } from '../folder/contents';
import { parseFolderName } from '../folder/folder-name';
import { ModelFolder } from '../folder/model-folder';
import { UserError } from '../foundation/errors';
import { FileSystemProblem } from '../foundation/file-system-problem';
import { nearestName } from '../foundation/text';
import { ownModels } from '../models/model-table';
import type { RegisteredModel } from './find-model';
import { productionCheckpointIn } from './release/production-record';
import { releasedVersions } from './release/release-record';

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
  readonly bytes: number;
  /** When its training began, or it was imported: an ISO date. */
  readonly created: string;
  /** Of the clips that it was trained with. */
  readonly fingerprint: string | null;
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
    ...figuresOf(folder),
    bytes: filesBelow(folder).reduce((sum, { bytes }) => sum + bytes, 0),
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

/** Those of the evaluation, else of the log's best epoch. */
function figuresOf(folder: string): Pick<ModelSummary, 'epoch' | 'gloss_acc' | 'cat_acc' | 'f1'> {
  const evaluation = evaluationIn(folder);
  if (evaluation !== undefined) {
    const { epoch = null, gloss, category } = evaluation;
    return { epoch, gloss_acc: gloss.accuracy, cat_acc: category.accuracy, f1: gloss.f1_weighted };
  }
  const rows = curvesBeside(new ModelFolder(folder).config);
  const best = rows.toSorted((one, other) => other.gloss_acc - one.gloss_acc || one.epoch - other.epoch)[0];
  return { epoch: best?.epoch ?? null, gloss_acc: best?.gloss_acc ?? null, cat_acc: best?.cat_acc ?? null, f1: null };
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
  /** Whether none of its type that is not archived, trained with the same clips, recognises more glosses. */
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
  const best = bestAccuracies(models);
  return sorted.map((model) => {
    const { gloss_acc: accuracy, stage } = model;
    return { ...model, best: accuracy !== null && stage !== 'archived' && accuracy >= (best.get(rivalry(model)) ?? 0) };
  });
}

/** The best gloss accuracy of the models that can be compared, by {@link rivalry}. */
function bestAccuracies(models: readonly ModelSummary[]): Map<string, number> {
  const best = new Map<string, number>();
  for (const model of models) {
    if (model.stage === 'archived') continue;
    best.set(rivalry(model), Math.max(best.get(rivalry(model)) ?? 0, model.gloss_acc ?? 0));
  }
  return best;
}

/** The same for models of one type that were trained with the same clips. */
function rivalry({ type, fingerprint }: ModelSummary): string {
  return JSON.stringify([type, fingerprint]);
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
