import { existsSync } from 'node:fs';
import path from 'node:path';
import type { CheckpointReading } from '../../checkpoint/training-checkpoint';
import { UserError } from '../../foundation/errors';
import { lockState, withFolderLock } from '../../foundation/folder-lock';
import { elementAt } from '../../foundation/required';
import { ownModels } from '../../models/model-table';
import type { ClusterPlace } from '../cluster/place';
import { computeFor } from '../train';
import type { SweepHooks } from './events';
import { failuresIn } from './failures';
import { jobFilesIn, keptPlan, type JobFile } from './manifest';
import type { Trial } from './plan';
import { summarise, type SweepResult } from './results';
import { runTrial } from './run-trial';
import { trainTrial } from './train-trial';
import { trialFolders } from './trial-folders';
import { writeSweepResults } from './write-results';

/** A trial that a scheduler's jobs have not done. */
export interface UndoneTrial {
  /** Its place in the plan, from 0: the index that trains it. */
  readonly index: number;
  readonly trial: Trial;
  /** `running`: a process is at work on it; `cut`: it goes on where it was. */
  readonly state: 'failed' | 'running' | 'cut' | 'not begun';
}

/** What lies in a sweep's folder. */
export interface CollectedSweep extends SweepResult {
  readonly folder: string;
  /** In the order of the plan; none where the sweep is done. */
  readonly undone: readonly UndoneTrial[];
  /** What was written beside the model folders. */
  readonly files: readonly string[];
}

/**
 * Reads what the processes of a sweep have done by now, in whatever order and wherever they ran, and writes the tables and the picture that the sweep would have written had it run
 * in one process. Nothing is trained.
 * @throws UserError where no sweep lies there, or one with successive halving, which one process leads.
 */
export async function collectSweep(folder: string, onWarning: (text: string) => void = () => undefined): Promise<CollectedSweep> {
  const plan = keptPlan(folder);
  if (plan.halving !== undefined)
    throw new UserError(`--collect: ${folder} is a sweep with --halving, which one process leads: type its own command again`);
  return await withFolderLock(folder, 'sweep', async () => {
    const folders = trialFolders(folder);
    const failures = failuresIn(folder, plan.trials);
    const result = summarise(plan, folders, failures);
    const undone = plan.trials.flatMap((trial, index): UndoneTrial[] => {
      const found = folders.get(trial.id);
      if (found?.figures !== undefined) return [];
      if (isAtWork(folder, trial)) return [{ index, trial, state: 'running' }];
      if (failures.has(trial.id)) return [{ index, trial, state: 'failed' }];
      return [{ index, trial, state: found === undefined ? 'not begun' : 'cut' }];
    });
    return { ...result, folder, undone, files: await writeSweepResults(folder, result, onWarning) };
  });
}

function isAtWork(folder: string, { id }: Trial): boolean {
  return lockState(path.join(folder, id)) === 'held';
}

/** How one trial of a sweep ended. */
export interface TrialEnded {
  readonly trial: Trial;
  readonly end: 'finished' | 'interrupted' | 'failed';
}

/** What a process knows of a trial beside its plan. */
interface TrialSurroundings {
  readonly reading?: CheckpointReading | undefined;
  /** This process's place, where several train the trial together. */
  readonly cluster?: ClusterPlace | undefined;
}

/**
 * Trains one trial of a sweep whose plan lies in its folder, or goes on with it: what an index of a scheduler's job does. One that is done is left as it is; of two processes of one
 * index one trains.
 * @param index its place in the plan, from 0.
 * @throws UserError where no sweep lies there, or it has no such trial.
 */
export async function trainTrialAt(
  folder: string,
  index: number,
  { reading, cluster, ...hooks }: SweepHooks & TrialSurroundings = {},
): Promise<TrialEnded> {
  const { trials, halving } = keptPlan(folder);
  if (halving !== undefined)
    throw new UserError(`--trial: ${folder} is a sweep with --halving, which one process leads: type its own command`);
  if (!Number.isInteger(index) || index < 0 || index >= trials.length)
    throw new UserError(`--trial: expected one of ${folder}, from 0 to ${trials.length - 1}, found ${index}`);
  const trial = elementAt(trials, index);
  const isDone = (): boolean => trialFolders(folder, trial.id).get(trial.id)?.figures !== undefined;
  if (cluster !== undefined && cluster.rank > 0) {
    if (isDone()) return { trial, end: 'finished' }; // Rank 0 has nothing to meet the others for.
    const { signal, verbose } = hooks;
    const { end } = await computeFor(cluster, {
      ...(signal === undefined ? {} : { signal }),
      ...(verbose === undefined ? {} : { verbose }),
    });
    return { trial, end };
  }
  const report = hooks.onEvent ?? (() => undefined);
  const models = hooks.models ?? ownModels;
  const failure = await trainTrial(trial, { folder, reading, hooks: { ...hooks, models }, report, run: runTrial, cluster });
  if (failure !== undefined) return { trial, end: 'failed' };
  return { trial, end: isDone() ? 'finished' : 'interrupted' };
}

/** The job file of a sweep that was written for a scheduler; undefined where there is none. */
export function jobFileOf(folder: string): JobFile | undefined {
  return jobFilesIn(folder).find(({ file }) => existsSync(file));
}
