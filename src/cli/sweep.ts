import { flagOf } from '../config/layers';
import { UserError } from '../foundation/errors';
import { ownModels, type ModelDefinitions } from '../models/model-table';
import { emitOptions } from '../training/sweep/schedulers/options';
import { commandLineOf, type Command, type CommandUsage } from './command';
import { commonFlags, jsonFlag, keyOf, requiredText, settingFlags, wholeNumber, type FlagTable } from './flags';
import { flagsOfTrain } from './pytorch-flags';
import { trainFlags } from './run-training';
import { sweepAsked } from './sweep/asked';
import { runCollect, runEmit, runOneTrial } from './sweep/scheduled';
import { runSweep } from './sweep/run';
import { widthOf } from './terminal';
import { settingFlagsOf, settingFlagsOfAll, trainingTyped } from './train';

const jobFlags = settingFlags(emitOptions);
/** A sweep may be trained here: nothing has to be emitted. */
const schedulerFlags = { ...jobFlags, emit: { ...jobFlags['emit'], demandOption: false } };

/** The flags of `sweep` that are no settings. */
const sweepFlags = {
  grid: {
    string: true,
    array: true,
    group: 'Sweep:',
    description: 'The values of each setting that is varied, as lr=1e-4,3e-4 dropout=0.1,0.3: all combinations are trained.',
  },
  ablate: {
    string: true,
    array: true,
    group: 'Sweep:',
    description:
      'In place of a grid: settings that are switched off one at a time, and all together (ema augment: to their defaults), or a JSON file of named changes, as {"without augmentation": {"augment": "none"}}.',
  },
  random: {
    string: true,
    group: 'Sweep:',
    description:
      'In place of all combinations: so many points, drawn by --seed from the values and ranges of --grid, as lr=1e-4..1e-3:log dropout=0.1..0.3.',
  },
  'loss-weights': {
    type: 'boolean',
    group: 'Sweep:',
    description: 'Vary the weights of both losses: alpha 0.1 to 0.9, beta what is left of 1. (The grid-search of the PyTorch pipeline.)',
  },
  halving: {
    string: true,
    group: 'Sweep:',
    description:
      'Stop points early of which others are better (successive halving): all are trained for a few epochs, the best third (--halving 2: half) for three times as many, and so on to --epochs.',
  },
  folds: {
    string: true,
    group: 'Sweep:',
    description:
      'Cross-validate each point: train it on each of so many folds, the sets fold_1, fold_2 … in the folder of --data, which data -- split --folds makes.',
  },
  seeds: {
    string: true,
    group: 'Sweep:',
    description: 'With how many seeds each point is trained (3: the seeds 1, 2 and 3), or with which (7,8,9).',
    defaultDescription: 'the one of --seed',
  },
  out: {
    string: true,
    group: 'Sweep:',
    description: 'The folder of the sweep: its models, its tables, its picture, the winner’s settings.',
  },
  jobs: {
    string: true,
    group: 'Sweep:',
    description: 'Trials that run at once, each in a process of its own; they share the processor’s threads evenly.',
    defaultDescription: '1',
  },
  ...schedulerFlags,
  trial: {
    string: true,
    group: 'Scheduler:',
    description:
      'Train one trial of the sweep whose plan lies in --out, by its index from 0: what the jobs of --emit do. Without a value the scheduler’s variables say which.',
  },
  collect: {
    string: true,
    group: 'Scheduler:',
    description: 'Train nothing; write the tables of what lies in that folder, or in --out, and say which trials are missing.',
  },
  'join-timeout': {
    ...trainFlags['join-timeout'],
    group: 'Scheduler:',
    description: '--trial: seconds that the processes that train it together wait for each other at the start.',
  },
  config: trainFlags.config,
  key: trainFlags.key,
  eager: trainFlags.eager,
  ...jsonFlag,
  ...commonFlags,
} as const satisfies FlagTable;

/** Flags of `train` that a sweep has no use for, and why. */
const REFUSED: Readonly<Record<string, string>> = {
  resume: 'a sweep goes on by itself where it was cut: type its command again',
  'find-lr': 'that is of one training: npm run train -- --find-lr',
  'auto-batch-size': 'that is of one training: npm run train -- --auto-batch-size says which, then sweep with --batch-size',
  'smoke-test': 'that is of one training: npm run train -- --smoke-test',
};

/** The `sweep` command. */
export const sweepCommand: Command = {
  run: async (argv, terminal) => {
    const commandLine = await commandLineOf(
      { ...usageOf(ownModels, ownModels.defaultName), flags: { ...settingFlagsOfAll(ownModels), ...sweepFlags } },
      argv,
      widthOf(terminal.output),
    );
    const { help, json, 'join-timeout': joinTimeout, ...all } = commandLine.parse();
    const { own, flags } = divided(all);
    const typed = await trainingTyped(flags);
    const { models = ownModels, settings } = typed;
    if (help === true) {
      const named = typeof settings['model'] === 'string' ? models.find(settings['model'])?.name : undefined;
      const usage = usageOf(models, named ?? models.defaultName);
      terminal.output.write(`${await (await commandLineOf(usage, argv, widthOf(terminal.output))).help()}\n`);
      return 0;
    }
    for (const note of commandLine.notes) terminal.errors.write(`note: ${note}\n`);
    const refused = Object.keys(REFUSED).filter((flag) => flags[flag] !== undefined);
    if (refused.length > 0) throw new UserError(refused.map((flag) => `--${flag}: ${REFUSED[flag] ?? ''}`).join('\n'));
    const shown = { typed, models, json: json === true };
    if (joinTimeout !== undefined && own['trial'] === undefined) throw new UserError('--join-timeout: only with --trial; leave it out');
    if (own['collect'] !== undefined) return await runCollect(placeOf(own, 'collect', all), shown, terminal);
    if (own['trial'] !== undefined)
      return await runOneTrial({ index: own['trial'], folder: placeOf(own, 'trial', all), joinTimeout }, shown, terminal);
    const request = await sweepAsked(own, typed, models, Object.keys(sweepFlags).map(keyOf));
    const out = requiredText(own, 'out', 'the folder of the sweep, as --out sweeps/lr');
    const jobs = wholeNumber(own, 'jobs', 1);
    const asked = Object.keys(emitOptions).map((key) => [key, own[flagOf(key).slice(2)]] as const);
    if (own['emit'] !== undefined)
      return await runEmit(request, Object.fromEntries(asked), { out, jobs, asTraining: false }, shown, terminal);
    const without = asked.filter(([, value]) => value !== undefined);
    if (without.length > 0) throw new UserError(without.map(([key]) => `${flagOf(key)}: only with --emit`).join('\n'));
    return await runSweep(request, { out, jobs: jobs ?? 1 }, shown, terminal);
  },
};

/** What is this command's own of what was typed, and what is a training's. */
function divided(all: Readonly<Record<string, unknown>>): { readonly own: OwnFlags; readonly flags: Readonly<Record<string, unknown>> } {
  const isOwn = ([flag]: readonly [string, unknown]): boolean => Object.hasOwn(sweepFlags, flag) && !Object.hasOwn(trainFlags, flag);
  const typed = Object.entries(all);
  return { own: Object.fromEntries(typed.filter(isOwn)), flags: Object.fromEntries(typed.filter((one) => !isOwn(one))) };
}

/** The command's own flags, as they were typed. */
type OwnFlags = Readonly<Record<string, unknown>>;

/** What goes with a flag that takes the plan in a sweep's folder for all that a sweep is told. */
const BESIDE: Readonly<Record<'collect' | 'trial', readonly string[]>> = {
  collect: ['collect', 'out', 'verbose'],
  trial: ['trial', 'out', 'model', 'key', 'verbose'],
};

/** The folder of the sweep whose plan is read there. @throws UserError where more was typed, or no folder. */
function placeOf(own: OwnFlags, flag: 'collect' | 'trial', all: Readonly<Record<string, unknown>>): string {
  const more = Object.keys(all).filter((name) => !BESIDE[flag].includes(name));
  if (more.length > 0)
    throw new UserError(
      more.map((name) => `--${name}: --${flag} takes everything from the plan in the sweep's folder; leave it out`).join('\n'),
    );
  const named = flag === 'collect' && own['collect'] !== '' ? { out: own['collect'] } : own;
  return requiredText(named, 'out', 'the folder of the sweep, as --out sweeps/lr');
}

function usageOf(models: ModelDefinitions, model: string): CommandUsage {
  return {
    command: 'npm run sweep --',
    summary:
      'Trains a model for each combination of values and each seed, and says which values did best. Typed again, it goes on where it was cut.',
    flags: { ...settingFlagsOf(models, model), ...sweepFlags },
    brought: flagsOfTrain,
    examples: [
      ['npm run sweep -- --data clips/ --grid lr=1e-4,3e-4 dropout=0.1,0.3 --seeds 3 --out sweeps/lr', 'four points, three seeds each'],
      [
        'npm run sweep -- --data clips/ --random 27 --grid lr=1e-4..1e-2:log num_layers=2..6 --halving --out sweeps/drawn',
        'many points, most of them stopped early',
      ],
      ['npm run sweep -- --config mine.json --data clips/ --seeds 5 --out sweeps/mine', 'one recipe: mean and deviation over five seeds'],
      ['npm run sweep -- --config mine.json --ablate ema augment --seeds 3 --out sweeps/parts', 'what each part is good for'],
      ['npm run sweep -- --data folds/ --folds 5 --out sweeps/folds', 'cross-validation in five folds'],
      [
        'npm run sweep -- --data clips/ --grid lr=1e-4,3e-4 --seeds 3 --out sweeps/lr --emit slurm --time 4:00:00',
        'an array job for Slurm in place of a training here: sbatch sweeps/lr/sweep.sbatch',
      ],
      ['npm run sweep -- --collect sweeps/lr', 'the table of what its jobs have done by now'],
      ['npm run train -- --data clips/ --config sweeps/lr/winner.json', 'train with the values that won'],
    ],
    epilogue: 'docs/sweeps.md tells more.',
  };
}
