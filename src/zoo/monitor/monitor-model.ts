import { existsSync } from 'node:fs';
import path from 'node:path';
import { comparedFromFiles, comparedFromResult } from '../../evaluation/compare/compare';
import { evaluateModel, openEvaluationData, type DataWatch, type EvaluationDataRequest } from '../../evaluation/evaluate';
import { modelOfFile, type LoadedModel } from '../../evaluation/loaded-model';
import { canDraw, drawnOrTold, lightTheme } from '../../evaluation/pictures/drawing';
import { describeEvaluation, type EvaluationResult, tellingHeads, type HeadName } from '../../evaluation/result';
import { RESULT_FILES } from '../../folder/contents';
import { ModelFolder } from '../../folder/model-folder';
import { modelFile } from '../../folder/named-checkpoint';
import { replaceFile } from '../../foundation/atomic-file';
import { UserError } from '../../foundation/errors';
import { printableLine, shellWord } from '../../foundation/text';
import { checkpointNameOf, ownModels, type ModelDefinitions } from '../../models/model-table';
import { releaseFolders, type ModelReference, type ReleaseFolder, type RegisteredModel } from '../registered-models';
import {
  HISTORY_FILE,
  HISTORY_PICTURE,
  readHistory,
  withRow,
  writeHistory,
  judgeDrop,
  type HistoryRow,
  type DropJudgement,
} from './history';

/** The checkpoint of a model that is watched. */
export interface WatchedCheckpoint {
  readonly file: string;
  /** The release's, else which checkpoint it is and of which epoch. */
  readonly version: string;
  /** The folder that holds its own evaluation; undefined where it has none. */
  readonly own: string | undefined;
}

/** What an evaluation on new data found, and what was written of it. */
export interface Monitored {
  readonly row: HistoryRow;
  /** The heads whose figures say something. */
  readonly heads: readonly HeadName[];
  readonly judgement: DropJudgement;
  readonly history: string;
  /** Undefined where no pictures can be drawn on this machine. */
  readonly picture: string | undefined;
  readonly rows: number;
  /** The earlier row of the same version on the same data, in whose place this one is. */
  readonly replaced: HistoryRow | undefined;
}

/** The last release's checkpoint, or that of the release that was named; where there is none the promoted one, else the best. */
export function watchedCheckpoint({ model: { folder, models }, release }: ModelReference): {
  readonly checkpoint: WatchedCheckpoint;
  readonly loaded: LoadedModel;
} {
  const released = release ?? releaseFolders(folder)[0];
  if (released !== undefined) {
    const file = releasedCheckpoint(released);
    return {
      checkpoint: { file, version: released.version, own: evaluationAt(released.folder) },
      loaded: modelOfFile(file, {}, { models }),
    };
  }
  const files = new ModelFolder(folder);
  const production = files.checkpoint('production', checkpointNameOf(files.readConfig()));
  const promoted = existsSync(production);
  const file = promoted ? production : modelFile(folder, folder);
  const loaded = modelOfFile(file, {}, { models });
  const epoch = loaded.epoch === undefined || loaded.epoch === 0 ? '' : ` epoch ${loaded.epoch}`;
  return { checkpoint: { file, version: `${promoted ? 'production' : 'best'}${epoch}`, own: evaluationAt(folder) }, loaded };
}

/**
 * Evaluates a model on new labelled data, and writes what it found into the model's history. The runtime must have been started.
 * @throws UserError where the history, the model or the data cannot be read, or the data has other classes; then nothing is written.
 */
export async function monitorModel(
  named: ModelReference,
  request: EvaluationDataRequest & { readonly batchSize: number; readonly now: () => Date },
  watch: DataWatch,
): Promise<Monitored & { readonly checkpoint: WatchedCheckpoint }> {
  const { folder, name } = named.model;
  return await new ModelFolder(folder).whileLocked('monitor', async () => {
    const history = path.join(folder, HISTORY_FILE);
    readHistory(history);
    const { checkpoint, loaded } = watchedCheckpoint(named);
    const dataset = await openEvaluationData(loaded, request, watch);
    const result = describeEvaluation(loaded, dataset, await evaluateModel(loaded, dataset, request.batchSize));
    const own = checkpoint.own === undefined ? undefined : comparedFromFiles(checkpoint.own);
    const judgement = judgeDrop(own, comparedFromResult(name, result));
    const row = rowOf(result, { judgement, version: checkpoint.version, date: request.now() });
    const { rows, replaced } = withRow(readHistory(history), row);
    writeHistory(history, rows);
    const picture = await drawHistory(path.join(folder, HISTORY_PICTURE), { name, rows }, watch);
    return { checkpoint, row, heads: tellingHeads(result), judgement, history, picture, rows: rows.length, replaced };
  });
}

function releasedCheckpoint({ folder, version }: ReleaseFolder): string {
  const found = new ModelFolder(folder).checkpointsThere('production');
  const [file] = found;
  if (file !== undefined && found.length === 1) return path.join(folder, file);
  throw new UserError(`${folder}: release ${version} has ${found.length} checkpoints that end in _production.pt, expected one`);
}

function evaluationAt(folder: string): string | undefined {
  const results = new ModelFolder(folder).results;
  return existsSync(path.join(results, RESULT_FILES.document)) ? results : undefined;
}

function rowOf(
  { data, clips, gloss, category }: EvaluationResult,
  { judgement, version, date }: { readonly judgement: DropJudgement; readonly version: string; readonly date: Date },
): HistoryRow {
  return {
    date: date.toISOString(),
    version,
    data: printableLine(data.title).trim().slice(-1000),
    fingerprint: data.fingerprint,
    clips: clips.length,
    gloss_acc: gloss.metrics.accuracy,
    gloss_low: gloss.metrics.accuracy_ci95_low,
    gloss_high: gloss.metrics.accuracy_ci95_high,
    cat_acc: category.metrics.accuracy,
    cat_low: category.metrics.accuracy_ci95_low,
    cat_high: category.metrics.accuracy_ci95_high,
    f1_weighted: gloss.metrics.f1_weighted,
    expected_calibration_error: gloss.metrics.expected_calibration_error,
    verdict: judgement.verdict,
    basis: judgement.basis,
  };
}

async function drawHistory(
  file: string,
  { name, rows }: { readonly name: string; readonly rows: readonly HistoryRow[] },
  { onWarning }: DataWatch,
): Promise<string | undefined> {
  if (!(await canDraw(onWarning))) return undefined;
  const { historyPicture } = await import('./history-picture.js');
  const png = drawnOrTold(HISTORY_PICTURE, () => historyPicture(`${name} on data that came later`, rows, lightTheme), onWarning);
  if (png === undefined) return undefined;
  replaceFile(file, (append) => {
    append(png);
  });
  return file;
}

/** A training of a model anew: with its settings, on other data, in a folder of its own. */
export interface Retraining {
  readonly configFile: string;
  /** Over those of the file, by key, as texts. */
  readonly settings: Readonly<Record<string, string>>;
  /** What is typed for it. */
  readonly commandLine: string;
}

/** Settings that say part by part where data lies: those that a model has recorded give way to a folder. */
function partsOfData(models: ModelDefinitions): string[] {
  const sources = models.names.flatMap((name) => models.get(name).settings.dataSources);
  return [...new Set([...sources, 'labels_reference'])].filter((key) => key !== 'data');
}

const LONGEST_DESCRIPTION = 60;

/** How a model is trained anew on a data folder, beside the folder that it has. */
export function retrainingOf({ folder, models = ownModels }: RegisteredModel, data: string): Retraining {
  const record: Readonly<Record<string, unknown>> = new ModelFolder(folder).readConfig();
  const configFile = new ModelFolder(folder).config;
  const recorded = record['description'];
  const name = path.basename(path.resolve(data)).replaceAll(/[^A-Za-z0-9._-]+/g, '-');
  const before = (typeof recorded === 'string' ? recorded : 'model').replace(/-on-.*$/, '');
  const description = `${before}-on-${name}`.slice(0, LONGEST_DESCRIPTION).replace(/[._-]+$/, '');
  const recordedParts = partsOfData(models).filter((key) => typeof record[key] === 'string');
  const settings = {
    data,
    description,
    save_dir: path.dirname(folder),
    ...Object.fromEntries(recordedParts.map((key) => [key, 'none'])),
  };
  const flags = Object.entries(settings).map(([key, value]) => `--${key.replaceAll('_', '-')} ${shellWord(value)}`);
  return { configFile, settings, commandLine: ['npm run train --', `--config ${shellWord(configFile)}`, ...flags].join(' ') };
}
