import { existsSync, statSync } from 'node:fs';
import path from 'node:path';
import { checkStateDict, type StateDict } from '../checkpoint/state-dict';
import {
  averagedUpdates,
  readCheckpoint,
  trainingCheckpoint,
  type PlainRecord,
  type TrainingCheckpoint,
} from '../checkpoint/training-checkpoint';
import type { KeypointLayout } from '../config/keypoint-layout';
import { commandLineSource, flagOf, shown, type SettingsLayer } from '../config/layers';
import type { Settings } from '../config/model-settings';
import { resolveLayers } from '../config/resolve';
import type { Dataset } from '../data/clip-set';
import { optimizerForms, settingsOfOptimizer } from '../engine/optimizers/table';
import type { ParameterValues } from '../engine/parameters';
import type { Program } from '../engine/program';
import { classDifferences, isUnnamed, recordAt, savedLabels, shownLabels, type ClassKind } from '../evaluation/loaded-model';
import { recogniseWeights, saidOfModel, type ModelReading } from '../evaluation/recognise';
import { savedInputs } from '../evaluation/saved-inputs';
import { checkpointFile } from '../folder/contents';
import { ModelFolder, RunFolder } from '../folder/model-folder';
import { readTrainingLog, type TrainingLogRow } from '../folder/training-log';
import { UserError } from '../foundation/errors';
import { required } from '../foundation/required';
import { optimizerParameters, type Model } from '../models/model';
import { ownModels, type ModelDefinitions } from '../models/model-table';
import type { TrainingListener } from './events';
import { EPOCHS_FROM_0, legacySettings, withComparableMetric } from './legacy-settings';
import { restoredWeighting, type LossWeighting } from './loss-weighting';
import { hasStoppedEarly, restoreProgress } from './progress';
import { lacksFinalEvaluation } from './run';

/** Where an earlier run stopped. */
export interface ResumePoint {
  readonly file: string;
  /** Of the file as it was read: see {@link stampOf}. */
  readonly stamp: string;
  readonly checkpoint: TrainingCheckpoint;
  /** The model that its weights are of. */
  readonly model: Model;
  /** Which key points its clips are; undefined where they are none. */
  readonly keypoints: KeypointLayout | undefined;
  /** What Kumpas keeps in the checkpoint's config beside epoch and best metric. */
  readonly progress: PlainRecord | undefined;
  /** The log so far, where the checkpoint lies in a run's folder. */
  readonly log: readonly TrainingLogRow[];
  /** What was taken as usual because the checkpoint of another program does not tell it; a line each. */
  readonly notes: readonly string[];
  /** Settings that the checkpoint tells where it was not Kumpas that trained it: the others may be chosen. Undefined for a run of Kumpas. */
  readonly stated: ReadonlySet<string> | undefined;
}

/** The key in a checkpoint's config under which an import keeps the settings that the imported file states. */
export const RECORDED_SETTINGS = 'told_settings';

/** Settings that a resumed run may be given anew: how long, where things lie, how it is watched. The others would make it another run. */
const CHANGEABLE = new Set([
  'micro_batch_size',
  'epochs',
  'early_stop',
  'save_every_minutes',
  'memory_budget_mb',
  'skip_bad_clips',
  'save_dir',
  'description',
  'compile_model',
  'cudnn_gru',
  'tf32',
]);

/**
 * Reads the checkpoint to go on from: one of a run of Kumpas, or one that a PyTorch training wrote.
 * @param given what a PyTorch checkpoint cannot tell of its model, as `num_heads`.
 * @param reading which of its weights are taken, and what its optimiser is where the file leaves it open.
 * @throws UserError where it cannot be read, or holds no state to go on from.
 */
export function readResumePoint(file: string, given: PlainRecord = {}, reading: ModelReading = {}): ResumePoint {
  const place = `--resume ${file}`;
  const stamp = stampOf(file);
  const { weights, recognised, optimizer, average } = readCheckpoint(file, (opened) => {
    const keys = reading.key === undefined ? opened.averaging() : undefined;
    const read = opened.weights(reading.key ?? keys?.trained);
    const fitted = recogniseWeights(read.model, { ...given, ...saidOfModel(read) }, place, reading.models);
    const form = { forms: optimizerForms, parameters: optimizerParameters(fitted.model), model: fitted.weights, said: reading.optimizer };
    const average = keys && opened.weights(keys.average).model;
    return { weights: read, recognised: fitted, optimizer: opened.optimizer(form), ...(average === undefined ? {} : { average }) };
  });
  if (optimizer === undefined) throw new UserError(`${place}: it holds weights alone, no optimizer to go on with; name a _last.pt`);
  if (!optimizer.usable)
    throw new UserError(`${place}: no training goes on from its optimizer: ${optimizer.reason} ${waysOut(file, optimizer.reason)}`);
  const checkpoint = { ...trainingCheckpoint(weights, recognised.weights, optimizer.state), ...(average === undefined ? {} : { average }) };
  const { keypoints } = savedInputs(checkpoint.config, recognised.model, place);
  const notes = [...weights.notes, ...recognised.notes];
  const logFile = new ModelFolder(path.dirname(file)).log;
  if (weights.epoch === undefined) notes.push(EPOCHS_FROM_0);
  if (checkpoint.args === undefined || !isOurs(checkpoint)) {
    const { values, stated, notes: ofSettings } = legacySettings(recognised, checkpoint);
    notes.unshift(...ofSettings);
    const comparable = withComparableMetric(checkpoint, (note) => notes.push(note));
    return {
      file,
      stamp,
      checkpoint: { ...comparable, args: values },
      model: recognised.model,
      keypoints,
      progress: undefined,
      log: [],
      notes,
      stated,
    };
  }
  const { progress, [RECORDED_SETTINGS]: stated } = checkpoint.config;
  return {
    file,
    stamp,
    checkpoint,
    model: recognised.model,
    keypoints,
    progress: typeof progress === 'object' && progress !== null && !Array.isArray(progress) ? (progress as PlainRecord) : undefined,
    log: existsSync(logFile) ? readTrainingLog(logFile) : [],
    notes,
    stated: Array.isArray(stated) ? new Set(stated.map(String)) : undefined,
  };
}

/** Settings that say where the data lies: a new place takes the place of all that were recorded. */
function placesOf({ definition }: Model): string[] {
  return [...new Set([...definition.settings.dataSources, 'data_dir', 'labels_reference'])];
}

/** What to do with a file whose optimiser cannot be gone on with. */
function waysOut(file: string, reason: string): string {
  const begin = `Its weights can begin a new training: --init-from ${file}`;
  return reason.includes('Adam or AdamW') ? `Say --optimizer-was adam or --optimizer-was adamw, whichever it was. ${begin}` : begin;
}

/**
 * Another process may have gone on with the run after its checkpoint was read, and before its folder was locked.
 * @throws UserError where one did.
 */
export function refuseOutdated({ file, stamp }: ResumePoint): void {
  if (stampOf(file) === stamp) return;
  throw new UserError(`--resume ${file}: another process went on with it just now; start the command again to go on from there`);
}

/** Tells a file from another one that was written in its place; the same for a file that is not there. */
function stampOf(file: string): string {
  const status = statSync(file, { bigint: true, throwIfNoEntry: false });
  return status === undefined ? '' : `${status.ino} ${status.size} ${status.mtimeNs}`;
}

/**
 * The settings of a resumed run: those that it recorded, and over them what was asked for now.
 * @throws UserError where something was asked for that a resumed run cannot change, or nothing is left to do, not even the evaluation at its end.
 */
export function resumedSettings(point: ResumePoint, asked: readonly SettingsLayer[], models: ModelDefinitions = ownModels): Settings {
  const { file, checkpoint, stated } = point;
  const sources = placesOf(point.model);
  const recorded = { source: file, values: { ...checkpoint.args } };
  const before = resolveLayers([recorded], models).settings;
  refuseOtherOptimizer(point, before, asked);
  const places = asked.some(({ values }) => sources.some((key) => values[key] !== undefined));
  const kept = places ? Object.fromEntries(Object.entries(recorded.values).filter(([key]) => !sources.includes(key))) : recorded.values;
  if (stated !== undefined && !places && !sources.some((key) => (recorded.values[key] ?? null) !== null))
    throw new UserError(`--resume ${file}: it was trained by another program and does not say on which data; give --data`);
  const settings = resolveLayers([{ ...recorded, values: kept }, ...asked], models).settings;
  const typed = asked.some(({ source, values }) => source === commandLineSource && values['init_from'] !== undefined);
  if (typed || settings.init_from !== before.init_from)
    throw new UserError(
      `--init-from cannot be combined with --resume ${file}: the one begins a new training with a model's weights, the other goes on with a training; leave one out`,
    );
  refuseChanges(file, {
    before,
    after: settings,
    stated,
    changeable: new Set([...CHANGEABLE, ...sources, ...movedTeacher(before, settings)]),
  });
  const ended = endOf(point, settings);
  if (ended !== undefined && !isOnlyToEvaluate(point)) throw ended.nothingLeft;
  return settings;
}

/** A teacher may lie elsewhere now; that it is the same one is checked when it is read. */
function movedTeacher(before: Settings, after: Settings): string[] {
  return before.teacher !== null && after.teacher !== null ? ['teacher'] : [];
}

/** How a run has ended that has no epoch left to train, and what is said of it; undefined where it has one, as where it is asked for more than before. */
export function endOf(
  { file, checkpoint, progress }: ResumePoint,
  { epochs, early_stop: patience }: Settings,
): { readonly end: 'finished' | 'stopped early'; readonly nothingLeft: UserError } | undefined {
  const { epoch, args } = checkpoint;
  if (epochs <= epoch) {
    const said = `the run has done ${epoch} of ${epochs} epochs, there is nothing left to do; give --epochs with a larger number`;
    return { end: 'finished', nothingLeft: new UserError(`--resume ${file}: ${said}`) };
  }
  const planned = args?.['epochs'];
  const wantsMore = typeof planned === 'number' && epochs > planned;
  const restored = restoreProgress(checkpoint, progress, Infinity);
  if (wantsMore || !hasStoppedEarly(restored, patience)) return undefined;
  const said = `the run stopped early after ${epoch} of ${epochs} epochs, ${epoch - restored.bestEpoch} of them without a better one, there is nothing left to do`;
  const todo = 'give --epochs or --early-stop with a larger number, or --early-stop none';
  return { end: 'stopped early', nothingLeft: new UserError(`--resume ${file}: ${said}; ${todo}`) };
}

/** Whether a run whose epochs are done still lacks its final evaluation, as where it was killed in it. */
function isOnlyToEvaluate(point: ResumePoint): boolean {
  const { checkpointName } = point.model.definition;
  const folder = folderToContinue(point, checkpointName);
  return point.stated === undefined && folder !== undefined && lacksFinalEvaluation(new RunFolder(folder, checkpointName));
}

/**
 * Puts the checkpoint's weights, the optimiser's state, the average of the weights and what weighs the losses into a program.
 * @param kept.keepsAverage whether the program keeps an average; where the checkpoint holds none, it begins with the weights.
 * @throws UserError where they do not fit the model, as with data of other class counts.
 */
export function restoreProgram(
  { file, checkpoint, stated }: ResumePoint,
  model: Model,
  program: Program,
  { keepsAverage, weighting }: { readonly keepsAverage: boolean; readonly weighting: LossWeighting | undefined },
): void {
  const shapes = new Map(model.parameters.map(({ name, shape }) => [name, shape]));
  const valuesOf = (weights: StateDict): ParameterValues => {
    checkStateDict(weights, shapes, `--resume ${file}`);
    return new Map([...weights].map(([name, { values }]) => [name, values]));
  };
  const weights = valuesOf(checkpoint.model);
  const { lossWeighting = stated === undefined ? new Map<string, never>() : undefined } = checkpoint;
  const ofWeighting = weighting === undefined ? [] : restoredWeighting(weighting, { saved: lossWeighting, file: `--resume ${file}` });
  program.writeParameters(new Map([...weights, ...ofWeighting]));
  if (checkpoint.optimizer !== undefined) program.writeOptimizer(checkpoint.optimizer);
  if (!keepsAverage) return;
  const { average } = checkpoint;
  const updates = average === undefined ? 0 : required(averagedUpdates(checkpoint.config), 'the number of updates of the average');
  program.writeAverage({ updates, values: average === undefined ? weights : valuesOf(average) });
}

/**
 * The folder that a resumed run goes on in: the checkpoint's own where it is a run's `_last.pt`. Any other checkpoint starts a new folder, so that a run is
 * never overwritten by one that branches off it, and no folder of another program is written into.
 */
export function folderToContinue({ file, checkpoint }: ResumePoint, checkpointName: string): string | undefined {
  return isOurs(checkpoint) && path.basename(file) === checkpointFile(checkpointName, 'last') ? path.dirname(file) : undefined;
}

/** Whether Kumpas wrote a checkpoint, in a training or an import. */
function isOurs({ config }: TrainingCheckpoint): boolean {
  return config['kumpas_version'] !== undefined;
}

/** Another optimiser could do nothing with what this one remembers. */
function refuseOtherOptimizer({ file, checkpoint }: ResumePoint, before: Settings, asked: readonly SettingsLayer[]): void {
  const own = checkpoint.optimizer === undefined ? before.optimizer : settingsOfOptimizer(checkpoint.optimizer).optimizer;
  const wanted = asked.flatMap(({ values }) => ['optimizer', 'optim'].flatMap((key) => values[key] ?? [])).at(-1) ?? before.optimizer;
  if (wanted === own) return;
  throw new UserError(
    `--resume ${file}: a resumed run keeps its optimizer ${own}, found ${shown(wanted)}; leave --optimizer out, or start a new training`,
  );
}

function refuseChanges(
  file: string,
  {
    before,
    after,
    stated,
    changeable,
  }: {
    readonly before: Settings;
    readonly after: Settings;
    readonly stated: ResumePoint['stated'];
    readonly changeable: ReadonlySet<string>;
  },
): void {
  const old = new Map<string, unknown>(Object.entries(before));
  const changed = Object.entries(after).filter(
    ([key, value]) => !changeable.has(key) && old.get(key) !== value && (stated === undefined || stated.has(key)),
  );
  if (changed.length === 0) return;
  const lines = changed.map(
    ([key, value]) =>
      `${flagOf(key)}: a resumed run keeps ${String(old.get(key))}, found ${String(value)}; leave it out, or start a new training`,
  );
  throw new UserError([`--resume ${file}: some settings cannot change in the middle of a run`, ...lines].join('\n'));
}

/**
 * The data of a resumed run under the run's own names: a class id keeps its meaning from the first epoch to the last. Data that names no classes takes the
 * run's names, a run without names those of its data.
 * @throws UserError where the data has other classes, with the first differences.
 */
export function withClassesOfRun(resume: ResumePoint, dataset: Dataset): Dataset {
  const { file, checkpoint, model } = resume;
  const saved = savedLabels(checkpoint.config, model);
  const labels = shownLabels({ labels: saved, model });
  const found = dataset.givenLabels ?? dataset.labels;
  const problems = classDifferences({ labels, known: saved !== undefined, calledBy: 'the run' }, found);
  if (problems.length > 0) {
    const said = `--resume ${file}: the run was trained on other classes than ${dataset.title} has`;
    const todo = `give data with its own classes, or begin a new training with its weights: --init-from ${file}`;
    throw new UserError([`${said}; ${todo}`, ...problems].join('\n'));
  }
  const named = (kind: ClassKind): string[] =>
    labels[kind].map((label, id) => (isUnnamed(kind, label, id) ? (found[kind][id] ?? label) : label));
  return { ...dataset, labels: { gloss: named('gloss'), category: named('category') } };
}

/** What the data of a resumed run is to the data that it was trained on so far. */
interface DataComparison {
  /** Whether the validation clips are others, so that accuracies before and after say nothing of each other. */
  readonly otherValidation: boolean;
}

/** Compares the data of a resumed run with what its checkpoint tells of the data so far, and says in a line where it is not the same. */
export function compareWithEarlierData(resume: ResumePoint, dataset: Dataset, report: TrainingListener): DataComparison {
  const { file } = resume;
  const { title, fingerprint, validationFingerprint } = dataset;
  const { whole, validation } = earlierFingerprints(resume.checkpoint.config);
  if (whole === undefined && validation === undefined) {
    report({ kind: 'note', text: `note: ${file} does not say on which data it was trained: ${title} is taken to be the same` });
    return { otherValidation: false };
  }
  if (whole === fingerprint) return { otherValidation: false };
  const said = `${title} is not the data that ${file} was trained on so far (fingerprint ${fingerprint.slice(0, 12)}, then ${whole?.slice(0, 12) ?? 'unknown'})`;
  // A checkpoint of before they were recorded does not tell: then its figures cannot be compared with any here.
  const otherValidation = validation !== validationFingerprint;
  const follows = otherValidation
    ? 'its validation clips are others: the training goes on in a new folder, and its best epoch is found anew there'
    : 'its validation clips are the same: the best epoch stays what must be beaten';
  report({ kind: 'warning', text: `${said}; ${follows}` });
  return { otherValidation };
}

function earlierFingerprints(config: PlainRecord): { readonly whole: string | undefined; readonly validation: string | undefined } {
  const { fingerprint, validation_fingerprint: validation } = recordAt(config, 'data');
  const textOf = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined);
  return { whole: textOf(fingerprint), validation: textOf(validation) };
}
