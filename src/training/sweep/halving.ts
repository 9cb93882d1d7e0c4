import type { TrainingLogRow } from '../../folder/training-log';
import { elementAt } from '../../foundation/required';
import type { SweepPlan } from './plan';

/** Epochs after which only the best points go on. */
export interface Rung {
  readonly epochs: number;
  /** How many points go on. */
  readonly keep: number;
}

/** How far a trial had come that was stopped because other points were better, and its best validation gloss accuracy by then. */
export interface StoppedTrial {
  readonly epochs: number;
  readonly glossAccuracy: number;
}

/**
 * The rungs of a plan with successive halving (Jamieson and Talwalkar 2016): after each the best `1 / halving` of its points go on, and `halving` times as many epochs are trained by
 * the next, so that one point, or a few, is trained to the end. None without it.
 */
export function rungsOf(plan: SweepPlan): readonly Rung[] {
  const { halving, points } = plan;
  if (halving === undefined) return [];
  const epochs = epochsOf(plan);
  const counts = [points.length];
  while (elementAt(counts, counts.length - 1) > 1) counts.push(Math.ceil(elementAt(counts, counts.length - 1) / halving));
  const cuts = counts.length - 1;
  const after = Array.from({ length: cuts }, (_, rung) => Math.ceil(epochs / halving ** (cuts - rung)));
  // With few epochs several rungs would be after the same one: one of them cuts.
  const distinct = [...new Set(after)].filter((rung) => rung < epochs);
  return distinct.map((rung, place) => ({ epochs: rung, keep: elementAt(counts, place + 1) }));
}

/** That a trial is trained which is not stopped: of all the same. */
function epochsOf({ trials }: SweepPlan): number {
  return Number(elementAt(trials, 0).settings['epochs']);
}

/** The best validation gloss accuracy of a training's first epochs; undefined where it has not done one of them. */
export function accuracyWithin(log: readonly TrainingLogRow[], epochs: number): number | undefined {
  const accuracies = log.flatMap(({ epoch, gloss_acc }) => (epoch <= epochs ? [gloss_acc] : []));
  return accuracies.length === 0 ? undefined : Math.max(...accuracies);
}

/** Means that differ by less are equal: those of the same accuracies in another order. */
const EQUAL = 1e-9;

/**
 * The points that go on after a rung, in their order: those with the highest means, of equal ones the first.
 * @param accuracies of each point's trials; undefined for one that failed, whose point goes on nowhere.
 */
export function pointsThatGoOn(accuracies: ReadonlyMap<number, readonly (number | undefined)[]>, keep: number): readonly number[] {
  const means = [...accuracies].flatMap(([point, values]) => {
    const known = values.filter((value) => value !== undefined);
    const mean = known.reduce((sum, value) => sum + value, 0) / known.length;
    return known.length < values.length ? [] : [{ point, mean: Math.round(mean / EQUAL) }];
  });
  const best = means.toSorted((one, other) => other.mean - one.mean).slice(0, keep);
  return best.map(({ point }) => point).sort((one, other) => one - other);
}

/** What is said of the rungs below a table. */
export function halvingLine(plan: SweepPlan): string {
  const rungs = rungsOf(plan);
  const parts = rungs.map(({ epochs, keep }) => `${keep} after ${epochs}`);
  if (parts.length === 0) return 'Successive halving: there are too few epochs to stop a point early.';
  return `Successive halving: of ${plan.points.length} points the best go on, by the means of their trials: ${parts.join(', ')} of ${epochsOf(plan)} epochs.`;
}
