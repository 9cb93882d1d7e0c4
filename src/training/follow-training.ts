import { statSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import { z } from 'zod';
import { ModelFolder } from '../folder/model-folder';
import { LARGEST_METRICS, metricsLine, type LoggedIncident } from '../folder/training-log';
import { UserError } from '../foundation/errors';
import { lockState } from '../foundation/folder-lock';
import { readTextIfThere } from '../foundation/regular-file';
import { linesOf } from '../foundation/text';
import { changesLossWeights } from './curriculum';
import type { EpochDone, TrainingNote } from './events';

/** Something that is seen of a training in another process. */
export type FollowedEvent = TrainingFound | EpochDone | EpochRunning | (TrainingNote & { readonly kind: 'warning' });

/** The training that is followed. */
export interface TrainingFound {
  readonly kind: 'found';
  readonly name: string;
  readonly folder: string;
  readonly epochs: number;
  readonly classes: { readonly gloss: number; readonly category: number };
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

/** How it ended: all its epochs are done; it stopped early or was asked to stop; its process was killed. */
export type FollowedEnd = 'finished' | 'stopped' | 'killed';

/** What following one comes to. */
export interface FollowedTraining {
  readonly end: FollowedEnd;
  readonly completedEpochs: number;
  readonly epochs: number;
  /** The best epoch of this folder; undefined where none has ended. */
  readonly best: { readonly epoch: number; readonly glossAccuracy: number } | undefined;
}

/** How a training is followed. */
export interface FollowOptions {
  readonly onEvent?: (event: FollowedEvent) => void;
  /** Aborted where nobody looks any more; the training itself goes on. */
  readonly signal?: AbortSignal;
  /** Milliseconds between two looks. */
  readonly interval?: number;
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
 * Follows a training that runs in another process by what it writes into its model folder, and changes nothing: the epochs that are done are told first, then each one when it
 * ends. One that runs no more is told too.
 * @returns how it ended; undefined where `signal` was aborted before.
 * @throws UserError where the folder is not that of a training.
 */
export async function followTraining(folder: string, options: FollowOptions = {}): Promise<FollowedTraining | undefined> {
  const { onEvent = () => undefined, signal, interval = 500 } = options;
  const files = new ModelFolder(folder);
  const { run, ...settings } = files.readConfig();
  onEvent({ kind: 'found', name: run.name, folder, epochs: epochsOf(files), classes: run.classes });
  const weightsChange = changesLossWeights(settings);
  let told = 0;
  let incidentsTold = 0;
  for (;;) {
    const state = lockState(folder); // Before the log is read: what it wrote at its end is seen.
    const epochs = epochsOf(files); // A resumed training may have more.
    const { logged, incidents } = readLogged(files.metrics);
    const tellIncidents = (until: number): void => {
      for (const { after_epoch, text } of incidents.slice(incidentsTold)) {
        if (after_epoch >= until) break;
        onEvent({ kind: 'warning', text });
        incidentsTold++;
      }
    };
    for (const [place, epoch] of logged.entries()) {
      if (epoch.epoch <= told) continue;
      tellIncidents(epoch.epoch);
      onEvent(doneEvent(epoch, { epochs, earlier: logged.slice(0, place + 1), weightsChange }));
    }
    tellIncidents(Infinity);
    // Fewer than before where a killed training goes on from its last checkpoint.
    told = logged.at(-1)?.epoch ?? 0;
    incidentsTold = incidents.length;
    if (state !== 'held') return followed(logged, epochs, state);
    onEvent({
      kind: 'running',
      epoch: told < epochs ? told + 1 : undefined,
      epochs,
      // A clock that was set back meanwhile would make it less than nothing.
      seconds: Math.max(0, Date.now() - changedAt(logged.length === 0 ? files.config : files.metrics)) / 1000,
      secondsAnEpoch: logged.length === 0 ? undefined : meanSeconds(logged),
    });
    if (!(await waited(interval, signal))) return undefined;
  }
}

function epochsOf(files: ModelFolder): number {
  const { epochs } = files.readConfig();
  if (typeof epochs === 'number') return epochs;
  throw new UserError(`${files.folder}: its model was not trained by Kumpas, so there is no training to watch`);
}

/** What is in a `metrics.jsonl`; a line that is being written is left for the next look. */
function readLogged(file: string): { readonly logged: LoggedEpoch[]; readonly incidents: Pick<LoggedIncident, 'after_epoch' | 'text'>[] } {
  const text = readTextIfThere(file, LARGEST_METRICS) ?? '';
  const [logged, incidents]: [LoggedEpoch[], Pick<LoggedIncident, 'after_epoch' | 'text'>[]] = [[], []];
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

/** @param seen.earlier the epochs up to and with this one. */
function doneEvent(
  epoch: LoggedEpoch,
  { epochs, earlier, weightsChange }: { epochs: number; earlier: readonly LoggedEpoch[]; weightsChange: boolean },
): EpochDone {
  const best = bestOf(earlier) ?? epoch;
  return {
    kind: 'epoch-end',
    epoch: epoch.epoch,
    epochs,
    trainLoss: epoch.train_loss,
    valLoss: epoch.val_loss,
    glossAccuracy: epoch.gloss_acc,
    categoryAccuracy: epoch.cat_acc,
    learningRate: epoch.lr,
    ...(weightsChange ? { lossWeights: { alpha: epoch.alpha, beta: epoch.beta } } : {}),
    gradientNorm: epoch.gradient_norm,
    memoryMb: epoch.memory_mb,
    seconds: epoch.train_seconds + epoch.val_seconds,
    clipsPerSecond: epoch.train_clips_per_second,
    best: epoch.best,
    bestGlossAccuracy: best.gloss_acc,
    bestEpoch: best.epoch,
    etaSeconds: meanSeconds(earlier) * (epochs - epoch.epoch),
  };
}

function followed(logged: readonly LoggedEpoch[], epochs: number, state: 'free' | 'stale'): FollowedTraining {
  const completedEpochs = logged.at(-1)?.epoch ?? 0;
  const best = bestOf(logged);
  return {
    end: state === 'stale' ? 'killed' : completedEpochs >= epochs ? 'finished' : 'stopped',
    completedEpochs,
    epochs,
    best: best === undefined ? undefined : { epoch: best.epoch, glossAccuracy: best.gloss_acc },
  };
}

/** The last of the epochs that were the best when they ended. */
function bestOf(epochs: readonly LoggedEpoch[]): LoggedEpoch | undefined {
  return epochs.findLast(({ best }) => best);
}

function meanSeconds(epochs: readonly LoggedEpoch[]): number {
  return epochs.reduce((sum, epoch) => sum + epoch.train_seconds + epoch.val_seconds, 0) / epochs.length;
}

function changedAt(file: string): number {
  return statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? Date.now();
}

/** @returns whether the time has passed; false where it was cut short. */
async function waited(milliseconds: number, signal: AbortSignal | undefined): Promise<boolean> {
  try {
    await setTimeout(milliseconds, undefined, signal === undefined ? {} : { signal });
    return true;
  } catch {
    return false;
  }
}
