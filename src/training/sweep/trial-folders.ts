import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { readEvaluation } from '../../evaluation/results/contents';
import { readConfig } from '../../folder/config-file';
import { FOLDER_FILES } from '../../folder/contents';
import { RunFolder } from '../../folder/model-folder';
import { LARGEST_METRICS, readTrainingLog, type TrainingLogRow } from '../../folder/training-log';
import { UserError } from '../../foundation/errors';
import { lockState } from '../../foundation/folder-lock';
import { removeFolder } from '../../foundation/folders';
import { readTextIfThere } from '../../foundation/regular-file';
import { required } from '../../foundation/required';
import { linesOf } from '../../foundation/text';
import { checkpointNameOf } from '../../models/model-table';
import { lacksFinalEvaluation } from '../run';

/** What a trial came to: of the checkpoint of its best epoch, on the validation clips. Shares are from 0 to 1. */
export interface TrialFigures {
  readonly glossAccuracy: number;
  readonly categoryAccuracy: number;
  /** Expected calibration error of the gloss head. */
  readonly calibrationError: number;
  readonly bestEpoch: number;
  /** Epochs that were trained. */
  readonly epochs: number;
  /** Training and validation of all epochs together. */
  readonly seconds: number;
  readonly parameters: number;
}

/** The model folder of a trial, and how far it has come. */
export interface TrialFolder {
  readonly folder: string;
  readonly log: readonly TrainingLogRow[];
  /** Undefined as long as it is not done. */
  readonly figures: TrialFigures | undefined;
}

/**
 * The model folders in a sweep's folder, by the trials that their config.json names. One of a training that was killed before it had saved anything is removed.
 * @param only the one trial that is wanted; all where it is left out.
 * @throws UserError where one cannot be read.
 */
export function trialFolders(folder: string, only?: string): ReadonlyMap<string, TrialFolder> {
  const found = new Map<string, { readonly created: string; readonly trial: TrialFolder }>();
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const place = path.join(folder, entry.name);
    if (!entry.isDirectory() || entry.name.startsWith('.') || (only !== undefined && !entry.name.includes(only))) continue;
    const record = recordIn(place);
    if (record === undefined) continue;
    const { sweep, created } = record.run;
    if (sweep === undefined || (only !== undefined && sweep.trial !== only)) continue;
    const files = new RunFolder(place, checkpointNameOf(record));
    if (!existsSync(files.last)) {
      if (lockState(place) !== 'held') removeFolder(place);
      continue;
    }
    const before = found.get(sweep.trial);
    if (before === undefined || before.created < created) found.set(sweep.trial, { created, trial: trialIn(files, record.run.parameters) });
  }
  return new Map([...found].map(([id, { trial }]) => [id, trial]));
}

/** What a model folder says of itself; undefined where it is none, or another process has just removed it. */
function recordIn(folder: string): ReturnType<typeof readConfig> | undefined {
  const file = path.join(folder, FOLDER_FILES.config);
  try {
    return existsSync(file) ? readConfig(file) : undefined;
  } catch (error) {
    if (!existsSync(file)) return undefined;
    throw error;
  }
}

function trialIn(files: RunFolder, parameters: number | undefined): TrialFolder {
  const log = existsSync(files.log) ? readTrainingLog(files.log) : [];
  if (lockState(files.folder) === 'held' || lacksFinalEvaluation(files)) return { folder: files.folder, log, figures: undefined };
  const { gloss, category, epoch } = readEvaluation(files.evaluation);
  return {
    folder: files.folder,
    log,
    figures: {
      glossAccuracy: gloss.accuracy,
      categoryAccuracy: category.accuracy,
      calibrationError: required(gloss.expected_calibration_error, `the calibration error in ${files.evaluation}`),
      bestEpoch: required(epoch, `the epoch in ${files.evaluation}`),
      epochs: required(log.at(-1), `an epoch in ${files.log}`).epoch,
      seconds: secondsOf(files.metrics),
      parameters: required(parameters, `the parameters in ${files.config}`),
    },
  };
}

function secondsOf(metrics: string): number {
  let seconds = 0;
  for (const line of linesOf(readTextIfThere(metrics, LARGEST_METRICS) ?? '')) {
    if (line === '') continue;
    const { train_seconds: train, val_seconds: val } = JSON.parse(line) as {
      readonly train_seconds: unknown;
      readonly val_seconds: unknown;
    };
    if (typeof train !== 'number' || typeof val !== 'number') throw new UserError(`${metrics}: expected the seconds of each epoch`);
    seconds += train + val;
  }
  return seconds;
}
