import { modelPreset } from '../config/resolve';
import { UserError } from '../foundation/errors';
import { ownModels, type ModelDefinitions } from '../models/model-table';
import { clusterPlace } from '../training/cluster/place';
import { emitOptions } from '../training/sweep/schedulers/options';
import { commandLineOf, type CommandUsage, type Command } from './command';
import { runFindRates } from './find-learning-rate';
import { keyOf, settingFlags, wholeNumber, type FlagTable } from './flags';
import { withMeasuredBatchSize } from './measure-batch-sizes';
import { pathOfModel, modelsGiven } from './model-flags';
import { flagsOfTrain } from './pytorch-flags';
import { runSmokeTest } from './smoke-test';
import { runEmitTraining } from './sweep/emit-training';
import { runFolds } from './sweep/folds';
import { readingTyped, runTraining, trainFlags, type TrainCommandLine } from './run-training';
import { widthOf } from './terminal';

const jobFlags = settingFlags(emitOptions);
const schedulerFlags = {
  ...jobFlags,
  emit: {
    ...jobFlags['emit'],
    demandOption: false,
    description:
      'Train nothing; write what a scheduler runs instead: a batch script for Slurm, or a Job of Kubernetes, in the folder that --save-dir names. docs/distributed.md tells how it goes on.',
  },
  processes: { ...jobFlags['processes'], description: '--emit: processes that train together, each on a machine of its own.' },
};

/** `train`'s flags that are no settings: also that of cross-validation, which is a sweep of one point, and those of a training that a scheduler runs. */
const ownFlags = {
  ...trainFlags,
  folds: {
    string: true,
    group: 'General:',
    description:
      'Cross-validate: train on each of so many folds, the sets fold_1, fold_2 … in the folder of --data, which data -- split --folds makes, and say mean and deviation. It is a sweep of one point (docs/sweeps.md), in the folder that --save-dir names.',
  },
  ...schedulerFlags,
} as const satisfies FlagTable;

/** The `train` command. */
export const trainCommand: Command = {
  run: async (argv, terminal) => {
    const typed = await parseTrainCommand(argv, widthOf(terminal.output));
    if (typed.help !== undefined) {
      terminal.output.write(`${typed.help}\n`);
      return 0;
    }
    for (const note of typed.notes) terminal.errors.write(`note: ${note}\n`);
    if (typed.emit !== undefined) return await runEmitTraining(typed, typed.emit, terminal);
    if (typed.folds !== undefined) return await runFolds(typed, typed.folds, terminal);
    if (typed.smokeTest === true) return await runSmokeTest(typed, terminal);
    if (typed.findRates !== undefined) return await runFindRates(typed, argv, typed.findRates, terminal);
    return await runTraining(typed.measuresBatchSize === true ? await withMeasuredBatchSize(typed, terminal) : typed, terminal);
  },
};

/**
 * Reads `train`'s command line; settings are checked later, by the resolver.
 * @param width columns of the help.
 * @throws UserError for an argument that belongs to no flag, or a flag that lacks its value.
 */
export async function parseTrainCommand(argv: readonly string[], width: number): Promise<TrainCommandLine> {
  const commandLine = await commandLineOf(
    { ...usageOf(ownModels, ownModels.defaultName), flags: { ...settingFlagsOfAll(ownModels), ...ownFlags } },
    argv,
    width,
  );
  const { job, flags } = jobTyped(commandLine.parse());
  const { help, folds, workers, rank, 'join-timeout': joinTimeout, 'heartbeat-timeout': heartbeatTimeout, ...typed } = flags;
  const training = await trainingTyped(typed);
  const { models = ownModels, settings } = training;
  const named = typeof settings['model'] === 'string' ? models.find(settings['model'])?.name : undefined;
  const usage = usageOf(models, named ?? models.defaultName);
  const place = { workers, rank, joinTimeout, heartbeatTimeout };
  if (job !== undefined) refuseBesideEmit({ workers, rank, 'join-timeout': joinTimeout, 'heartbeat-timeout': heartbeatTimeout });
  const cluster = help === true || job !== undefined ? undefined : clusterTyped(place, { ...typed, folds });
  return {
    ...training,
    ...(folds === undefined ? {} : { folds: wholeNumber({ folds }, 'folds', 2) }),
    ...(job === undefined ? {} : { emit: job }),
    ...(cluster === undefined ? {} : { cluster }),
    notes: commandLine.notes,
    help: help === true ? await (await commandLineOf(usage, argv, width)).help() : undefined,
  };
}

/** What was typed of a job for a scheduler, by key, and the flags beside it. @throws UserError for what is of a job where none is asked for. */
function jobTyped(typed: Readonly<Record<string, unknown>>): {
  readonly job: TrainCommandLine['emit'];
  readonly flags: Readonly<Record<string, unknown>>;
} {
  const isOfJob = ([flag]: readonly [string, unknown]): boolean => Object.hasOwn(jobFlags, flag);
  const all = Object.entries(typed);
  const [job, flags] = [all.filter(isOfJob), Object.fromEntries(all.filter((one) => !isOfJob(one)))];
  if (typed['emit'] !== undefined) return { job: Object.fromEntries(job.map(([flag, value]) => [keyOf(flag), value])), flags };
  if (job.length > 0 && typed['help'] !== true) throw new UserError(job.map(([flag]) => `--${flag}: only with --emit`).join('\n'));
  return { job: undefined, flags };
}

/** Where processes stand, the scheduler says. @throws UserError where it was typed. */
function refuseBesideEmit(places: Readonly<Record<string, unknown>>): void {
  const typed = Object.keys(places).filter((flag) => places[flag] !== undefined);
  if (typed.length > 0)
    throw new UserError(
      typed.map((flag) => `--emit and --${flag}: the scheduler starts as many processes as --processes says; leave it out`).join('\n'),
    );
}

/** What was typed of a training, by flag, `--help` aside. @throws UserError for a flag that lacks its value, or a model's file that defines none. */
export async function trainingTyped(flags: Readonly<Record<string, unknown>>): Promise<Omit<TrainCommandLine, 'notes' | 'help'>> {
  const { config, resume, key, 'optimizer-was': optimizerWas, eager, verbose, ...notGeneral } = flags;
  const { 'find-lr': findLr, 'smoke-test': smoke, 'auto-batch-size': autoBatchSize, ...settings } = notGeneral;
  if (autoBatchSize === true) refuseBesideAutoBatchSize(flags);
  const initFrom = settings['init-from'];
  const typed = {
    ...settings,
    ...(typeof initFrom === 'string' && initFrom !== '' ? { 'init-from': await pathOfModel(initFrom) } : {}),
    ...(eager === true ? { 'compile-model': false } : {}),
  };
  const { models, given } = modelsGiven(settings['model']);
  return {
    settings: {
      ...Object.fromEntries(Object.entries(typed).map(([flag, value]) => [keyOf(flag), value])),
      ...(given === undefined ? {} : { model: given.name }),
    },
    configFile: fileOf('--config', config),
    resume: await resumeOf(resume),
    ...(key === undefined && optimizerWas === undefined ? {} : { reading: readingTyped(key, optimizerWas) }),
    ...(models === ownModels ? {} : { models }),
    ...(given?.file === undefined ? {} : { modelFile: given.file }),
    ...(autoBatchSize === true ? { measuresBatchSize: true } : {}),
    smokeTest: smoke === true,
    findRates: typeof findLr === 'string' ? (findLr === '' ? '.' : findLr) : undefined,
    verbose: verbose === true,
  };
}

/** Where this process stands, where several train together. @throws UserError for what says no place, and for what is done in one process only. */
function clusterTyped(
  { workers, rank, joinTimeout, heartbeatTimeout }: Readonly<Record<'workers' | 'rank' | 'joinTimeout' | 'heartbeatTimeout', unknown>>,
  flags: Readonly<Record<string, unknown>>,
): TrainCommandLine['cluster'] {
  const cluster = clusterPlace({
    workers: typedText('--workers', workers),
    rank: typedText('--rank', rank),
    joinTimeout: typedText('--join-timeout', joinTimeout),
    heartbeatTimeout: typedText('--heartbeat-timeout', heartbeatTimeout),
    environment: process.env,
  });
  const alone = ['find-lr', 'smoke-test', 'auto-batch-size', 'folds'].find((flag) => flags[flag] !== undefined && flags[flag] !== false);
  if (cluster !== undefined && alone !== undefined)
    throw new UserError(
      `--${alone} is done in one process: leave --workers and --rank out, and unset TF_CONFIG, WORLD_SIZE or what else launched several`,
    );
  return cluster;
}

/** What was typed after a flag. */
function typedText(flag: string, value: unknown): string | undefined {
  if (value === undefined) return undefined;
  if (typeof value === 'string' && value !== '') return value;
  throw new UserError(`${flag}: expected a value, found nothing`);
}

/** What makes no sense beside a batch size that is measured for a new training. @throws UserError where it was typed. */
function refuseBesideAutoBatchSize(flags: Readonly<Record<string, unknown>>): void {
  const reasons = {
    'batch-size': 'both say how many clips a batch has',
    resume: 'a training that is gone on with has its batch size',
    'find-lr': 'measure first, then give --find-lr the --batch-size that was found',
    'smoke-test': 'it runs batches of the size that is given',
  };
  for (const [flag, reason] of Object.entries(reasons))
    if (flags[flag] !== undefined && flags[flag] !== false)
      throw new UserError(`--auto-batch-size and --${flag}: ${reason}; leave one out`);
}

/** The settings of every model as flags: which one is trained is known when they have been read. */
export function settingFlagsOfAll(models: ModelDefinitions): FlagTable {
  return settingFlags(Object.fromEntries(models.names.flatMap((name) => Object.entries(models.get(name).settings.schema.shape))));
}

/** The settings of one model as flags, their defaults those of its preset. */
export function settingFlagsOf(models: ModelDefinitions, model: string): FlagTable {
  const flags = settingFlags(models.get(model).settings.schema.shape, modelPreset(model).values);
  return { ...flags, model: { ...flags['model'], choices: models.names } };
}

function usageOf(models: ModelDefinitions, model: string): CommandUsage {
  const { file } = models.get(model);
  const preset = modelPreset(model);
  const others = models.names.filter((name) => name !== model).map((name) => `npm run train -- --help --model ${name}`);
  return {
    command: 'npm run train --',
    summary: 'Trains a sign-language recogniser and leaves a model folder.',
    flags: { ...settingFlagsOf(models, model), ...ownFlags },
    brought: flagsOfTrain,
    examples: [
      ['npm run train -- --model transformer', 'train on the synthetic demo set, in about a minute'],
      ['npm run train -- --data clips/ --epochs 30 --lr 3e-4', 'train on a folder of clips'],
      ['npm run train -- --model iv3_gru --data features/', 'train an InceptionV3-GRU on features'],
      ['npm run train -- --model ./my-model.ts --data clips/', 'train a model of your own (docs/extending.md)'],
      ['npm run train -- --data clips/ --config mine.json', 'take settings from a file'],
      ['npm run train -- --data clips/ --init-from old.pt --lr 1e-4', 'begin with the weights of a trained model'],
      ['npm run train -- --data clips/ --find-lr', 'try learning rates, and say which to take'],
      ['npm run train -- --data folds/ --folds 5', 'cross-validate: mean and deviation over five folds'],
      ['npm run train -- --data clips/ --workers a:2222,b:2222 --rank 0', 'train on the machines a and b together; on b with --rank 1'],
      [
        'npm run train -- --data clips/ --save-dir runs/night --emit slurm --processes 4',
        'a script for Slurm, which trains on four machines together: sbatch runs/night/train.sbatch',
      ],
      ['npm run train -- --resume --epochs 60', 'go on with the newest training, to 60 epochs in all'],
    ],
    epilogue:
      file === undefined
        ? `The defaults shown are those of ${preset.source}; without data, configs/${model}-demo.json is used. The settings of other models: ${others.join(', ')}. docs/configuration.md tells more.`
        : `The model is the one that ${file} defines. docs/configuration.md tells of the settings that every model has.`,
  };
}

function fileOf(flag: string, value: unknown): string | undefined {
  if (value === undefined) return undefined;
  if (typeof value === 'string' && value !== '') return value;
  throw new UserError(`${flag}: expected the path of a file, found nothing`);
}

async function resumeOf(value: unknown): Promise<TrainCommandLine['resume']> {
  if (typeof value !== 'string') return undefined;
  return value === '' ? 'newest' : { from: await pathOfModel(value) };
}
