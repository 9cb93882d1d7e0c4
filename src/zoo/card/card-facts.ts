import { existsSync } from 'node:fs';
import path from 'node:path';
import { modelPreset, resolveLayers } from '../../config/resolve';
import { onlyModel } from '../../config/understood-settings';
import { parseCsvTable, textOfCell } from '../../data/csv-table';
import { modelOfFile, type LoadedModel } from '../../evaluation/loaded-model';
import type { ReadEvaluation } from '../../evaluation/results/contents';
import type { ModelRecord } from '../../folder/config-file';
import { RESULT_FILES } from '../../folder/contents';
import { ModelFolder } from '../../folder/model-folder';
import { readTextIfThere } from '../../foundation/regular-file';
import type { Model } from '../../models/model';
import { checkpointNameOf } from '../../models/model-table';
import { releaseFolders, type RegisteredModel } from '../find-model';
import { evaluationIn } from '../list-models';

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
export function readCardFacts({ name, folder, models }: RegisteredModel): CardFacts {
  const files = new ModelFolder(folder);
  const record = files.readConfig();
  const production = files.checkpoint('production', checkpointNameOf(record));
  const model = modelOfFile(files.standingCheckpoint(folder), {}, { models });
  const results = (file: string): string => path.join(files.results, file);
  return {
    name,
    folder,
    record,
    model,
    settings: settingsOf(record, model.model),
    evaluation: evaluationIn(folder),
    glosses: readClassFigures(results(RESULT_FILES.perClass)),
    results: new Set(Object.values(RESULT_FILES).filter((file) => existsSync(results(file)))),
    production: existsSync(production) ? path.basename(production) : undefined,
    hasChangelog: existsSync(files.changelog),
    releases: releaseFolders(folder).map(({ version, folder: place }) => ({ version, evaluation: evaluationIn(place) })),
  };
}

function settingsOf(settings: ModelRecord, { definition }: Model): CardSetting[] {
  const usual = new Map<string, unknown>(
    Object.entries(resolveLayers([modelPreset(settings.model)], onlyModel(definition.settings)).settings),
  );
  return Object.entries(settings)
    .filter(([key]) => usual.has(key) && !NO_RECIPE.has(key))
    .map(([key, value]) => ({ key, value, usual: usual.get(key) }));
}

/** What an evaluation found of one class. */
interface ClassFigures {
  readonly id: number;
  readonly label: string;
  readonly recall: number;
  readonly f1: number;
  /** Clips of the class. */
  readonly support: number;
  /** The class that it is most often taken for; empty where it is always right. */
  readonly confusedWith: string;
}

const LARGEST_TABLE = 64_000_000;

/** Reads a `per_class_metrics.csv`; undefined where there is none, or it is no such table. */
export function readClassFigures(file: string): ClassFigures[] | undefined {
  const text = readTextIfThere(file, LARGEST_TABLE);
  if (text === undefined) return undefined;
  const required = ['class_id', 'label', 'recall', 'f1', 'support', 'most_confused_with'];
  const { rows, problems } = parseCsvTable(text, file, required);
  if (problems.length > 0) return undefined;
  const classes = rows.map((row) => ({
    id: Number(row.cell('class_id')),
    label: textOfCell(row.cell('label') ?? ''),
    recall: Number(row.cell('recall')),
    f1: Number(row.cell('f1')),
    support: Number(row.cell('support')),
    confusedWith: textOfCell(row.cell('most_confused_with') ?? ''),
  }));
  return classes.every((one) => [one.id, one.recall, one.f1, one.support].every(Number.isFinite)) ? classes : undefined;
}
