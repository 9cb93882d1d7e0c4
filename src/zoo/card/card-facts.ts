import { existsSync } from 'node:fs';
import path from 'node:path';
import { readPreset, resolveLayers } from '../../config/resolve';
import { loadModel, type LoadedModel } from '../../evaluation/load-model';
import { modelFile, RESULTS_FOLDER } from '../../folder/model-folder';
import type { ReadEvaluation } from '../../evaluation/results/document';
import { RESULT_FILES } from '../../folder/contents';
import { readClassFigures, type ClassFigures } from '../class-figures';
import { readRecord, type ModelRecord } from '../../folder/config-file';
import { releaseFolders } from '../release/named-release';
import type { RegisteredModel } from '../registry';
import { evaluationIn } from '../summary';
import { ownModels } from '../../models/model-table';

/** A setting of the training, and what it is unless chosen. */
export interface CardSetting {
  readonly key: string;
  readonly value: unknown;
  readonly usual: unknown;
}

/** All that a model's card tells, as its folder has it. */
export interface CardFacts {
  readonly name: string;
  readonly folder: string;
  readonly record: ModelRecord;
  /** The model of the checkpoint that its folder stands for. */
  readonly model: LoadedModel;
  readonly settings: readonly CardSetting[];
  /** Undefined where it has not been evaluated. */
  readonly evaluation: ReadEvaluation | undefined;
  readonly glosses: readonly ClassFigures[] | undefined;
  /** Files of the results that are there, by their names. */
  readonly results: ReadonlySet<string>;
  /** The file that `promote` wrote for use: weights alone. */
  readonly production: string | undefined;
  readonly hasChangelog: boolean;
  readonly releases: readonly { readonly version: string; readonly evaluation: ReadEvaluation | undefined }[];
}

/** Settings that say where things lie, and what the data says by itself: they are no recipe. */
const NO_RECIPE = new Set([
  ...['data', 'data_dir', 'keypoints_train', 'keypoints_val', 'features_train', 'features_val', 'frames_train', 'frames_val'],
  ...['labels_train_csv', 'labels_val_csv', 'labels_reference', 'save_dir', 'description', 'num_gloss', 'num_cat', 'model'],
]);

/**
 * Reads what a card tells.
 * @throws UserError where the folder holds no model that can be read.
 */
export function readCardFacts({ name, folder }: RegisteredModel): CardFacts {
  const record = readRecord(folder);
  const production = `${ownModels.get(record.model).checkpointName}_production.pt`;
  const results = (file: string): string => path.join(folder, RESULTS_FOLDER, file);
  return {
    name,
    folder,
    record,
    model: loadModel(modelFile(folder, folder)),
    settings: settingsOf(record),
    evaluation: evaluationIn(folder),
    glosses: readClassFigures(results(RESULT_FILES.perClass)),
    results: new Set(Object.values(RESULT_FILES).filter((file) => existsSync(results(file)))),
    production: existsSync(path.join(folder, production)) ? production : undefined,
    hasChangelog: existsSync(path.join(folder, 'CHANGELOG.md')),
    releases: releaseFolders(folder).map(({ version, folder: place }) => ({ version, evaluation: evaluationIn(place) })),
  };
}

function settingsOf(settings: ModelRecord): CardSetting[] {
  const usual = new Map<string, unknown>(Object.entries(resolveLayers([readPreset(settings.model)], ownModels).settings));
  return Object.entries(settings)
    .filter(([key]) => usual.has(key) && !NO_RECIPE.has(key))
    .map(([key, value]) => ({ key, value, usual: usual.get(key) }));
}
