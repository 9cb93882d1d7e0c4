import path from 'node:path';
import { UserError } from '../../foundation/errors';
import { withFolderLock } from '../../foundation/folder-lock';
import { makeFolders } from '../../foundation/folders';
import { elementAt, required } from '../../foundation/required';
import { ownModels, type ModelDefinitions } from '../../models/model-table';
import { requestOf, type SettingsInput, type TrainOptions } from '../train';
import type { SweepEvent, SweepHooks } from './events';
import { accuracyWithin, pointsThatGoOn, rungsOf, type Rung, type StoppedTrial } from './halving';
import { keepPlan } from './manifest';
import { planSweep, type SweepPlan, type SweepRequest, type Trial } from './plan';
import type { Range, Varied, VariedSettings } from './points';
import { summarise, type SweepResult } from './results';
import { runTrial } from './run-trial';
import { trainTrial, type TrialsInWork } from './train-trial';
import { trialFolders, type TrialFolder } from './trial-folders';
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
  const { request, models } = sweepRequestOf(options, hooks);
  return await sweepWith(request, { out: options.out, jobs: options.jobs ?? 1 }, { ...hooks, models });
}

/** What is asked for with settings by key, as a request, and the models that it may be of. */
export function sweepRequestOf(
  options: SweepOptions,
  hooks: Pick<SweepHooks, 'models'>,
): { readonly request: SweepRequest; readonly models: ModelDefinitions } {
  const { base = {}, grid = {}, ablate, seeds, random, lossWeights, folds, halving } = options;
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
  return { request: asked, models };
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

/** Whether a trial is done, or has done so many epochs. */
function hasCome(trial: TrialFolder | undefined, epochs: number): boolean {
  return trial !== undefined && (trial.figures !== undefined || (trial.log.at(-1)?.epoch ?? 0) >= epochs);
}

/** A sweep that is being trained. */
class Sweep {
  private readonly report: (event: SweepEvent) => void;
  private readonly inWork: TrialsInWork;
  private readonly failures = new Map<string, { readonly trial: Trial; readonly message: string }>();
  private readonly stopped = new Map<string, StoppedTrial>();

  constructor(
    private readonly plan: SweepPlan,
    private readonly folder: string,
    request: SweepRequest,
    private readonly hooks: TrialsInWork['hooks'],
    run: typeof runTrial,
  ) {
    this.report = hooks.onEvent ?? (() => undefined);
    this.inWork = { folder, reading: request.reading, hooks, report: this.report, run };
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
        const message = await trainTrial(trial, this.inWork, until);
        if (message !== undefined) this.failures.set(trial.id, { trial, message });
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
}
