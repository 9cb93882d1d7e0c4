import { setImmediate } from 'node:timers/promises';
import { valuesNamed, type NamedArrays } from '../engine/named-tensors';
import type { Batch } from '../data/batch';
import { predictedClasses } from '../evaluation/metrics';
import type { EpochClock } from './epoch-clock';
import { notFiniteError, stepFault } from './not-finite';
import type { TrainingRun } from './run';
import { saveLast } from './save-run';
import { stepInputs } from './step-definition';

/**
 * Trains on the batches of one epoch that are still to do, counting in `run.progress`.
 * @returns whether it was interrupted by the signal, after a whole update.
 * @throws UserError where the loss, the gradient or the step is not finite: that step has changed nothing.
 */
export async function trainEpoch(run: TrainingRun, epoch: number, clock: EpochClock, signal: AbortSignal): Promise<boolean> {
  const { settings, progress, program, schedule, reporter } = run;
  const plans = run.train.plan(epoch);
  const clipsBefore = progress.sums.clips;
  let savedAt = clock.elapsed();
  for await (const batch of run.train.batches.epoch(plans.slice(progress.batchesDone))) {
    const update = updateOf(progress.batchesDone, plans.length, settings.accumulation_steps);
    const result = program.trainStep(stepInputs(batch, { ...run.stepOptions, randomSeed: [settings.seed, progress.step] }), {
      learningRate: schedule.learningRate,
      ...update,
    });
    if (!result.finite)
      throw notFiniteError(run, `${stepFault(result)} in epoch ${epoch}, batch ${progress.batchesDone + 1} of ${plans.length}`);
    progress.step++;
    progress.batchesDone++;
    count(run, batch, result.loss, result.outputs, result.gradientNorm);
    const { sums } = progress;
    const clipsPerSecond = (sums.clips - clipsBefore) / Math.max(clock.elapsed(), 1e-3);
    reporter.report({ kind: 'step', batch: progress.batchesDone, batches: plans.length, loss: sums.loss / sums.clips, clipsPerSecond });

    await setImmediate(); // Lets a Ctrl-C in between native calls, which block.
    const epochIsDone = progress.batchesDone === plans.length;
    if (!update.apply || epochIsDone) continue;
    if (signal.aborted) return true;
    if (clock.elapsed() - savedAt > settings.save_every_minutes * 60) {
      saveLast(run);
      savedAt = clock.elapsed();
    }
  }
  return false;
}

/** Whether the gradient is applied after this batch, and the share of it: the last update of an epoch may gather fewer batches. */
export function updateOf(batchIndex: number, batches: number, accumulationSteps: number): { gradientScale: number; apply: boolean } {
  const groupStart = batchIndex - (batchIndex % accumulationSteps);
  const groupEnd = Math.min(groupStart + accumulationSteps, batches);
  return { gradientScale: 1 / (groupEnd - groupStart), apply: batchIndex + 1 === groupEnd };
}

function count(run: TrainingRun, batch: Batch, loss: number, outputs: NamedArrays, gradientNorm: number | undefined): void {
  const { sums } = run.progress;
  const correct = (name: string, targets: Int32Array): number => {
    const predicted = predictedClasses(valuesNamed(outputs, name) as Float32Array, batch.size);
    return targets.subarray(0, batch.count).reduce((hits, target, row) => hits + (predicted[row] === target ? 1 : 0), 0);
  };
  sums.clips += batch.count;
  sums.loss += loss * batch.count;
  sums.glossCorrect += correct('gloss_logits', batch.gloss);
  sums.categoryCorrect += correct('category_logits', batch.category);
  if (gradientNorm === undefined) return;
  sums.gradientNorm += gradientNorm;
  sums.updates++;
}
