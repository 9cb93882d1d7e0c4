import { existsSync } from 'node:fs';
import path from 'node:path';
import type { Settings } from '../config/model-settings';
import type { Cluster } from '../engine/cluster-server';
import { createProgram } from '../engine/create-program';
import { optimizerFor } from '../engine/optimizers/table';
import { initialiseParameters, type ParameterValues } from '../engine/parameters';
import type { ChosenPrecision } from '../engine/precision';
import { hasNativeKernels } from '../engine/tensorflow';
import { readPretrained } from '../evaluation/frame-features/picture-features';
import { RandomStream } from '../foundation/random';
import type { Model, ModelDefinition } from '../models/model';
import { ownModels } from '../models/model-table';
import { classTargets, classWeightsFor } from './class-weights';
import { describeRun } from './describe-run';
import type { StepDescription, TrainingListener, TrainingStarted } from './events';
import { FolderClaim } from './folder-claim';
import { Learner, stepDefinition } from './learner';
import { lossWeightingFor, restoredWeighting } from './loss-weighting';
import { classificationLoss } from './losses';
import { openTrainingData } from './open-training-data';
import { parameterGroups } from './parameter-groups';
import { precisionOf } from './precision';
import { forgetBest, freshProgress, restoreProgress, type Progress } from './progress';
import { compareWithEarlierData, endOf, folderToContinue, refuseOutdated, restoreProgram, type ResumePoint } from './resume';
import type { RunSplit, TrainingContext, TrainingData, TrainingRun } from './run';
import { chooseSchedule, type LearningRateSchedule, withoutBestMetric, kindOfSchedule } from './schedules';
import { TrainingFolder } from './training-folder';
import { unreadableIn } from './unreadable-clips';
import { warmStartOf, warmStartWeights, type WarmStart } from './warm-start';

/** Names the stream of random numbers that the starting weights are drawn from. */
const WEIGHTS_STREAM = 0x77656967;

/**
 * Opens and checks the data, builds the model with its weights, makes the run's folder and writes what is known of the run. The folder is the run's alone until
 * it is closed.
 * @param resume where an earlier run stopped; undefined for a new one.
 * @throws UserError for anything wrong with data, settings or checkpoint, or where another process is at work on the folder; then no folder has been made.
 */
export async function prepareRun(settings: Settings, resume: ResumePoint | undefined, context: TrainingContext): Promise<TrainingRun> {
  const { checkpointName } = definitionOf(settings, context);
  const claim = new FolderClaim(resume && folderToContinue(resume, checkpointName), checkpointName);
  try {
    if (resume !== undefined) refuseOutdated(resume);
    return await prepareWithin(claim, settings, resume, context);
  } catch (error) {
    claim.release();
    throw error;
  }
}

async function prepareWithin(
  claim: FolderClaim,
  settings: Settings,
  resume: ResumePoint | undefined,
  context: TrainingContext,
): Promise<TrainingRun> {
  const { report, now, clock = () => performance.now(), machine } = context;
  const definition = definitionOf(settings, context);
  const warmStart = resume === undefined ? warmStartOf(settings, context.reading, context.models) : undefined;
  const given = givenWeights(definition, settings, resume);

  const precision = await precisionOf(settings, resume, context);
  const data = await openTrainingData(definition, settings, given, { resume, warmStart, precision }, context);
  const { labels } = data.dataset;
  const otherValidation = resume !== undefined && compareWithEarlierData(resume, data.dataset, report).otherValidation;
  const ended = resume === undefined ? undefined : endOf(resume, settings);
  if (ended !== undefined) {
    if (otherValidation) throw ended.nothingLeft; // Its evaluation would be none of this run's.
    report({ kind: 'note', text: 'its epochs are done; the evaluation at its end is missing and is made now' });
  }

  const model = modelFor(definition, settings, data);
  const cluster = placeOfBatches(settings, context);
  const weights = startingWeights(settings, model, { warmStart, given: resume === undefined ? given : new Map(), labels }, report);
  const learner = createLearner(settings, model, weights, {
    cluster,
    precision,
    data,
    resume: resume && { point: resume, otherValidation },
    schedule: scheduleOf(settings, data),
  });

  const locked = claim.take(settings, now(), otherValidation);
  const record = describeRun({
    settings: { ...settings, description: locked.description },
    dataset: data.dataset,
    model,
    transforms: data.transforms,
    teachers: data.teachers,
    precision,
    machine,
    folder: locked.files.folder,
    created: now(),
    registry: { ...context.registry, ...locked.files.registryFacts() },
  });
  const folder = new TrainingFolder(locked, record, definition.checkpointName, learner.progress, otherValidation ? [] : resume?.log);
  report({
    kind: 'start',
    record,
    clips: clipsOf(data),
    step: describeStep(settings, context, cluster, precision),
    resumed: resumedFrom(resume, learner.progress),
  });
  if (resume !== undefined && !otherValidation && isBestOfNewFolder(resume, learner.progress, folder.files.best)) folder.saveBest(learner);
  return { settings, data, learner, folder, report, now, clock, ended: ended?.end };
}

/** What a learner is prepared with that is not of its settings. */
export interface GivenToLearner {
  readonly scheduleFor?: ((data: TrainingData) => LearningRateSchedule) | undefined;
  readonly dataset?: TrainingData['dataset'];
}

/**
 * What a new training would begin with: its data and its learner, without a folder. Whoever asks for it closes the batches and disposes of the program.
 * @param given.scheduleFor the schedule of its learning rate, once the data is known; that of the settings where it is left out.
 * @param given.dataset its clips, where they have been read already.
 * @throws UserError for anything wrong with data or settings.
 */
export async function prepareLearner(
  settings: Settings,
  context: TrainingContext,
  { scheduleFor = (data) => scheduleOf(settings, data), dataset }: GivenToLearner = {},
): Promise<{ readonly learner: Learner; readonly data: TrainingData }> {
  const definition = definitionOf(settings, context);
  const warmStart = warmStartOf(settings, context.reading, context.models);
  const given = givenWeights(definition, settings, undefined);
  const precision = await precisionOf(settings, undefined, context);
  const data = await openTrainingData(definition, settings, given, { resume: undefined, warmStart, dataset, precision }, context);
  const { labels } = data.dataset;
  const model = modelFor(definition, settings, data);
  const weights = startingWeights(settings, model, { warmStart, given, labels }, context.report);
  const cluster = placeOfBatches(settings, context);
  const learner = createLearner(settings, model, weights, { cluster, precision, data, resume: undefined, schedule: scheduleFor(data) });
  return { learner, data };
}

/** The model of the settings, for the classes and the key points of the data. */
function modelFor(definition: ModelDefinition, settings: Settings, { dataset: { labels }, train }: TrainingData): Model {
  const classes = { gloss: labels.gloss.length, category: labels.category.length };
  return definition.fromSettings(settings, classes, train.set.keypoints && train.batches.width);
}

/** Where each batch is computed: on all processes that train together, else on the devices of this machine that share it, else on one. */
function placeOfBatches({ enable_parallel }: Settings, { cluster, sharingDevices = [] }: TrainingContext): Cluster {
  return cluster ?? { target: '', devices: enable_parallel ? sharingDevices : [] };
}

function scheduleOf(settings: Settings, { train }: TrainingData): LearningRateSchedule {
  return chooseSchedule(settings, Math.ceil(train.plan(1).length / settings.accumulation_steps));
}

function definitionOf({ model }: Settings, { models = ownModels }: TrainingContext): ModelDefinition {
  return models.get(model);
}

/** The weights that are not drawn: those of the checkpoint that is gone on from, or those that the settings name. */
function givenWeights(definition: ModelDefinition, settings: Settings, resume: ResumePoint | undefined): ParameterValues {
  if (resume !== undefined) return new Map([...resume.checkpoint.model].map(([name, { values }]) => [name, values]));
  const pretrained = definition.pretrained(settings);
  return pretrained === undefined ? new Map() : readPretrained(pretrained);
}

/** The weights that a training begins with: those that are given, else those of a trained model, else drawn from the seed. */
function startingWeights(
  settings: Settings,
  model: Model,
  from: { readonly warmStart: WarmStart | undefined; readonly given: ParameterValues; readonly labels: TrainingData['dataset']['labels'] },
  report: TrainingListener,
): ParameterValues {
  const warm = from.warmStart === undefined ? undefined : warmStartWeights(from.warmStart, model, from.labels);
  if (warm !== undefined) report({ kind: 'note', text: warm.said });
  const given = new Map([...(warm?.values ?? []), ...from.given]);
  return initialiseParameters(model.parameters, new RandomStream(settings.seed, WEIGHTS_STREAM), given);
}

/** What learns: a model's program with its optimiser, the schedule, the progress; as they were where an earlier run stopped. */
function createLearner(
  settings: Settings,
  model: Model,
  weights: ParameterValues,
  from: {
    readonly cluster: Cluster;
    readonly precision: ChosenPrecision;
    readonly data: TrainingData;
    readonly resume: { readonly point: ResumePoint; readonly otherValidation: boolean } | undefined;
    /** As before the first epoch. */
    readonly schedule: LearningRateSchedule;
  },
): Learner {
  const { cluster, precision, data, resume, schedule } = from;
  const { devices, target } = cluster;
  const weighting = lossWeightingFor(settings, model);
  const rules = {
    optimizer: optimizerFor(settings),
    groups: parameterGroups(
      model,
      settings,
      weighting?.parameters.flatMap(({ name, trainable }) => (trainable ? [name] : [])),
    ),
    weighting,
  };
  const definition = stepDefinition(model, classificationLoss(settings), {
    ...rules,
    clipNorm: settings.grad_clip ?? undefined,
    stochasticDepth: settings.stochastic_depth,
    averageDecay: settings.ema ? settings.ema_decay : undefined,
    distillation: settings.teacher === null ? undefined : { weight: settings.teacher_weight, temperature: settings.teacher_temperature },
  });
  const program = createProgram(definition, new Map([...weights, ...(weighting === undefined ? [] : restoredWeighting(weighting))]), {
    mode: settings.compile_model ? 'captured' : 'eager',
    matrixType: precision.bfloat16,
    cudnnGru: settings.cudnn_gru,
    devices,
    target,
  });
  const classes = { gloss: model.numGloss, category: model.numCategory };
  const given = {
    packPadding: model.leavesPaddingOut === true,
    devices: Math.max(1, devices.length),
    classWeights: classWeightsFor(settings, classTargets(data.train.set), classes),
  };
  if (resume === undefined) return new Learner(model, program, rules, schedule, freshProgress(), settings, given);

  const { point, otherValidation } = resume;
  restoreProgram(point, model, program, { keepsAverage: settings.ema, weighting });
  const { scheduler, epoch } = point.checkpoint;
  if (scheduler !== undefined && kindOfSchedule(scheduler) === settings.scheduler)
    schedule.loadStateDict(otherValidation ? withoutBestMetric(scheduler) : scheduler);
  const progress = restoreProgress(point.checkpoint, point.progress, data.train.plan(epoch + 1).length);
  if (otherValidation) forgetBest(progress);
  progress.unreadable = unreadableIn(data);
  return new Learner(model, program, rules, schedule, progress, settings, given);
}

/** Whether a run starts in a new folder from a checkpoint that is the best so far: then the folder has a best checkpoint from the start. */
function isBestOfNewFolder(
  { file, stated }: ResumePoint,
  { completedEpochs, bestEpoch, batchesDone }: Progress,
  bestCheckpoint: string,
): boolean {
  const isBest = stated === undefined ? bestEpoch === completedEpochs : /best/i.test(path.basename(file));
  return isBest && batchesDone === 0 && completedEpochs > 0 && !existsSync(bestCheckpoint);
}

function clipsOf({ train, validation }: TrainingData): TrainingStarted['clips'] {
  const frames = (split: RunSplit): number[] => split.set.entries.map((entry) => entry.frames);
  return {
    training: train.set.entries.length,
    validation: validation.set.entries.length,
    shortest: frames(train).reduce((least, count) => Math.min(least, count), Infinity),
    longest: frames(train).reduce((most, count) => Math.max(most, count), 0),
  };
}

/** How a step runs. */
function describeStep(
  { compile_model, enable_parallel }: Settings,
  { cluster }: TrainingContext,
  { devices }: Cluster,
  precision: ChosenPrecision,
): StepDescription {
  return {
    captured: compile_model && hasNativeKernels(),
    precision,
    sharingDevices: enable_parallel && cluster === undefined ? devices.length : undefined,
    processes: cluster === undefined ? undefined : devices.length,
  };
}

function resumedFrom(resume: ResumePoint | undefined, { completedEpochs, batchesDone }: Progress): TrainingStarted['resumed'] {
  return resume && { file: resume.file, epochs: completedEpochs, batches: batchesDone };
}
