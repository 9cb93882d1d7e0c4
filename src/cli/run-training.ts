import { execFileSync } from 'node:child_process';
import path from 'node:path';
import type { CheckpointReading } from '../checkpoint/training-checkpoint';
import { commandLineSource, checkOptions } from '../config/layers';
import { factsOf } from '../config/setting';
import { IS_CHECKOUT } from '../engine/provision/locations';
import { checkpointOptions, optimizerOption, readingOf } from '../evaluation/options';
import type { RegistryFacts } from '../folder/config-file';
import { cacheFolder } from '../foundation/caches';
import { UserError } from '../foundation/errors';
import { shellWord } from '../foundation/text';
import type { ModelDefinitions } from '../models/model-table';
import type { ClusterPlace } from '../training/cluster/place';
import type { TrainingListener } from '../training/events';
import type { TrainingStopped } from '../training/train';
import { watchForInterruption, type Interruption } from './exit';
import { commonFlags, keyOf, type FlagTable } from './flags';
import { ownModelFlag } from './model-flags';
import { showLoading } from './progress';
import type { Terminal } from './terminal';
import { TerminalReporter } from './terminal-reporter';

/** What was typed after `train`. */
export interface TrainCommandLine {
  /** Settings that were typed, by key or alias: texts, true or false, unchecked. */
  readonly settings: Readonly<Record<string, unknown>>;
  /** The `--config` file. */
  readonly configFile: string | undefined;
  /** The run's folder or file to go on with, `newest` for the newest run, undefined for a new training. */
  readonly resume: { readonly from: string } | 'newest' | undefined;
  /** What is read of the checkpoint that is gone on with, or begun with. */
  readonly reading?: CheckpointReading;
  /** The models of Kumpas with those of one's own that were given; absent where there are none. */
  readonly models?: ModelDefinitions;
  /** The file of a model of one's own that `--model` named. */
  readonly modelFile?: string;
  /** Whether the batch size is measured before the training. */
  readonly measuresBatchSize?: boolean;
  /** Whether a few batches are run in place of a training, and nothing is written. */
  readonly smokeTest?: boolean;
  /** The folder for what `--find-lr` finds; undefined where it is not asked for. */
  readonly findRates?: string | undefined;
  /** In how many folds the recipe is cross-validated; undefined for a single training. */
  readonly folds?: number | undefined;
  /** What was typed of a job for a scheduler, by key, unchecked; undefined where it is trained here. */
  readonly emit?: Readonly<Record<string, unknown>>;
  /** Where this process stands, where several train together. */
  readonly cluster?: ClusterPlace | undefined;
  readonly verbose: boolean;
  /** What is to be said of flags of the PyTorch pipeline that were typed. */
  readonly notes: readonly string[];
  /** The text to print instead of training. */
  readonly help: string | undefined;
}

/** The flags of `train` that are no settings. */
export const trainFlags = {
  config: {
    string: true,
    group: 'General:',
    description: 'A JSON file of settings, or the name of a preset, as transformer-strong; flags win over it.',
  },
  resume: {
    string: true,
    group: 'General:',
    description: 'Go on with a training: its folder or one of its .pt files; without a value, the newest under --save-dir.',
  },
  key: {
    string: true,
    group: 'General:',
    description: `--resume, --init-from: ${factsOf(checkpointOptions.key).description}`,
    defaultDescription: 'those that were trained, not an average of them',
  },
  'optimizer-was': {
    string: true,
    group: 'General:',
    description: `--resume: ${factsOf(optimizerOption.optimizer_was).description}`,
  },
  workers: {
    string: true,
    group: 'Several processes:',
    description:
      'Train in several processes together, on one machine or several: their addresses with commas between them, as 10.0.0.1:2222,10.0.0.2:2222. The same command is started for each. Also read of TF_CONFIG, of RANK, WORLD_SIZE, MASTER_ADDR and MASTER_PORT (torchrun), and of Slurm. A private network only (docs/distributed.md).',
  },
  rank: {
    string: true,
    group: 'Several processes:',
    description: '--workers: which of them this process is, from 0; 0 reads the data and writes the model folder.',
    defaultDescription: 'RANK, SLURM_PROCID or JOB_COMPLETION_INDEX',
  },
  'join-timeout': {
    string: true,
    group: 'Several processes:',
    description: 'Seconds that the processes wait for each other at the start.',
    defaultDescription: '50',
  },
  'heartbeat-timeout': {
    string: true,
    group: 'Several processes:',
    description:
      'Seconds after which a process that is silent (frozen, or not to be reached any more) counts as lost, and all end. That of rank 0 counts.',
    defaultDescription: '30',
  },
  'find-lr': {
    string: true,
    group: 'General:',
    description:
      'Try learning rates in place of training, say which to take, and draw lr_finder.png: in the folder that is given, or in this one. No model folder is made.',
  },
  'auto-batch-size': {
    type: 'boolean',
    group: 'General:',
    description:
      'Measure how fast batches of 8, 16, 32, … clips are trained on, and train with the size that pays; the learning rate stays.',
  },
  'smoke-test': {
    type: 'boolean',
    group: 'General:',
    description: 'Run two batches of training and two of validation, say whether all went well, and write nothing.',
  },
  eager: { type: 'boolean', group: 'Training:', description: 'The same as --no-compile-model.' },
  ...commonFlags,
} as const satisfies FlagTable;

/** The flags of `train` that are no settings, by key: what "did you mean" may suggest beside settings. */
export const trainFlagKeys: readonly string[] = Object.keys(trainFlags).map(keyOf);

/** What was typed about what is read of the checkpoint that is gone on with, or begun with. @throws UserError for a value that is none. */
export function readingTyped(key: unknown, optimizerWas: unknown): CheckpointReading {
  const values = { key, optimizer_was: optimizerWas };
  return readingOf(checkOptions({ key: checkpointOptions.key, ...optimizerOption }, { source: commandLineSource, values }));
}

/**
 * Trains as the command line asks, showing it in the terminal.
 * @param registry what the registry keeps of a new run from its start.
 * @returns the process's exit code.
 */
export async function runTraining(typed: TrainCommandLine, terminal: Terminal, registry: RegistryFacts = {}): Promise<number> {
  if (typed.cluster !== undefined && typed.cluster.rank > 0) return await runWorker(typed.cluster, typed, terminal);
  const reporter = new TerminalReporter(terminal.output);
  const onClipsRead = showLoading(terminal.errors);
  const controller = new AbortController();
  const training = await import('../training/train.js'); // With TensorFlow: only when it is needed.
  let interruption: Interruption | undefined; // Before the first step a signal ends the process at once: there is nothing to save.
  try {
    const { end } = await training.trainWith(
      {
        settings: { source: commandLineSource, values: typed.settings, otherFlags: trainFlagKeys },
        config: typed.configFile,
        resume: typed.resume === undefined || typed.resume === 'newest' ? typed.resume : typed.resume.from,
        reading: typed.reading,
        cluster: typed.cluster,
      },
      {
        signal: controller.signal,
        onEvent: (event) => {
          if (event.kind === 'clips-read') onClipsRead(event.done, event.total);
          // All is saved: from here on a signal ends the process at once, and `--resume` evaluates.
          else if (event.kind === 'evaluation-start') interruption?.end();
          else reporter.report(event);
          if (event.kind === 'start') {
            interruption = watchForInterruption(terminal.errors);
            interruption.signal.addEventListener('abort', () => {
              controller.abort();
            });
          }
        },
        ...(typed.models === undefined ? {} : { models: typed.models }),
        verbose: typed.verbose,
        registry,
        cacheFolder: cacheFolder(process.env),
        gitCommit: gitCommit(),
      },
    );
    return end === 'interrupted' ? (interruption?.exitCode() ?? 1) : 0;
  } catch (error) {
    throw error instanceof training.TrainingStopped ? withWayOn(error, typed) : error;
  } finally {
    interruption?.end();
  }
}

/** Computes for rank 0 of a training. @returns the process's exit code. */
async function runWorker(cluster: ClusterPlace, { verbose }: TrainCommandLine, terminal: Terminal): Promise<number> {
  const { computeFor } = await import('../training/train.js');
  const interruption = watchForInterruption(terminal.errors, 'rank 0 finishes the step and saves everything');
  try {
    const onEvent: TrainingListener = (event) => {
      if (event.kind === 'note') terminal.output.write(`${event.text}\n`);
    };
    const { end } = await computeFor(cluster, { verbose, signal: interruption.signal, onEvent });
    return end === 'interrupted' ? (interruption.exitCode() ?? 1) : 0;
  } finally {
    interruption.end();
  }
}

/** What stopped a training, with what one would type to go on. */
function withWayOn(stopped: TrainingStopped, { modelFile }: TrainCommandLine): UserError {
  const { message, folder, resumable } = stopped;
  const command = resumable === 'evaluation' ? `evaluate -- --model-path ${shellWord(folder)}` : `train -- --resume ${shellWord(folder)}`;
  return new UserError(`${message}; go on with npm run ${command}${ownModelFlag(modelFile)}`, { cause: stopped });
}

/** The commit of Kumpas that is checked out, with `-dirty` where files differ from it; undefined outside a checkout, or where there is no git. */
export function gitCommit(): string | undefined {
  if (!IS_CHECKOUT) return undefined; // What surrounds an installed package is somebody else's repository.
  try {
    const folder = path.resolve(__dirname, '../..');
    const described = execFileSync('git', ['describe', '--always', '--dirty', '--abbrev=40', '--exclude=*'], {
      cwd: folder,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
      timeout: 5000,
    });
    return described.trim();
  } catch {
    return undefined;
  }
}
