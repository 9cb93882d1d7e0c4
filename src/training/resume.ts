import { existsSync } from 'node:fs';
import path from 'node:path';
import { checkStateDict } from '../checkpoint/state-dict';
import { readTrainingCheckpoint, readWeights, type PlainRecord, type TrainingCheckpoint } from '../checkpoint/training-checkpoint';
import { flagOf, type SettingsLayer } from '../config/layers';
import { resolveLayers } from '../config/resolve';
import { modelNames, modelTable, type Settings } from '../config/settings';
import type { Program } from '../engine/program';
import { UserError } from '../foundation/errors';
import type { Model } from '../models/model';
import { recogniseModel } from '../models/model-table';
import { readTrainingLog, type TrainingLogRow } from './training-log';

/** Where an earlier run stopped. */
export interface ResumePoint {
  readonly file: string;
  readonly checkpoint: TrainingCheckpoint;
  /** What Kumpas keeps in the checkpoint's config beside epoch and best metric. */
  readonly progress: PlainRecord | undefined;
  /** The log so far, where the checkpoint lies in a run's folder. */
  readonly log: readonly TrainingLogRow[];
}

/** Settings that say where the data lies: a new place takes the place of all that were recorded. */
const PLACES: readonly string[] = [
  ...new Set(modelNames().flatMap((name): readonly string[] => modelTable[name].dataSources)),
  'data_dir',
  'labels_reference',
];

/** Settings that a resumed run may be given anew: how long, where things lie, how it is watched. The others would make it another run. */
const CHANGEABLE = new Set([
  'epochs',
  'early_stop',
  'save_every_minutes',
  'memory_budget_mb',
  'save_dir',
  'description',
  'compile_model',
  ...PLACES,
]);

/**
 * Reads the checkpoint to go on from.
 * @throws UserError where it cannot be read, or holds no state to go on from.
 */
export function readResumePoint(file: string): ResumePoint {
  const weights = readWeights(file);
  if (weights.args === undefined) {
    throw new UserError(
      `--resume ${file}: the checkpoint holds no settings ("args"), so it was not written by Kumpas; start a new training with --data`,
    );
  }
  const shapes = new Map([...weights.model].map(([name, { shape }]) => [name, shape]));
  const recognised = recogniseModel({ config: weights.config ?? {}, shapes });
  if (recognised === undefined) throw new UserError(`--resume ${file}: its weights fit none of the models that Kumpas trains`);
  const trainable = recognised.model.parameters.filter((parameter) => parameter.trainable).map(({ name }) => name);
  const checkpoint = readTrainingCheckpoint(file, trainable);
  if (checkpoint.optimizer === undefined) throw new UserError(`--resume ${file}: it holds weights alone, no optimizer; name a _last.pt`);
  const saved = checkpoint.config['progress'];
  const progress = typeof saved === 'object' && saved !== null && !Array.isArray(saved) ? (saved as PlainRecord) : undefined;
  const logFile = path.join(path.dirname(file), 'training_log.txt');
  return { file, checkpoint, progress, log: existsSync(logFile) ? readTrainingLog(logFile) : [] };
}

/**
 * The settings of a resumed run: those that it recorded, and over them what was asked for now.
 * @throws UserError where something was asked for that a resumed run cannot change, or nothing is left to do.
 */
export function resumedSettings({ file, checkpoint }: ResumePoint, asked: readonly SettingsLayer[]): Settings {
  const recorded = { source: file, values: { ...checkpoint.args } };
  const before = resolveLayers([recorded]).settings;
  const places = asked.some(({ values }) => PLACES.some((key) => values[key] !== undefined));
  const kept = places ? Object.fromEntries(Object.entries(recorded.values).filter(([key]) => !PLACES.includes(key))) : recorded.values;
  const settings = resolveLayers([{ ...recorded, values: kept }, ...asked]).settings;
  refuseChanges(file, before, settings);
  if (settings.epochs <= checkpoint.epoch) {
    throw new UserError(
      `--resume ${file}: the run has done ${checkpoint.epoch} of ${settings.epochs} epochs, there is nothing left to do; give --epochs with a larger number`,
    );
  }
  return settings;
}

/**
 * Puts the checkpoint's weights and Adam's state into a program.
 * @throws UserError where they do not fit the model, as with data of other class counts.
 */
export function restoreProgram({ file, checkpoint }: ResumePoint, model: Model, program: Program): void {
  checkStateDict(checkpoint.model, new Map(model.parameters.map(({ name, shape }) => [name, shape])), `--resume ${file}`);
  program.writeParameters(new Map([...checkpoint.model].map(([name, { values }]) => [name, values])));
  if (checkpoint.optimizer !== undefined) program.writeOptimizer(checkpoint.optimizer);
}

/**
 * The folder that a resumed run goes on in: the checkpoint's own where it is a run's `_last.pt`. Any other checkpoint starts a new folder, so that a run is
 * never overwritten by one that branches off it.
 */
export function folderToContinue({ file }: ResumePoint, checkpointName: string): string | undefined {
  return path.basename(file) === `${checkpointName}_last.pt` ? path.dirname(file) : undefined;
}

function refuseChanges(file: string, before: Settings, after: Settings): void {
  const old = new Map<string, unknown>(Object.entries(before));
  const changed = Object.entries(after).filter(([key, value]) => !CHANGEABLE.has(key) && old.get(key) !== value);
  if (changed.length === 0) return;
  const lines = changed.map(
    ([key, value]) =>
      `${flagOf(key)}: a resumed run keeps ${String(old.get(key))}, found ${String(value)}; leave it out, or start a new training`,
  );
  throw new UserError([`--resume ${file}: some settings cannot change in the middle of a run`, ...lines].join('\n'));
}
