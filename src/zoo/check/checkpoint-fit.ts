import { readWeights, type PlainRecord } from '../../checkpoint/training-checkpoint';
import { recogniseWeights } from '../../evaluation/recognise';
import { savedLabels } from '../../evaluation/load-model';
import { UserError } from '../../foundation/errors';
import type { ModelRecord } from '../../folder/config-file';

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
export function checkpointFit(file: string, record: ModelRecord | undefined): CheckpointFit {
  try {
    const { model: weights, epoch, bestMetric, config = {} } = readWeights(file);
    const recognised = recogniseWeights(weights, { ...(record?.run.model as PlainRecord | undefined), ...config }, file);
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
