import { existsSync, readdirSync, statSync } from 'node:fs';
import path from 'node:path';
import { readWeights, type PlainRecord } from '../../checkpoint/training-checkpoint';
import { savedLabels } from '../../evaluation/loaded-model';
import { recogniseWeights } from '../../evaluation/recognise';
import type { ModelRecord } from '../../folder/config-file';
import { FOLDER_FILES } from '../../folder/contents';
import { ModelFolder } from '../../folder/model-folder';
import { UserError } from '../../foundation/errors';
import type { RegisteredModel } from '../find-model';
import { problem, type FolderFinding } from './finding';

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
