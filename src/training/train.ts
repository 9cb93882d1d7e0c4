import { existsSync } from 'node:fs';
import path from 'node:path';
import type { CheckpointReading } from '../checkpoint/training-checkpoint';
import { describeIdle } from '../config/idle-settings';
import type { SettingsLayer } from '../config/layers';
import { defaultSaveFolders, type Settings, type SharedSettings, type ValuesOf } from '../config/model-settings';
import { describeOverrides, readFileOrPreset } from '../config/resolve';
import { ReadingError } from '../data/data-error';
import type { Optimizer } from '../engine/optimizers/optimizer';
import { optimizerForms, settingsOfOptimizer } from '../engine/optimizers/table';
import { sharingDevices, startRuntime, type Runtime } from '../engine/runtime';
import type { EvaluationResult } from '../evaluation/result';
import { checkpointToResume, newestCheckpoint } from '../folder/named-checkpoint';
import { messageOf, UserError } from '../foundation/errors';
import { fileSystemProblem } from '../foundation/file-system-problem';
import { required } from '../foundation/required';
import { version } from '../foundation/installation';
import type { keypointClips } from '../models/clips';
import type { inceptionClips, inceptionSettings } from '../models/inception/settings';
import type { ModelDefinition } from '../models/model';
import { ownModels, type ModelDefinitions } from '../models/model-table';
import type { transformerSettings } from '../models/transformer/architecture';
import type { TrainingEnd, TrainingListener, TrainingResult } from './events';
import { Lead, placeOf, work, type WorkerEnd } from './cluster/lead';
import { WorkerLost } from './cluster/meeting';
import type { ClusterPlace } from './cluster/place';
import { prepareRun } from './prepare-run';
import { readResumePoint, resumedSettings, type ResumePoint } from './resume';
import { evaluateRun, closeRun, type TrainingContext, type TrainingRun } from './run';
import { tensorBoardListener } from './tensorboard';
import { trainEpochs } from './training-loop';
import { modelFacts, resolveTraining } from './warm-start';

/** The settings of a training by key, those of Kumpas's own models among them; what is left out is as usual. docs/configuration.md has them all. */
export type SettingsInput = Partial<
  SharedSettings &
    ValuesOf<typeof transformerSettings> &
    ValuesOf<typeof keypointClips.settings> &
    ValuesOf<typeof inceptionSettings> &
    ValuesOf<typeof inceptionClips.settings>
>;

/** What {@link train} is asked for: settings by key, as a configuration file has them, and where a training begins. */
export type TrainOptions = Omit<SettingsInput, 'optimizer'> & {
  /** An optimiser by name, `adam` where none is given; or what `adam({ … })`, `adamW({ … })` or `sgd({ … })` gives, with its hyperparameters. */
  readonly optimizer?: SharedSettings['optimizer'] | Optimizer;
  /** A model by name, `transformer` where none is given; or one of your own, from defineModel. */
  readonly model?: string | ModelDefinition;
  /** Settings that only a model of your own has, by key. */
  readonly modelSettings?: Readonly<Record<string, unknown>>;
  /** A JSON file of settings, or a shipped preset by its name, as `transformer-strong`; settings given beside it win. */
  readonly config?: string;
  /** Go on with a training: its folder or one of its `.pt` files, or `newest` for the newest under save_dir. */
  readonly resume?: string;
  /** What is read of the checkpoint that is gone on with, or begun with. */
  readonly reading?: CheckpointReading;
};

/** {@link TrainOptions} of one of several processes that train a model together; each is started with the same options, but for its rank. */
export type TrainTogetherOptions = TrainOptions & {
  /**
   * The place of this process. Rank 0 reads the data, writes the folder and gives the result; the others compute for it. Their channel is neither encrypted nor authenticated: a
   * private network only.
   */
  readonly cluster: ClusterPlace;
};

/** How a training is watched and stopped, and what it is given of the machine and the project. */
export interface TrainHooks extends Pick<TrainingContext, 'registry' | 'cacheFolder' | 'models'> {
  /** Aborted: the step ends, everything is saved, and the result says `interrupted`. */
  readonly signal?: AbortSignal;
  readonly onEvent?: TrainingListener;
  /** Whether TensorFlow's own messages are let through to stderr. */
  readonly verbose?: boolean;
  /** Of the project's checkout, for the record. */
  readonly gitCommit?: string | undefined;
  readonly now?: () => Date;
}

/** {@link TrainOptions}, with the settings as a layer of their own: as texts where they were typed. */
export interface TrainRequest {
  readonly settings: SettingsLayer;
  readonly config?: string | undefined;
  readonly resume?: string | undefined;
  readonly reading?: CheckpointReading | undefined;
  /** Where several processes train together: that of rank 0, which this one is. */
  readonly cluster?: ClusterPlace | undefined;
}

/** A training that could not go on for what the file system refused, or clips that cannot be read any more; `resumable` says what of it can be gone on with. */
export class TrainingStopped extends UserError {
  constructor(
    message: string,
    readonly folder: string,
    readonly resumable: 'training' | 'evaluation',
    cause: unknown,
  ) {
    super(message, { cause });
  }
}

/**
 * Trains a model, and leaves a complete model folder: checkpoints, logs, evaluation results, README. Without data, on the synthetic demo set.
 * @throws UserError for a mistake in settings, data or checkpoints; all that is wrong at once, before anything is trained.
 */
export async function train(options: TrainTogetherOptions, hooks?: TrainHooks): Promise<TrainingResult | WorkerEnd>;
export async function train(options?: TrainOptions, hooks?: TrainHooks): Promise<TrainingResult>;
export async function train(
  options: TrainOptions | TrainTogetherOptions = {},
  hooks: TrainHooks = {},
): Promise<TrainingResult | WorkerEnd> {
  const { cluster: given, ...ofRequest } = { cluster: undefined, ...options };
  const { request, models } = requestOf(ofRequest, hooks);
  const cluster = placeOf(given);
  return cluster === undefined || cluster.rank === 0
    ? await trainWith({ ...request, cluster }, { ...hooks, models })
    : await computeFor(cluster, hooks);
}

/** Computes for rank 0 of a training, in a process of another rank. */
export async function computeFor(
  cluster: ClusterPlace,
  { onEvent, verbose, signal }: Pick<TrainHooks, 'onEvent' | 'verbose' | 'signal'>,
): Promise<WorkerEnd> {
  return await work(cluster, { note: (text) => onEvent?.({ kind: 'note', text }), verbose: verbose === true, signal });
}

/** What is asked for with settings by key, as a request, and the models that it may be of. */
export function requestOf(
  options: TrainOptions,
  hooks: Pick<TrainHooks, 'models'>,
): { readonly request: TrainRequest; readonly models: ModelDefinitions } {
  const { config, resume, reading, model, modelSettings, optimizer, ...settings } = options;
  const own = model === undefined || typeof model === 'string' ? [] : [model];
  const name = typeof model === 'object' ? { model: model.name } : model === undefined ? {} : { model };
  const values = { ...settings, ...optimizerValues(optimizer, settings), ...modelSettings, ...name };
  return {
    request: { settings: { source: 'train()', values }, config, resume, reading },
    models: (hooks.models ?? ownModels).with(own),
  };
}

/** An optimiser as the settings that ask for it, so that one that was given as an object is saved and gone on with as one by name. */
function optimizerValues(
  optimizer: TrainOptions['optimizer'],
  given: Readonly<Record<string, unknown>>,
): Readonly<Record<string, unknown>> {
  if (optimizer === undefined) return {};
  if (typeof optimizer === 'string' || !('form' in optimizer)) return { optimizer };
  if (!optimizerForms.includes(optimizer.form))
    throw new UserError(
      `train(): optimizer: expected what adam, adamW or sgd gives, found an optimizer ${optimizer.form.className}, which no checkpoint could name; docs/extending.md says how one is added`,
    );
  const own = settingsOfOptimizer(optimizer);
  const twice = Object.keys(own).find((key) => given[key] !== undefined);
  if (twice !== undefined) throw new UserError(`train(): ${twice}: the optimizer's object says it already; leave one out`);
  return own;
}

/** {@link train}, with the settings as a layer of their own. */
export async function trainWith(request: TrainRequest, hooks: TrainHooks = {}): Promise<TrainingResult> {
  const report = hooks.onEvent ?? (() => undefined);
  const models = hooks.models ?? ownModels;
  const { settings, resume } = settle(request, models, report);
  const runtimeOptions = { verbose: hooks.verbose === true, deterministic: settings.deterministic, tf32: settings.tf32 };
  if (request.cluster === undefined)
    return await trainSettled(request, { settings, resume }, { ...hooks, models }, { runtime: await startRuntime(runtimeOptions) });
  refuseUndividable(settings, '--workers');
  const note = (text: string): void => {
    report({ kind: 'note', text });
  };
  const lead = await Lead.meet(request.cluster, { ...runtimeOptions, note });
  try {
    const result = await trainSettled(request, { settings, resume }, { ...hooks, models }, lead);
    await lead.end(result.end === 'interrupted' ? 'interrupted' : 'finished');
    return result;
  } catch (error) {
    await lead.end('failed', messageOf(error));
    throw error;
  }
}

/**
 * What a batch that is divided among processes cannot be computed with.
 * @param flag what asks for several.
 * @throws UserError that says what to leave out.
 */
export function refuseUndividable(
  { compile_model, loss_weighting }: Partial<Pick<Settings, 'compile_model' | 'loss_weighting'>>,
  flag: string,
): void {
  if (compile_model === false) throw new UserError(`${flag}: several processes need the captured step: leave out --eager, or train in one`);
  if (loss_weighting === 'gradnorm')
    throw new UserError(`${flag}: --loss-weighting gradnorm measures the gradient of a whole batch: leave it out, or train in one process`);
}

/** Trains with settings that are settled, in this process or led by it. */
async function trainSettled(
  request: TrainRequest,
  { settings, resume }: { readonly settings: Settings; readonly resume: ResumePoint | undefined },
  hooks: TrainHooks & { readonly models: ModelDefinitions },
  computing: { readonly runtime: Runtime } | Lead,
): Promise<TrainingResult> {
  const report = hooks.onEvent ?? (() => undefined);
  const { runtime } = computing;
  const lead = computing instanceof Lead ? computing : undefined;
  const signal = lead?.stopsWith(hooks.signal) ?? hooks.signal ?? new AbortController().signal;
  if (runtime.warning !== undefined) report({ kind: 'warning', text: runtime.warning });

  const board = settings.tensorboard ? tensorBoardListener() : undefined;
  const reportAll: TrainingListener = (event) => {
    board?.(event);
    report(event);
  };
  const run = await prepareRun(settings, resume, {
    ...contextOf(runtime, request, hooks, reportAll),
    models: hooks.models,
    cluster: lead?.cluster,
  });
  try {
    const end = await trainEpochs(run, signal);
    if (lead?.loss !== undefined) throw lead.loss;
    if (end === 'interrupted' || signal.aborted) return finish(run, 'interrupted', undefined);
    report({ kind: 'evaluation-start', folder: run.folder.files.folder });
    return finish(run, end, await evaluateRun(run));
  } catch (error) {
    throw stoppedBy((await lead?.causeOf(error)) ?? error, run);
  } finally {
    await closeRun(run);
  }
}

/** The settings to train with, and where an earlier run stopped if one is gone on with. */
export function settle(
  request: TrainRequest,
  models: ModelDefinitions,
  report: TrainingListener,
): { settings: Settings; resume: ResumePoint | undefined } {
  const note = (text: string): void => {
    report({ kind: 'note', text });
  };
  const { settings: given, config, reading } = request;
  if (request.resume !== undefined) {
    const layers = [...(config === undefined ? [] : [readFileOrPreset(config)]), given];
    const resume = readResumePoint(resumedFile(request.resume, given, models), modelFacts(layers, models), { ...reading, models });
    for (const text of resume.notes) note(`note: ${text}`);
    return { settings: resumedSettings(resume, layers, models), resume };
  }
  const { resolved, notes } = resolveTraining({ file: config, given }, reading, models);
  if (reading?.key !== undefined && resolved.settings.init_from === null)
    throw new UserError('--key: there is no checkpoint to take weights of; give it with --resume or --init-from');
  for (const text of notes) note(`note: ${text}`);
  for (const text of [...describeOverrides(resolved), ...describeIdle(resolved).map((idle) => `note: ${idle}`)]) note(text);
  return { settings: resolved.settings, resume: undefined };
}

function resumedFile(resume: string, { values }: SettingsLayer, models: ModelDefinitions): string {
  if (resume !== 'newest') return checkpointToResume(resume);
  const saveDir = values['save_dir'];
  const saveFolders = typeof saveDir === 'string' ? [saveDir] : defaultSaveFolders(models);
  const newest = newestCheckpoint(saveFolders);
  if (newest !== undefined) return newest;
  throw new UserError(`--resume: there is no run to go on with in ${saveFolders.join(', ')}; name a folder or a .pt file`);
}

/** What a training is given beside its settings, on this machine. */
export function contextOf(
  runtime: Runtime,
  request: TrainRequest,
  hooks: Omit<TrainHooks, 'onEvent'>,
  report: TrainingListener,
): TrainingContext {
  const { registry, cacheFolder, gitCommit, now = () => new Date() } = hooks;
  const versions = { kumpas: version, node: process.versions.node, tensorflow: runtime.tensorflowVersion };
  return {
    report,
    now,
    machine: { versions, device: runtime.device, gitCommit },
    sharingDevices: sharingDevices(runtime),
    ...(registry === undefined ? {} : { registry }),
    ...(cacheFolder === undefined ? {} : { cacheFolder }),
    ...(request.reading === undefined ? {} : { reading: request.reading }),
  };
}

function finish(run: TrainingRun, end: TrainingEnd, evaluation: EvaluationResult | undefined): TrainingResult {
  const { settings, folder, learner, report } = run;
  const { bestEpoch, bestMetric, completedEpochs } = learner.progress;
  const result: TrainingResult = {
    end,
    folder: folder.files.folder,
    files: folder.files,
    record: folder.record,
    completedEpochs,
    epochs: settings.epochs,
    log: folder.rows,
    best: { epoch: bestEpoch, glossAccuracy: bestMetric, row: folder.rows.find(({ epoch }) => epoch === bestEpoch) },
    evaluation,
    exampleClip: exampleClip(run),
  };
  report({ kind: 'end', result });
  return result;
}

/** A validation clip and where it lies: one of pictures in its folder, whatever was made of it on the way. */
function exampleClip({ settings, data, learner }: TrainingRun): TrainingResult['exampleClip'] {
  const { definition } = learner.model;
  const { name, file } = required(data.validation.set.entries[0], 'the first validation clip');
  if (file === '') return { path: undefined, inDemoSet: `${definition.usualClips.layout.validationFolder}/${name}.npz` };
  const { source, layout, pictures } = definition.clipLocation(settings);
  if (pictures === undefined || source === undefined) return { path: file };
  const { trainFolder, validationFolder, unsplitFolder } = layout;
  const isShared = settings.val_share !== null;
  const shared = (folder: string): string => (existsSync(path.join(folder, trainFolder)) ? trainFolder : unsplitFolder);
  const named =
    'folder' in source
      ? path.join(source.folder, isShared ? shared(source.folder) : validationFolder)
      : isShared
        ? source.keypoints_train
        : source.keypoints_val;
  const folder = required(named, 'the folder of the validation clips');
  const place = path.join(folder, name);
  return { path: existsSync(place) ? place : `${place}.npz` };
}

/** What the file system refused in a training's folder or of its clips, with what can be gone on with. */
function stoppedBy(error: unknown, { folder, learner, settings }: TrainingRun): unknown {
  const problem = whatBecameOf(folder) ?? (error instanceof ReadingError || error instanceof WorkerLost ? error : fileSystemProblem(error));
  const place = folder.place.placeNow() ?? folder.files.folder;
  if (problem === undefined || !existsSync(path.join(place, path.basename(folder.files.last)))) return problem ?? error;
  const done = learner.progress.completedEpochs >= settings.epochs;
  return new TrainingStopped(problem.message, place, done ? 'evaluation' : 'training', error);
}

/** That the folder was taken away explains whatever it was that failed. */
function whatBecameOf({ place }: TrainingRun['folder']): UserError | undefined {
  try {
    place.requireThere();
    return undefined;
  } catch (gone) {
    return fileSystemProblem(gone);
  }
}
