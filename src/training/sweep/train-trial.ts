import path from 'node:path';
import { setTimeout } from 'node:timers/promises';
import type { CheckpointReading } from '../../checkpoint/training-checkpoint';
import { messageOf } from '../../foundation/errors';
import { lockOnceSilent, lockState } from '../../foundation/folder-lock';
import { required } from '../../foundation/required';
import type { ClusterPlace } from '../cluster/place';
import type { TrainingEnd } from '../events';
import type { SweepEvent, SweepHooks } from './events';
import { forgetFailure, keepFailure } from './failures';
import { accuracyWithin } from './halving';
import type { Trial } from './plan';
import type { runTrial, TrialProgress, TrialRunHooks } from './run-trial';
import { trialFolders, type TrialFolder } from './trial-folders';

/** What all trials of a sweep are trained with. */
export interface TrialsInWork {
  /** The sweep's folder. */
  readonly folder: string;
  readonly reading: CheckpointReading | undefined;
  readonly hooks: SweepHooks & Required<Pick<SweepHooks, 'models'>>;
  readonly report: (event: SweepEvent) => void;
  /** Where several processes train each trial together: that of rank 0. */
  readonly cluster?: ClusterPlace | undefined;
  /** In this process, or in one of its own. */
  readonly run: typeof runTrial;
}

/**
 * Trains a trial, or goes on with it where it was cut; one that is done is left as it is. No other process trains it meanwhile.
 * @param until epochs after which it is left, to be gone on with.
 * @returns why it failed; undefined where it did not.
 */
export async function trainTrial(trial: Trial, sweep: TrialsInWork, until = Infinity): Promise<string | undefined> {
  const { folder, hooks, report } = sweep;
  try {
    const lock = await lockOnceSilent(path.join(folder, trial.id), 'sweep', {
      signal: hooks.signal,
      onWait: (text) => {
        report({ kind: 'warning', text });
      },
    });
    try {
      forgetFailure(folder, trial.id);
      await trainLocked(trial, sweep, until);
    } catch (error) {
      keepFailure(folder, trial.id, messageOf(error));
      throw error;
    } finally {
      lock.release();
    }
    return undefined;
  } catch (error) {
    if (hooks.signal?.aborted === true && error === hooks.signal.reason) return undefined;
    const message = messageOf(error);
    report({ kind: 'trial-failed', trial, message, error });
    return message;
  }
}

async function trainLocked(trial: Trial, sweep: TrialsInWork, until: number): Promise<void> {
  const { folder, hooks, report } = sweep;
  const before = await settledFolder(folder, trial.id);
  report({ kind: 'trial-start', trial, resumed: before !== undefined });
  const end = before?.figures === undefined ? await trainOn(trial, sweep, before?.folder, until) : 'finished';
  const after = trialFolders(folder, trial.id).get(trial.id);
  if (end === 'interrupted') {
    const glossAccuracy = accuracyWithin(after?.log ?? [], until);
    if (glossAccuracy !== undefined && hooks.signal?.aborted !== true)
      report({ kind: 'trial-paused', trial, reached: { epochs: until, glossAccuracy } });
    return;
  }
  const { figures } = required(after, `the folder of ${trial.id}`);
  report({ kind: 'trial-end', trial, figures: required(figures, `the figures of ${trial.id}`) });
}

async function trainOn(
  trial: Trial,
  { folder, reading, hooks, report, run, cluster }: TrialsInWork,
  resume: string | undefined,
  until: number,
): Promise<TrainingEnd> {
  const pause = new AbortController();
  const { signal, verbose, cacheFolder, gitCommit, models } = hooks;
  const trialHooks: TrialRunHooks = {
    models,
    gitCommit,
    cluster,
    onEvent: (event: TrialProgress) => {
      if (event.kind === 'epoch-end') {
        if (event.epoch >= until) pause.abort();
        report({ kind: 'trial-epoch', trial, epoch: event });
      } else report({ kind: 'warning', text: `${trial.id}: ${event.text}` });
    },
    signal: AbortSignal.any([pause.signal, ...(signal === undefined ? [] : [signal])]),
    ...(verbose === undefined ? {} : { verbose }),
    ...(cacheFolder === undefined ? {} : { cacheFolder }),
  };
  const { settings, id } = trial;
  return await run({ sweep: path.basename(path.resolve(folder)), id, saveDir: folder, settings, reading, resume }, trialHooks);
}

/** A process of a sweep that was killed ends within so many milliseconds. */
const LONGEST_END = 60_000;

/** The folder of a trial, once no process of a sweep that was killed is at work on it any more. */
async function settledFolder(folder: string, id: string): Promise<TrialFolder | undefined> {
  for (let waited = 0; ; waited += 200) {
    const found = trialFolders(folder, id).get(id);
    if (found === undefined || lockState(found.folder) !== 'held' || waited >= LONGEST_END) return found;
    await setTimeout(200);
  }
}
