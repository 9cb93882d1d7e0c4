import { countNotFinite } from '../foundation/finite';
import { UserError } from '../foundation/errors';
import type { StepResult } from '../engine/program';
import type { SavedPoint } from './progress';
import type { TrainingRun } from './run';

/** The values of a tensor that is about to be written. */
export type NamedValues = readonly [name: string, values: Float32Array];

/**
 * Why a training cannot go on: a number in it is no longer finite.
 * @param happened what was found, and where in the training.
 * @returns an error of one line: what happened, what lies on disk, and what to try.
 */
export function notFiniteError({ files, lastSaved, settings, schedule }: TrainingRun, happened: string): UserError {
  const kept = lastSaved === undefined ? 'nothing is saved yet' : `${files.last} holds ${stateText(lastSaved)}`;
  const advice =
    settings.grad_clip === null ? 'a lower --lr, or with --grad-clip 1; a resumed one keeps both' : 'a lower --lr; a resumed one keeps it';
  return new UserError(
    `${happened} (learning rate ${schedule.learningRate}); nothing of that was saved: ${kept}. ` + `Start a new training with ${advice}`,
  );
}

/** What of a training step was not finite. */
export function stepFault({ loss, gradientNorm }: StepResult): string {
  if (!Number.isFinite(loss)) return `the loss became ${loss}`;
  if (gradientNorm !== undefined && !Number.isFinite(gradientNorm)) return `the norm of the gradient became ${gradientNorm}`;
  return "a step's size or a running statistic became too large for float32";
}

/** The first of some tensors with a value that is not finite, as a text; undefined where all are finite. */
export function firstNotFinite(tensors: Iterable<NamedValues>): string | undefined {
  for (const [name, values] of tensors) {
    const count = countNotFinite(values);
    if (count > 0) return `${name} (${count} of ${values.length} values)`;
  }
  return undefined;
}

function stateText({ epochs, batches }: SavedPoint): string {
  const counted = (count: number, one: string, many: string): string => `${count} ${count === 1 ? one : many}`;
  if (batches > 0) return `the state after ${counted(batches, 'batch', 'batches')} of epoch ${epochs + 1}`;
  return epochs === 0 ? 'the state before the first epoch' : `the state after epoch ${epochs}`;
}
