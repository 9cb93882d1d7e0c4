import { statSync } from 'node:fs';
import { z } from 'zod';
import { ModelFolder } from '../folder/model-folder';
import { LARGEST_METRICS, metricsLine, type LoggedIncident } from '../folder/training-log';
import { UserError } from '../foundation/errors';
import { lockState } from '../foundation/folder-lock';
import { readTextIfThere } from '../foundation/regular-file';
import { linesOf } from '../foundation/text';
import { changesLossWeights } from './curriculum';
import type { EpochDone } from './events';

/** How a training ended: all its epochs are done; it stopped early or was asked to stop; its process was killed. */
export type FollowedEnd = 'finished' | 'stopped' | 'killed';

/** Something that happened to a training. */
type Incident = Pick<LoggedIncident, 'after_epoch' | 'text'>;

/** A training as its model folder shows it at a moment. */
export interface SeenTraining {
  readonly name: string;
  /** How many it is to have. */
  readonly epochs: number;
  readonly classes: { readonly gloss: number; readonly category: number };
  /** Those that are done, in order. */
  readonly done: readonly EpochDone[];
  readonly incidents: readonly Incident[];
  /** Where it is; undefined where no process trains it. */
  readonly running: EpochRunning | undefined;
  /** How it ended; undefined where it runs. */
  readonly end: FollowedEnd | undefined;
}

/** It is at work on an epoch, or on the evaluation after the last one. */
export interface EpochRunning {
  readonly kind: 'running';
  /** Undefined where the epochs are done, and the best one is being evaluated. */
  readonly epoch: number | undefined;
  readonly epochs: number;
  /** Since the last epoch ended, or the folder was made. */
  readonly seconds: number;
  /** What an epoch has taken so far; undefined in the first. */
  readonly secondsAnEpoch: number | undefined;
}

const epochSchema = z.object({
  epoch: z.number(),
  train_loss: z.number(),
  val_loss: z.number(),
  gloss_acc: z.number(),
  cat_acc: z.number(),
  lr: z.number(),
  alpha: z.number(),
  beta: z.number(),
  best: z.boolean(),
  gradient_norm: z.number(),
  train_seconds: z.number(),
  val_seconds: z.number(),
  train_clips_per_second: z.number(),
  memory_mb: z.number(),
});

type LoggedEpoch = z.infer<typeof epochSchema>;

/**
 * Looks at a training by what its process has written into the model folder, and changes nothing.
 * @throws UserError where the folder is not that of a training.
 */
export function lookAtTraining(folder: string): SeenTraining {
  const state = lockState(folder); // Before the log is read: what it wrote at its end is seen.
  const files = new ModelFolder(folder);
  const { run, ...settings } = files.readConfig();
  const { epochs } = settings; // A resumed training may have more than before.
  if (typeof epochs !== 'number') throw new UserError(`${folder}: its model was not trained by Kumpas, so there is no training to watch`);
  const { logged, incidents } = readLogged(files.metrics);
  const done = doneEpochs(logged, { epochs, weightsChange: changesLossWeights(settings) });
  const completed = done.at(-1)?.epoch ?? 0;
  const seen = { name: run.name, epochs, classes: run.classes, done, incidents };
  if (state !== 'held')
    return { ...seen, running: undefined, end: state === 'stale' ? 'killed' : completed >= epochs ? 'finished' : 'stopped' };
  const running: EpochRunning = {
    kind: 'running',
    epoch: completed < epochs ? completed + 1 : undefined,
    epochs,
    // A clock that was set back meanwhile would make it less than nothing.
    seconds: Math.max(0, Date.now() - changedAt(done.length === 0 ? files.config : files.metrics)) / 1000,
    secondsAnEpoch: done.length === 0 ? undefined : done.reduce((sum, { seconds }) => sum + seconds, 0) / done.length,
  };
  return { ...seen, running, end: undefined };
}

/** What is in a `metrics.jsonl`; a line that is being written is left for the next look. */
function readLogged(file: string): { readonly logged: LoggedEpoch[]; readonly incidents: Incident[] } {
  const text = readTextIfThere(file, LARGEST_METRICS) ?? '';
  const [logged, incidents]: [LoggedEpoch[], Incident[]] = [[], []];
  for (const line of linesOf(text)) {
    const { incident } = metricsLine(line);
    if (incident !== undefined) incidents.push(incident);
    const parsed = epochSchema.safeParse(valueOf(line));
    if (parsed.success) logged.push(parsed.data);
  }
  return { logged, incidents };
}

function valueOf(line: string): unknown {
  try {
    return JSON.parse(line) as unknown;
  } catch {
    return undefined;
  }
}

function doneEpochs(logged: readonly LoggedEpoch[], run: { readonly epochs: number; readonly weightsChange: boolean }): EpochDone[] {
  let best: LoggedEpoch | undefined;
  let secondsSoFar = 0;
  return logged.map((epoch, place) => {
    if (epoch.best) best = epoch;
    const seconds = epoch.train_seconds + epoch.val_seconds;
    secondsSoFar += seconds;
    return {
      kind: 'epoch-end',
      epoch: epoch.epoch,
      epochs: run.epochs,
      trainLoss: epoch.train_loss,
      valLoss: epoch.val_loss,
      glossAccuracy: epoch.gloss_acc,
      categoryAccuracy: epoch.cat_acc,
      learningRate: epoch.lr,
      ...(run.weightsChange ? { lossWeights: { alpha: epoch.alpha, beta: epoch.beta } } : {}),
      gradientNorm: epoch.gradient_norm,
      memoryMb: epoch.memory_mb,
      seconds,
      clipsPerSecond: epoch.train_clips_per_second,
      best: epoch.best,
      bestGlossAccuracy: (best ?? epoch).gloss_acc,
      bestEpoch: (best ?? epoch).epoch,
      etaSeconds: (secondsSoFar / (place + 1)) * (run.epochs - epoch.epoch),
    };
  });
}

function changedAt(file: string): number {
  return statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? Date.now();
}
