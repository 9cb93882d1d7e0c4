import { commandLineSource } from '../config/layers';
import { readSettingsFile } from '../config/settings-file';
import { cacheFolder } from '../foundation/caches';
import { messageOf, UserError } from '../foundation/errors';
import { counted, percent, shellWord } from '../foundation/text';
import { ownModels, type ModelDefinitions } from '../models/model-table';
import type { SweepRequest } from '../training/sweep/plan';
import type { Axis, VariedSettings } from '../training/sweep/points';
import type { SweepEvent } from '../training/sweep/events';
import type { SweepOutcome } from '../training/sweep/sweep';
import { commandLineOf, type Command, type CommandUsage } from './command';
import { describeFailure, USER_ERROR_EXIT_CODE, watchForInterruption } from './exit';
import { commonFlags, jsonFlag, keyOf, optionalText, requiredText, wholeNumber, type FlagTable } from './flags';
import { ownModelFlag } from './model-flags';
import { columns, secondsText } from './quantities';
import { flagsOfTrain } from './pytorch-flags';
import { gitCommit, trainFlags, type TrainCommandLine } from './run-training';
import { CLEAR_LINE, draw, widthOf, type Terminal, type TerminalStream } from './terminal';
import { settingFlagsOf, settingFlagsOfAll, trainingTyped } from './train';

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
  config: trainFlags.config,
  key: trainFlags.key,
  eager: trainFlags.eager,
  ...jsonFlag,
  ...commonFlags,
} as const satisfies FlagTable;

/** Flags of the PyTorch pipeline; folds are this command's own. */
const brought = Object.fromEntries(Object.entries(flagsOfTrain).filter(([flag]) => flag !== 'folds'));

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
    const {
      grid,
      ablate,
      seeds,
      out,
      jobs,
      json,
      help,
      random,
      'loss-weights': lossWeights,
      folds,
      halving,
      ...flags
    } = commandLine.parse();
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
    const { switchedOff } = await import('../training/sweep/points.js'); // With TensorFlow: only when it is needed.
    const request: SweepRequest = {
      base: { source: commandLineSource, values: settings, otherFlags: Object.keys(sweepFlags).map(keyOf) },
      config: typed.configFile,
      reading: typed.reading,
      axes: axesOf(grid),
      typed: true,
      ablations: ablate === undefined ? undefined : ablationsOf(textsOf(ablate), (names) => switchedOff(names, models)),
      seeds: seedsOf(seeds),
      random: wholeNumber({ random }, 'random', 1),
      lossWeights: lossWeights === true,
      folds: wholeNumber({ folds }, 'folds', 2),
      halving: wholeNumber({ halving: halving === '' ? USUAL_HALVING : halving }, 'halving', 2),
    };
    const places = {
      out: requiredText({ out }, 'out', 'the folder of the sweep, as --out sweeps/lr'),
      jobs: wholeNumber({ jobs }, 'jobs', 1) ?? 1,
    };
    return await runSweep(request, places, { typed, models, json: json === true }, terminal);
  },
};

function usageOf(models: ModelDefinitions, model: string): CommandUsage {
  return {
    command: 'npm run sweep --',
    summary:
      'Trains a model for each combination of values and each seed, and says which values did best. Typed again, it goes on where it was cut.',
    flags: { ...settingFlagsOf(models, model), ...sweepFlags },
    brought,
    examples: [
      ['npm run sweep -- --data clips/ --grid lr=1e-4,3e-4 dropout=0.1,0.3 --seeds 3 --out sweeps/lr', 'four points, three seeds each'],
      [
        'npm run sweep -- --data clips/ --random 27 --grid lr=1e-4..1e-2:log num_layers=2..6 --halving --out sweeps/drawn',
        'many points, most of them stopped early',
      ],
      ['npm run sweep -- --config mine.json --data clips/ --seeds 5 --out sweeps/mine', 'one recipe: mean and deviation over five seeds'],
      ['npm run sweep -- --config mine.json --ablate ema augment --seeds 3 --out sweeps/parts', 'what each part is good for'],
      ['npm run sweep -- --data folds/ --folds 5 --out sweeps/folds', 'cross-validation in five folds'],
      ['npm run train -- --data clips/ --config sweeps/lr/winner.json', 'train with the values that won'],
    ],
    epilogue: 'docs/sweeps.md tells more.',
  };
}

function textsOf(value: unknown): string[] {
  return Array.isArray(value) ? value.map(String) : [];
}

/** A third goes on where `--halving` says no number. */
const USUAL_HALVING = '3';

function axesOf(grid: unknown): Axis[] {
  const words = textsOf(grid).filter((word) => word !== '');
  if (grid !== undefined && words.length === 0)
    throw new UserError('--grid: expected settings and their values, as lr=1e-4,3e-4 dropout=0.1,0.3, found none');
  return words.map(axisOf);
}

/** `lr=1e-4,3e-4`; without values where there is no more than a name. */
function axisOf(word: string): Axis {
  const [name = '', ...rest] = word.split('=');
  const text = rest.join('=');
  return { name, values: text === '' ? [] : text.split(',') };
}

/** Files of named changes, and settings that are switched off. */
function ablationsOf(
  words: readonly string[],
  switchedOff: (names: readonly string[]) => Readonly<Record<string, VariedSettings>>,
): Readonly<Record<string, VariedSettings>> {
  const isFile = (word: string): boolean => word.endsWith('.json');
  const named = words.filter((word) => word !== '' && !isFile(word));
  return Object.assign(named.length === 0 ? {} : { ...switchedOff(named) }, ...words.filter(isFile).map(ablationFile)) as Readonly<
    Record<string, VariedSettings>
  >;
}

function ablationFile(file: string): Readonly<Record<string, VariedSettings>> {
  const { values } = readSettingsFile(file);
  const points = Object.entries(values).filter(([name]) => name !== '$schema');
  const wrong = points.filter(([, changes]) => typeof changes !== 'object' || changes === null || Array.isArray(changes));
  if (wrong.length > 0)
    throw new UserError(
      wrong
        .map(([name]) => `${file}: ${name}: expected settings, as {"augment": "none"}, found ${JSON.stringify(values[name])}`)
        .join('\n'),
    );
  return Object.fromEntries(points) as Readonly<Record<string, VariedSettings>>;
}

/** `3` is the seeds 1, 2 and 3; `7,8` are these. */
function seedsOf(value: unknown): readonly number[] | undefined {
  const text = optionalText({ seeds: value }, 'seeds');
  if (text === undefined) return undefined;
  const numbers = text.split(',').map((word) => (/^\d+$/.test(word.trim()) ? Number(word) : NaN));
  const [count] = numbers;
  const isCount = numbers.length === 1;
  if (count === undefined || numbers.some((seed) => !Number.isSafeInteger(seed)) || (isCount && (count < 1 || count > 1000)))
    throw new UserError(`--seeds: expected how many, from 1 to 1000, or seeds as 1,2,3, found "${text}"`);
  return isCount ? Array.from({ length: count }, (_, index) => index + 1) : numbers;
}

async function runSweep(
  request: SweepRequest,
  places: { readonly out: string; readonly jobs: number },
  {
    typed,
    models,
    json,
  }: { readonly typed: Pick<TrainCommandLine, 'verbose' | 'modelFile'>; readonly models: ModelDefinitions; readonly json: boolean },
  terminal: Terminal,
): Promise<number> {
  const { sweepWith } = await import('../training/sweep/sweep.js');
  const { sweepTable, sweepConclusions, sweepDocument } = await import('../training/sweep/results-text.js');
  const interruption = watchForInterruption(terminal.errors, 'the step of each trial is finished and everything saved');
  try {
    const outcome = await sweepWith(request, places, {
      signal: interruption.signal,
      onEvent: progressTo(json ? terminal.errors : terminal.output, terminal.errors, typed.verbose),
      models,
      verbose: typed.verbose,
      cacheFolder: cacheFolder(process.env),
      gitCommit: gitCommit(),
    });
    const { output } = terminal;
    if (json) output.write(`${JSON.stringify({ end: outcome.end, folder: outcome.folder, ...sweepDocument(outcome) }, null, 2)}\n`);
    else {
      output.write(`\n${columns(sweepTable(outcome)).join('\n')}\n\n${sweepConclusions(outcome).join('\n')}\n`);
      output.write(`\nwritten: ${outcome.files.join(', ')}\n${nextLine(outcome, typed.modelFile)}`);
    }
    if (outcome.end === 'interrupted') return interruption.exitCode() ?? 1;
    return outcome.failed.length === 0 ? 0 : USER_ERROR_EXIT_CODE;
  } finally {
    interruption.end();
  }
}

function nextLine({ end, files, winner }: SweepOutcome, modelFile: string | undefined): string {
  if (end === 'interrupted') return 'Interrupted; everything so far is saved. Type the same command to go on.\n';
  const file = files.find((name) => name.endsWith('winner.json'));
  if (winner === undefined || file === undefined) return '';
  return `train with what won: npm run train -- --config ${shellWord(file)}${ownModelFlag(modelFile)}\n`;
}

/** Shows a sweep: a line as each trial ends; in a terminal also, redrawn, where those are that run. */
function progressTo(stream: TerminalStream, errors: TerminalStream, verbose: boolean): (event: SweepEvent) => void {
  const running = new Map<string, string>();
  let [ended, total] = [0, 0];
  const redraw = (line = ''): void => {
    if (line !== '' && stream.isTTY !== true) stream.write(`${line}\n`);
    if (stream.isTTY !== true) return;
    const now = [...running.values()].join('   ');
    draw(stream, `${CLEAR_LINE}${line === '' ? '' : `${line}\n`}${now.slice(0, (stream.columns ?? 80) - 1)}`);
  };
  const place = (): string => `${String(++ended).padStart(String(total).length)}/${total}`;
  return (event) => {
    switch (event.kind) {
      case 'planned': {
        [ended, total] = [event.done, event.plan.trials.length];
        const before = event.done === 0 ? '' : `, ${event.done} of them done already`;
        redraw(`${counted(event.plan.points.length, 'point')}, ${counted(total, 'trial')}${before}`);
        break;
      }
      case 'trial-start':
        running.set(event.trial.id, `${event.trial.id} …`);
        redraw();
        break;
      case 'trial-epoch': {
        const { epoch, epochs, bestGlossAccuracy } = event.epoch;
        running.set(event.trial.id, `${event.trial.id} epoch ${epoch}/${epochs} best ${percent(bestGlossAccuracy)}`);
        redraw();
        break;
      }
      case 'trial-end': {
        running.delete(event.trial.id);
        const { glossAccuracy, bestEpoch, epochs, seconds } = event.figures;
        redraw(
          `${place()}  ${event.trial.id}  gloss ${percent(glossAccuracy)}  best epoch ${bestEpoch} of ${epochs}  ${secondsText(seconds)}`,
        );
        break;
      }
      case 'trial-paused': {
        running.delete(event.trial.id);
        const { epochs, glossAccuracy } = event.reached;
        redraw(
          `${' '.repeat(2 * String(total).length + 1)}  ${event.trial.id}  gloss ${percent(glossAccuracy)} within ${counted(epochs, 'epoch')}`,
        );
        break;
      }
      case 'rung-end': {
        ended += event.stopped.length;
        const named = event.goOn.map(({ name }) => name).join('; ');
        redraw(
          `after ${counted(event.epochs, 'epoch')} go on: ${named === '' ? 'none' : named}. Stopped: ${counted(event.stopped.length, 'trial')}`,
        );
        break;
      }
      case 'trial-failed':
        running.delete(event.trial.id);
        if (stream.isTTY === true) draw(stream, CLEAR_LINE);
        errors.write(`${place()}  ${event.trial.id} failed: ${failureText(event.error, verbose)}\n`);
        redraw();
        break;
      case 'warning':
        if (stream.isTTY === true) draw(stream, CLEAR_LINE);
        errors.write(`warning: ${event.text}\n`);
        redraw();
        break;
    }
  };
}

/** A user's mistake in a line; a bug with its stack. */
function failureText(error: unknown, verbose: boolean): string {
  return error instanceof UserError && !verbose ? messageOf(error) : describeFailure(error, verbose).text;
}
