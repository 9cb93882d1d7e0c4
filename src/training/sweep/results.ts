import { elementAt, required } from '../../foundation/required';
import type { StoppedTrial } from './halving';
import type { SweepPlan, Trial } from './plan';
import type { Point } from './points';
import { spreadOf, type Spread } from './statistics';
import type { TrialFigures, TrialFolder } from './trial-folders';

/** The figures that are told of a point, as a trial's, over its trials. */
export const POINT_FIGURES = ['glossAccuracy', 'categoryAccuracy', 'calibrationError', 'bestEpoch', 'seconds'] as const;
export type PointFigure = (typeof POINT_FIGURES)[number];

/** How a trial ended up. */
export interface TrialResult {
  readonly trial: Trial;
  readonly state: 'done' | 'failed' | 'stopped' | 'left';
  /** Its model folder; undefined where there is none yet. */
  readonly folder: string | undefined;
  readonly figures: TrialFigures | undefined;
  /** Why it failed. */
  readonly failure: string | undefined;
  /** How far it had come where other points were better, and it was stopped. */
  readonly stopped: StoppedTrial | undefined;
}

/** One set of values, over its seeds. */
export interface PointResult extends Point {
  readonly trials: readonly TrialResult[];
  /** Of those of its trials that are done; undefined where none is. */
  readonly spreads: Readonly<Record<PointFigure, Spread>> | undefined;
  /** Whether all of its trials are done. */
  readonly complete: boolean;
  /** Undefined where no trial is done. */
  readonly parameters: number | undefined;
}

/** What a sweep found. */
export interface SweepResult {
  readonly plan: SweepPlan;
  /** In the order of the plan. */
  readonly points: readonly PointResult[];
  /** By {@link WINNING_RULE}; undefined where no point is complete. */
  readonly winner: PointResult | undefined;
}

/** How the winner is chosen. */
export const WINNING_RULE =
  'the highest mean gloss accuracy of the best checkpoints; of equal ones the smaller standard deviation, then fewer parameters, then the first; only points all of whose trials are done';

/** What differs by less is equal: means of the same accuracies in another order. */
const EQUAL = 1e-9;

/**
 * Sums up the trials of a sweep by its points.
 * @param folders of the trials that were begun, by their ids.
 * @param failures what went wrong, by their ids.
 * @param stopped those that were stopped for better ones, by their ids.
 */
export function summarise(
  plan: SweepPlan,
  folders: ReadonlyMap<string, TrialFolder>,
  failures: ReadonlyMap<string, string> = new Map(),
  stopped: ReadonlyMap<string, StoppedTrial> = new Map(),
): SweepResult {
  const results = plan.trials.map((trial): TrialResult => {
    const { folder, figures } = folders.get(trial.id) ?? {};
    const failure = failures.get(trial.id);
    const stop = stopped.get(trial.id);
    const state = figures !== undefined ? 'done' : failure !== undefined ? 'failed' : stop !== undefined ? 'stopped' : 'left';
    return { trial, state, folder, figures, failure, stopped: state === 'stopped' ? stop : undefined };
  });
  const points = plan.points.map((point, place) =>
    pointResult(
      point,
      results.filter(({ trial }) => trial.point === place),
    ),
  );
  return { plan, points, winner: winnerOf(points) };
}

function pointResult(point: Point, trials: readonly TrialResult[]): PointResult {
  const figures = trials.flatMap((trial) => trial.figures ?? []);
  const spread = (figure: PointFigure): Spread =>
    required(spreadOf(figures.map((one) => one[figure])), `figures of the point ${point.name}`);
  return {
    ...point,
    trials,
    complete: trials.every(({ state }) => state === 'done'),
    spreads:
      figures.length === 0
        ? undefined
        : {
            glossAccuracy: spread('glossAccuracy'),
            categoryAccuracy: spread('categoryAccuracy'),
            calibrationError: spread('calibrationError'),
            bestEpoch: spread('bestEpoch'),
            seconds: spread('seconds'),
          },
    parameters: figures[0]?.parameters,
  };
}

/** The point that wins by {@link WINNING_RULE}; undefined where none is complete. */
export function winnerOf(points: readonly PointResult[]): PointResult | undefined {
  const complete = points.filter(({ complete: isComplete }) => isComplete);
  return complete.reduce<PointResult | undefined>((best, point) => (best === undefined || isBetter(point, best) ? point : best), undefined);
}

function isBetter(point: PointResult, than: PointResult): boolean {
  const [own, other] = [point, than].map(({ name, spreads, parameters }) => {
    const { mean, deviation = 0 } = required(spreads, `the figures of ${name}`).glossAccuracy;
    return [-mean, deviation, required(parameters, `the parameters of ${name}`)];
  });
  for (const [place, value] of required(own, 'the figures').entries()) {
    const difference = value - elementAt(required(other, 'the others'), place);
    if (Math.abs(difference) > EQUAL) return difference < 0;
  }
  return false;
}
