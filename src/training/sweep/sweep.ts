import path from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { messageOf, UserError } from '../../foundation/errors';
import { lockState, withFolderLock } from '../../foundation/folder-lock';
import { makeFolders } from '../../foundation/folders';
import { elementAt, required } from '../../foundation/required';
import { ownModels } from '../../models/model-table';
import type { EpochDone, TrainingEnd } from '../events';
import { requestOf, type SettingsInput, type TrainHooks, type TrainOptions } from '../train';
import { accuracyWithin, pointsThatGoOn, rungsOf, type Rung, type StoppedTrial } from './halving';
import { keepPlan } from './manifest';
import { planSweep, type SweepPlan, type SweepRequest, type Trial } from './plan';
import type { Point, Range, Varied, VariedSettings } from './points';
import { summarise, type SweepResult } from './results';
import { runTrial, type TrialProgress, type TrialRunHooks } from './run-trial';
import { trialFolders, type TrialFigures, type TrialFolder } from './trial-folders';
import { trialProcesses } from './trial-processes';
import { writeSweepResults } from './write-results';

/** The values of settings that are varied, by key: those of Kumpas's own models, and of a model of one's own. */
export type SweepGrid = { readonly [Key in keyof SettingsInput]?: readonly (Exclude<SettingsInput[Key], undefined> | Range)[] } & Readonly<
  Record<string, readonly (Varied | Range)[]>
>;

/** What {@link sweep} is asked for. */
export interface SweepOptions {
  /** The settings that all trials share: as {@link TrainOptions}, but for where they are written. */
  readonly base?: Omit<TrainOptions, 'resume' | 'save_dir' | 'description'>;
  /** The values of each setting that is varied, all combinations of which are trained. */
  readonly grid?: SweepGrid;
  /** In place of a grid: changes to the base by name. The base itself is the first point. */
  readonly ablate?: Readonly<Record<string, VariedSettings>>;
  /** How many seeds, from 1 on, or which, every point is trained with; the base's own alone where it is left out. */
  readonly seeds?: number | readonly number[];
  /** In place of all combinations: so many points, drawn from the grid's values and ranges. */
  readonly random?: number;
  /** The weights of both heads' losses as a further axis: `alpha` 0.1 to 0.9, `beta` what is left of 1. */
  readonly lossWeights?: boolean;
  /** Cross-validates each point in so many folds, the sets `fold_1`, `fold_2` … that splitSet makes in the folder of the data. */
  readonly folds?: number;
  /** Successive halving: points are stopped early of which others are better, so that only the best 1/halving go on after each rung; 3 is usual. */
  readonly halving?: number;
  /** The sweep's folder: of its plan, its model folders and its results. One that holds this very sweep is gone on with. */
  readonly out: string;
  /** Trials that run at once, each in a process of its own; 1 where it is left out, in this process. */
  readonly jobs?: number;
}

/** Something that happens in a sweep. */
export type SweepEvent =
  /** All settings are checked. `done` of the trials are so from before. */
  | { readonly kind: 'planned'; readonly plan: SweepPlan; readonly done: number }
  | { readonly kind: 'trial-start'; readonly trial: Trial; readonly resumed: boolean }
  | { readonly kind: 'trial-epoch'; readonly trial: Trial; readonly epoch: EpochDone }
  | { readonly kind: 'trial-end'; readonly trial: Trial; readonly figures: TrialFigures }
  /** It waits for the others of its rung. */
  | { readonly kind: 'trial-paused'; readonly trial: Trial; readonly reached: StoppedTrial }
  /** After so many epochs these points go on; the trials of the others are stopped. */
  | { readonly kind: 'rung-end'; readonly epochs: number; readonly goOn: readonly Point[]; readonly stopped: readonly Trial[] }
  /** The others go on. */
  | { readonly kind: 'trial-failed'; readonly trial: Trial; readonly message: string; readonly error: unknown }
  | { readonly kind: 'warning'; readonly text: string };

/** How a sweep is watched and stopped. Aborted, the trials that run save their state, and the sweep's next call goes on with them. */
export type SweepHooks = Omit<TrainHooks, 'onEvent' | 'registry' | 'now'> & {
  readonly onEvent?: (event: SweepEvent) => void;
};

/** What a sweep came to. */
export interface SweepOutcome extends SweepResult {
  readonly end: 'finished' | 'interrupted';
  readonly folder: string;
  /** Trials that failed, and why. */
  readonly failed: readonly { readonly trial: Trial; readonly message: string }[];
  /** What was written beside the model folders. */
  readonly files: readonly string[];
}

/**
 * Trains a model for each combination of values and each seed, and says which values did best. Every trial is a model folder in the sweep's own. Called again with the same
 * options it does what is not done yet, and goes on with what was cut.
 * @throws UserError for a mistake in any of the trials' settings, all at once, before anything is trained; and where the folder holds another sweep.
 */
export async function sweep(options: SweepOptions, hooks: SweepHooks = {}): Promise<SweepOutcome> {
  const { base = {}, grid = {}, ablate, seeds, random, lossWeights, folds, halving, out, jobs = 1 } = options;
  const { request, models } = requestOf(base, hooks);
  const asked: SweepRequest = {
    base: { ...request.settings, source: 'sweep()' },
    config: request.config,
    reading: request.reading,
    axes: Object.entries(grid).map(([name, values]) => ({ name, values })),
    typed: false,
    ablations: ablate,
    random,
    lossWeights,
    folds,
    halving,
    seeds: typeof seeds === 'number' ? seedsUpTo(seeds) : seeds,
  };
  return await sweepWith(asked, { out, jobs }, { ...hooks, models });
}

/** The seeds 1 … count. */
export function seedsUpTo(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index + 1);
}

/** {@link sweep}, with the base's settings as a layer of their own. */
export async function sweepWith(
  request: SweepRequest,
  { out, jobs }: { readonly out: string; readonly jobs: number },
  hooks: SweepHooks = {},
): Promise<SweepOutcome> {
  if (!Number.isInteger(jobs) || jobs < 1) throw new UserError(`--jobs: expected a whole number of at least 1, found ${jobs}`);
  const models = hooks.models ?? ownModels;
  const plan = planSweep(request, models);
  makeFolders(path.resolve(out));
  return await withFolderLock(out, 'sweep', async () => {
    keepPlan(out, plan);
    const run = jobs === 1 ? runTrial : await trialProcesses(jobs, models);
    return await new Sweep(plan, out, request, { ...hooks, models }, run).train(jobs);
  });
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

/** Whether a trial is done, or has done so many epochs. */
function hasCome(trial: TrialFolder | undefined, epochs: number): boolean {
  return trial !== undefined && (trial.figures !== undefined || (trial.log.at(-1)?.epoch ?? 0) >= epochs);
}

/** A sweep that is being trained. */
class Sweep {
  private readonly report: (event: SweepEvent) => void;
  private readonly failures = new Map<string, { readonly trial: Trial; readonly message: string }>();
  private readonly stopped = new Map<string, StoppedTrial>();

  constructor(
    private readonly plan: SweepPlan,
    private readonly folder: string,
    private readonly request: SweepRequest,
    private readonly hooks: SweepHooks & Required<Pick<SweepHooks, 'models'>>,
    private readonly run: typeof runTrial,
  ) {
    this.report = hooks.onEvent ?? (() => undefined);
  }

  async train(jobs: number): Promise<SweepOutcome> {
    const { plan, folder } = this;
    const before = trialFolders(folder);
    this.report({ kind: 'planned', plan, done: plan.trials.filter(({ id }) => before.get(id)?.figures !== undefined).length });
    let trials = plan.trials;
    for (const rung of rungsOf(plan)) {
      await this.trainAll(trials, jobs, rung.epochs);
      if (this.isInterrupted) break;
      trials = this.bestOf(trials, rung);
    }
    await this.trainAll(trials, jobs);
    const failed = [...this.failures.values()];
    const failures = new Map(failed.map(({ trial, message }) => [trial.id, message]));
    const result = summarise(plan, trialFolders(folder), failures, this.stopped);
    const files = await writeSweepResults(folder, result, (text) => {
      this.report({ kind: 'warning', text });
    });
    return { ...result, end: this.isInterrupted ? 'interrupted' : 'finished', folder, failed, files };
  }

  private get isInterrupted(): boolean {
    return this.hooks.signal?.aborted === true;
  }

  /** Trains those of some trials that are not done; with `until` to so many epochs. */
  private async trainAll(trials: readonly Trial[], jobs: number, until = Infinity): Promise<void> {
    const folders = trialFolders(this.folder);
    const left = trials.filter(({ id }) => !this.failures.has(id) && !hasCome(folders.get(id), until));
    const work = async (): Promise<void> => {
      while (!this.isInterrupted) {
        const trial = left.shift();
        if (trial === undefined) return;
        await this.trainTrial(trial, until);
      }
    };
    await Promise.all(Array.from({ length: Math.min(jobs, left.length) }, work));
  }

  /** The trials of the points that go on after a rung; the others are stopped. */
  private bestOf(trials: readonly Trial[], { epochs, keep }: Rung): readonly Trial[] {
    const folders = trialFolders(this.folder);
    const reached = new Map(trials.map(({ id }) => [id, accuracyWithin(folders.get(id)?.log ?? [], epochs)]));
    const byPoint = new Map<number, (number | undefined)[]>();
    for (const { id, point } of trials)
      byPoint.set(point, [...(byPoint.get(point) ?? []), this.failures.has(id) ? undefined : reached.get(id)]);
    const goOn = pointsThatGoOn(byPoint, keep);
    const stopped = trials.filter(
      ({ id, point }) => !goOn.includes(point) && folders.get(id)?.figures === undefined && !this.failures.has(id),
    );
    for (const { id } of stopped)
      this.stopped.set(id, { epochs, glossAccuracy: required(reached.get(id), `the first ${epochs} epochs of ${id}`) });
    this.report({ kind: 'rung-end', epochs, goOn: goOn.map((point) => elementAt(this.plan.points, point)), stopped });
    return trials.filter(({ point }) => goOn.includes(point));
  }

  /** @param until epochs after which it is left as it is, to be gone on with. */
  private async trainTrial(trial: Trial, until: number): Promise<void> {
    try {
      const before = await settledFolder(this.folder, trial.id);
      this.report({ kind: 'trial-start', trial, resumed: before !== undefined });
      const end = before?.figures === undefined ? await this.runOne(trial, before?.folder, until) : 'finished';
      if (end === 'interrupted') {
        const log = trialFolders(this.folder, trial.id).get(trial.id)?.log ?? [];
        const glossAccuracy = accuracyWithin(log, until);
        if (glossAccuracy !== undefined && !this.isInterrupted)
          this.report({ kind: 'trial-paused', trial, reached: { epochs: until, glossAccuracy } });
        return;
      }
      const { figures } = required(trialFolders(this.folder, trial.id).get(trial.id), `the folder of ${trial.id}`);
      this.report({ kind: 'trial-end', trial, figures: required(figures, `the figures of ${trial.id}`) });
    } catch (error) {
      const message = messageOf(error);
      this.failures.set(trial.id, { trial, message });
      this.report({ kind: 'trial-failed', trial, message, error });
    }
  }

  private async runOne(trial: Trial, resume: string | undefined, until: number): Promise<TrainingEnd> {
    const pause = new AbortController();
    const { signal, verbose, cacheFolder, gitCommit, models } = this.hooks;
    const hooks: TrialRunHooks = {
      models,
      gitCommit,
      onEvent: (event: TrialProgress) => {
        if (event.kind === 'epoch-end') {
          if (event.epoch >= until) pause.abort();
          this.report({ kind: 'trial-epoch', trial, epoch: event });
        } else this.report({ kind: 'warning', text: `${trial.id}: ${event.text}` });
      },
      signal: AbortSignal.any([pause.signal, ...(signal === undefined ? [] : [signal])]),
      ...(verbose === undefined ? {} : { verbose }),
      ...(cacheFolder === undefined ? {} : { cacheFolder }),
    };
    const name = path.basename(path.resolve(this.folder));
    const { settings, id } = trial;
    return await this.run({ sweep: name, id, saveDir: this.folder, settings, reading: this.request.reading, resume }, hooks);
  }
}
