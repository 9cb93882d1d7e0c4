import { existsSync } from 'node:fs';
import path from 'node:path';
import type { CheckpointReading } from '../checkpoint/training-checkpoint';
import type { Settings } from '../config/model-settings';
import { BatchSource } from '../data/batches';
import { bucketLengths, planEpoch } from '../data/plan-epoch';
import type { ClipSet, Dataset } from '../data/clip-set';
import { openData, type DataRequest } from '../data/open-data';
import { createProgram } from '../engine/create-program';
import { optimizerFor } from '../engine/optimizers/table';
import { initialiseParameters, type ParameterValues } from '../engine/parameters';
import { readPretrained } from '../evaluation/frame-features/picture-features';
import { featureCache, openAsFeatures } from '../evaluation/frame-features/open-encoded-data';
import { removeUnfinishedFiles, replaceText } from '../foundation/atomic-file';
import { UserError } from '../foundation/errors';
import { lockFolder, type FolderLock } from '../foundation/folder-lock';
import { keepFolder, type KeptFolder } from '../foundation/folders';
import { memoryBudget, memoryFacts } from '../foundation/memory-limit';
import { RandomStream } from '../foundation/random';
import type { Model, PretrainedWeights } from '../models/model';
import { ownModels } from '../models/model-table';
import type { TrainingReporter } from './events';
import { classificationLoss } from './losses';
import { MetricsLog, TrainingLog } from '../folder/training-log';
import { forgetBest, freshProgress, restoreProgress, type Progress } from './progress';
import { endOf, folderToContinue, restoreProgram, stampOf, type ResumePoint } from './resume';
import { compareWithEarlierData, withClassesOfRun } from './resumed-data';
import type { RunSplit, TrainingRun } from './run';
import { CONFIG_FILE, createRunFolder, runFiles, type RunFiles } from '../folder/model-folder';
import { describeRun } from './describe-run';
import { registryFactsIn, runRecordText, type MachineFacts, type RegistryFacts } from '../folder/config-file';
import { saveBest } from './save-run';
import { chooseSchedule } from './schedules/choose';
import { withoutBestMetric } from './schedules/plateau';
import { kindOfSchedule } from './schedules/recognise';
import { startEvent } from './start-event';
import { stepDefinition } from './step-definition';
import { warmStartOf, warmStartWeights } from './warm-start';

/** What a training needs of the world. */
export interface Surroundings {
  readonly reporter: TrainingReporter;
  readonly now: () => Date;
  readonly machine: MachineFacts;
  /** What the registry keeps of a new run from its start. */
  readonly registry?: RegistryFacts;
  /** TensorFlow's names of the devices that enable_parallel divides each batch among; none where there are fewer than two. */
  readonly sharingDevices?: readonly string[];
  /** Is told how many clips have been read and checked, of how many. */
  readonly onDataProgress?: (done: number, total: number) => void;
  /** Which weights are taken of the file that `init_from` names. */
  readonly reading?: CheckpointReading;
}

/** Names the stream of random numbers that the starting weights are drawn from. */
const WEIGHTS_STREAM = 0x77656967;

/** What other processes are told that the holder of a folder does. */
const PURPOSE = 'train';

/**
 * Opens and checks the data, builds the model with its weights, makes the run's folder and writes what is known of the run. The folder is the run's alone until
 * it is closed.
 * @param resume where an earlier run stopped; undefined for a new one.
 * @throws UserError for anything wrong with data, settings or checkpoint, or where another process is at work on the folder; then no folder has been made.
 */
export async function prepareRun(settings: Settings, resume: ResumePoint | undefined, surroundings: Surroundings): Promise<TrainingRun> {
  const going = resume === undefined ? undefined : folderToContinue(resume, ownModels.get(settings.model).checkpointName);
  const held = going === undefined ? undefined : lockFolder(going, PURPOSE);
  let chosen: ChosenFolder | undefined;
  const choose = (inNewFolder: boolean): ChosenFolder => {
    chosen = chooseFolder(settings, inNewFolder ? undefined : going, held, surroundings.now());
    if (chosen.lock !== held) held?.release();
    return chosen;
  };
  try {
    if (resume !== undefined) refuseOutdated(resume);
    return await prepareHeldRun(settings, resume, surroundings, choose);
  } catch (error) {
    chosen?.place.release();
    (chosen?.lock ?? held)?.release();
    throw error;
  }
}

/** @param choose makes the run's folder, or takes the one that it goes on in unless another is wanted, and gives it locked. */
async function prepareHeldRun(
  settings: Settings,
  resume: ResumePoint | undefined,
  surroundings: Surroundings,
  choose: (inNewFolder: boolean) => ChosenFolder,
): Promise<TrainingRun> {
  const { reporter, now, machine } = surroundings;
  const entry = ownModels.get(settings.model);
  const start = resume === undefined ? warmStartOf(settings, surroundings.reading) : undefined;
  const given = givenWeights(entry.pretrained(settings), resume);
  const opened = await openTrainingData(settings, given, resume, surroundings);
  const dataset = resume === undefined ? opened : withClassesOfRun(resume, opened);
  const otherValidation = resume !== undefined && compareWithEarlierData(resume, dataset, reporter).otherValidation;
  const ended = resume === undefined ? undefined : endOf(resume, settings);
  if (ended !== undefined) {
    if (otherValidation) throw ended.nothingLeft; // Its evaluation would be none of this run's.
    reporter.report({ kind: 'note', text: 'its epochs are done; the evaluation at its end is missing and is made now' });
  }
  const model = entry.fromSettings(settings, { gloss: dataset.labels.gloss.length, category: dataset.labels.category.length });
  const train = split(requireTraining(dataset), settings, model, true);
  const validation = split(dataset.validation, settings, model, false);

  const definition = stepDefinition(model, classificationLoss(settings), {
    optimizer: optimizerFor(settings),
    clipNorm: settings.grad_clip ?? undefined,
  });
  const schedule = chooseSchedule(settings);
  const devices = settings.enable_parallel ? (surroundings.sharingDevices ?? []) : [];
  const drawn = initialiseParameters(model.parameters, new RandomStream(settings.seed, WEIGHTS_STREAM));
  const warm = start === undefined ? undefined : warmStartWeights(start, model, dataset.labels);
  if (warm !== undefined) reporter.report({ kind: 'note', text: warm.said });
  const program = createProgram(definition, resume === undefined ? new Map([...drawn, ...(warm?.values ?? []), ...given]) : drawn, {
    mode: settings.compile_model ? 'captured' : 'eager',
    matrixType: settings.amp ? 'bfloat16' : 'float32',
    devices,
  });
  if (resume !== undefined) {
    restoreProgram(resume, model, program);
    const { scheduler } = resume.checkpoint;
    if (scheduler !== undefined && kindOfSchedule(scheduler) === settings.scheduler)
      schedule.loadStateDict(otherValidation ? withoutBestMetric(scheduler) : scheduler);
  }
  const progress =
    resume === undefined
      ? freshProgress()
      : restoreProgress(resume.checkpoint, resume.progress, train.plan(resume.checkpoint.epoch + 1).length);
  if (otherValidation) forgetBest(progress);

  const { files, description, lock, place } = choose(otherValidation);
  const record = describeRun({
    settings: { ...settings, description },
    dataset,
    model,
    machine,
    folder: files.folder,
    created: now(),
    registry: { ...surroundings.registry, ...registryFactsIn(files.config) },
  });
  const log = new TrainingLog(files.log, progress.completedEpochs, otherValidation ? [] : resume?.log);
  const metrics = new MetricsLog(files.metrics, progress.completedEpochs);
  replaceText(files.config, runRecordText(record));
  reporter.report(startEvent(record, { train, validation, devices }, resume, progress));
  const run: TrainingRun = {
    settings,
    ended: ended?.end,
    model,
    dataset,
    train,
    validation,
    program,
    schedule,
    stepOptions: {
      lossWeights: { alpha: settings.alpha, beta: settings.beta },
      packPadding: model.leavesPaddingOut === true && devices.length === 0,
    },
    progress,
    lastSaved: existsSync(files.last) ? { epochs: progress.completedEpochs, batches: progress.batchesDone } : undefined,
    files,
    lock,
    place,
    record,
    log,
    metrics,
    reporter,
    now,
  };
  if (resume !== undefined && !otherValidation && isBestOfNewFolder(resume, progress, files)) saveBest(run);
  return run;
}

/** Whether a run starts in a new folder from a checkpoint that is the best so far: then the folder has a best checkpoint from the start. */
function isBestOfNewFolder(
  { file, told }: ResumePoint,
  { completedEpochs, bestEpoch, batchesDone }: Progress,
  { best }: RunFiles,
): boolean {
  const isBest = told === undefined ? bestEpoch === completedEpochs : /best/i.test(path.basename(file));
  return isBest && batchesDone === 0 && completedEpochs > 0 && !existsSync(best);
}

/** The weights that are not drawn: those of the checkpoint that is gone on from, or those that the settings name. */
function givenWeights(pretrained: PretrainedWeights | undefined, resume: ResumePoint | undefined): ParameterValues {
  if (resume !== undefined) return new Map([...resume.checkpoint.model].map(([name, { values }]) => [name, values]));
  return pretrained === undefined ? new Map() : readPretrained(pretrained);
}

async function openTrainingData(
  settings: Settings,
  weights: ParameterValues,
  resume: ResumePoint | undefined,
  { reporter, onDataProgress }: Surroundings,
): Promise<Dataset> {
  const entry = ownModels.get(settings.model);
  const { pictures, ...location } = entry.clipLocation(settings);
  const request: DataRequest = {
    ...location,
    width: entry.width,
    ...classCounts(settings, resume),
    demoSeed: settings.seed,
    memoryBudgetBytes: settings.memory_budget_mb === null ? memoryBudget(memoryFacts()) : settings.memory_budget_mb * 1e6,
    needTrain: true,
    onWarning: (text) => {
      reporter.report({ kind: 'warning', text });
    },
    ...(onDataProgress === undefined ? {} : { onProgress: onDataProgress }),
  };
  if (pictures === undefined) return openData(request);
  if (!pictures.encoded) return openData({ ...request, width: pictures.side * pictures.side * 3, pictureSide: pictures.side });
  const cache = featureCache(process.env);
  reporter.report({ kind: 'note', text: `the backbone stays as it is: features of frames are computed once, and kept in ${cache}` });
  return openAsFeatures(request, entry.fromSettings(settings, { gloss: 1, category: 1 }), weights, cache);
}

/** Of a resumed run's data all classes are wanted, more than the run has too, so that it can be said that there are more. */
function classCounts(settings: Settings, resume: ResumePoint | undefined): Pick<DataRequest, 'numGloss' | 'numCat' | 'atLeast'> {
  if (resume === undefined) return { numGloss: settings.num_gloss, numCat: settings.num_cat };
  const { numGloss: gloss, numCategory: category } = resume.model;
  return { atLeast: { gloss, category } };
}

function requireTraining({ train, title }: Dataset): ClipSet {
  if (train === undefined) throw new UserError(`${title}: there are no training clips`);
  return train;
}

/** Training goes through its clips in an order that is a function of (seed, epoch), validation always in the same. */
function split(set: ClipSet, settings: Settings, model: Model, shuffle: boolean): RunSplit {
  const { batch_size: batchSize, num_buckets: maxBuckets, seed } = settings;
  const maxFrames = model.maxFrames;
  const lengths = bucketLengths(set.entries, { maxBuckets, maxFrames, batchSize });
  return {
    set,
    batches: new BatchSource(set, { batchSize }),
    plan: (epoch) => planEpoch(set, { batchSize, maxFrames, seed, epoch, shuffle, bucketLengths: lengths }),
  };
}

/** The folder of a run, which no other process writes into. */
interface ChosenFolder {
  readonly files: RunFiles;
  /** The description in its name. */
  readonly description: string;
  readonly lock: FolderLock;
  readonly place: KeptFolder;
}

/** @param going the folder that a resumed run goes on in, and `held` its lock; undefined for a new one. */
function chooseFolder(settings: Settings, going: string | undefined, held: FolderLock | undefined, date: Date): ChosenFolder {
  const { checkpointName } = ownModels.get(settings.model);
  if (going !== undefined && held !== undefined) {
    const place = keepFolder(going, [CONFIG_FILE]);
    removeUnfinishedFiles(going);
    return { files: runFiles(going, checkpointName), description: settings.description, lock: held, place };
  }
  const { folder, description } = createRunFolder(settings.save_dir, settings.model, settings.description, date);
  const lock = lockFolder(folder, PURPOSE);
  return { files: runFiles(folder, checkpointName), description, lock, place: keepFolder(folder, [CONFIG_FILE]) };
}

/** Another process may have gone on with the run after its checkpoint was read, and before its folder was locked. */
function refuseOutdated({ file, stamp }: ResumePoint): void {
  if (stampOf(file) === stamp) return;
  throw new UserError(`--resume ${file}: another process went on with it just now; start the command again to go on from there`);
}
