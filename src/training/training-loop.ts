import { memoryUsage } from 'node:process';
import { setImmediate } from 'node:timers/promises';
import type { Batch } from '../data/batch';
import { ReadingError } from '../data/data-error';
import { valuesNamed } from '../engine/parameters';
import type { StepResult } from '../engine/program';
import { tensorCount } from '../engine/tensorflow';
import { predictedClasses } from '../evaluation/metrics';
import { clipsNotFinite, collectOutputs, outputsOf, scoreSplit, type SplitScores } from '../evaluation/split-outputs';
import type { EpochMetrics, TrainingLogRow } from '../folder/training-log';
import { required } from '../foundation/required';
import type { TrainingEnd } from './events';
import { classTargets } from './class-weights';
import { changesLossWeights, type LossWeights } from './curriculum';
import { NotFinite } from './not-finite';
import { copyOf, EpochClock, hasStoppedEarly, noSums, type EpochSums, type Progress } from './progress';
import { recover } from './recovery';
import type { TrainingRun } from './run';
import { clipsLeftOut, leavingOut, stopForClip, validationLeft } from './unreadable-clips';

/**
 * Trains a prepared run to its last epoch; one that has ended already is left as it is. After each epoch the checkpoints, the logs and the folder's README
 * are on disk; when `signal` is aborted the step ends, the state is saved, and a resumed run goes on with the very next batch.
 * @throws UserError where a number in it is no longer finite; what was saved before stays, and is finite.
 */
export async function trainEpochs(run: TrainingRun, signal: AbortSignal): Promise<TrainingEnd> {
  const { settings, learner, folder, report } = run;
  const { progress, schedule } = learner;
  if (run.ended !== undefined) return run.ended;
  if (folder.lastSaved === undefined) folder.saveLast(learner);
  const clock = new EpochClock(run.clock, settings.epochs - progress.completedEpochs);
  while (progress.completedEpochs < settings.epochs) {
    const epoch = progress.completedEpochs + 1;
    report({ kind: 'epoch-start', epoch, epochs: settings.epochs });

    const validation = await trainAndValidate(run, epoch, clock, signal);
    if (validation === 'interrupted') {
      folder.saveLast(learner);
      return 'interrupted';
    }
    if (validation === 'taken back') continue;
    const { learningRate } = learner; // At the epoch's end: where the rate changes within it, a resumed run finds the same.

    const { sums } = progress;
    const { lossWeights } = learner;
    const glossAccuracy = validation.scores.gloss.accuracy;
    const best = glossAccuracy > progress.bestMetric;
    if (best) Object.assign(progress, { bestMetric: glossAccuracy, bestEpoch: epoch });
    schedule.endEpoch(glossAccuracy);
    Object.assign(progress, { completedEpochs: epoch, batchesDone: 0, sums: noSums() });

    const row = logRow(epoch, learningRate, sums, validation);
    const leftOut = clipsLeftOut(run);
    const metrics = {
      ...row,
      ...lossWeights,
      ...furtherMetrics(sums, validation, clock, best),
      ...(leftOut === 0 ? {} : { clips_left_out: leftOut }),
    };
    folder.recordEpoch(row, metrics, learner);
    report({
      kind: 'epoch-end',
      epoch,
      epochs: settings.epochs,
      trainLoss: row.train_loss,
      valLoss: row.val_loss,
      glossAccuracy,
      categoryAccuracy: row.cat_acc,
      learningRate,
      ...(changesLossWeights(settings) ? { lossWeights } : {}),
      gradientNorm: metrics.gradient_norm,
      memoryMb: metrics.memory_mb,
      seconds: clock.epochSeconds,
      clipsPerSecond: clock.clipsPerSecond(sums.clips),
      best,
      bestGlossAccuracy: progress.bestMetric,
      bestEpoch: progress.bestEpoch,
      etaSeconds: clock.etaSeconds,
      ...(leftOut === 0 ? {} : { clipsLeftOut: leftOut }),
    });

    if (hasStoppedEarly(progress, settings.early_stop)) return 'stopped early';
    if (signal.aborted && epoch < settings.epochs) return 'interrupted';
  }
  return 'finished';
}

/** Trains an epoch and validates it; where a number in it is not finite, and that is asked for, the training is taken back to its last saved state. */
async function trainAndValidate(
  run: TrainingRun,
  epoch: number,
  clock: EpochClock,
  signal: AbortSignal,
): Promise<Validation | 'interrupted' | 'taken back'> {
  clock.startTraining();
  const reached = { updated: copyOf(run.learner.progress) };
  try {
    return await run.folder.whileSaving(async () => {
      if (await trainEpoch(run, epoch, clock, signal, reached)) return 'interrupted';
      clock.startValidation();
      const validation = await validate(run, epoch);
      clock.endEpoch();
      return validation;
    });
  } catch (error) {
    if (error instanceof ReadingError) throw stopForClip(run, error, reached.updated);
    recover(run, error, reached.updated);
    return 'taken back';
  }
}

/**
 * Trains on the batches of an epoch that are still to do.
 * @param reached is told where the training was after each whole update.
 * @returns whether it was interrupted by the signal, after a whole update.
 */
async function trainEpoch(
  run: TrainingRun,
  epoch: number,
  clock: EpochClock,
  signal: AbortSignal,
  reached: { updated: Progress },
): Promise<boolean> {
  const { settings, data, learner, folder, report } = run;
  const { progress } = learner;
  const plans = data.train.plan(epoch);
  const clipsBefore = progress.sums.clips;
  let savedAt = clock.elapsed();
  const batches = data.train.batches.epoch(plans.slice(progress.batchesDone), leavingOut(run, 'train'));
  for await (const batch of clock.countingWaits(batches)) {
    const update = updateOf(progress.batchesDone, plans.length, settings.accumulation_steps);
    const place = `in epoch ${epoch}, batch ${progress.batchesDone + 1} of ${plans.length}`;
    const clips = batch.indices.map((index) => required(data.train.set.entries[index], 'a clip of the batch').name);
    const result = await folder.whileStepping(learner, () => learner.step(batch, update), { place, step: progress.step + 1, clips });
    progress.step++;
    progress.batchesDone++;
    count(progress.sums, batch, result);
    report({
      kind: 'step',
      batch: progress.batchesDone,
      batches: plans.length,
      loss: progress.sums.loss / Math.max(1, progress.sums.clips),
      clipsPerSecond: (progress.sums.clips - clipsBefore) / Math.max(clock.elapsed(), 1e-3),
      memoryMb: residentMegabytes(),
    });

    await setImmediate(); // Lets a Ctrl-C in where steps are not captured, which block.
    if (!update.apply) continue;
    reached.updated = copyOf(progress);
    if (progress.batchesDone === plans.length) continue;
    if (signal.aborted) return true;
    folder.requireSaved();
    if (clock.elapsed() - savedAt > settings.save_every_minutes * 60) {
      await folder.saveLastMeanwhile(learner);
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

function count(sums: EpochSums, batch: Batch, { loss, outputs, gradientNorm }: StepResult): void {
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

interface Validation {
  /** Mean over the validation clips, of the loss that is trained on. */
  readonly loss: number;
  readonly scores: SplitScores;
}

/** Scores the model as it is now on the validation clips. @throws UserError where what it gives is not finite: no score of that would mean anything. */
async function validate(run: TrainingRun, epoch: number): Promise<Validation> {
  const { learner, folder } = run;
  const { validation } = run.data;
  const batches = validation.batches.epoch(validation.plan(0), leavingOut(run, 'validation'));
  const targets = classTargets(validation.set);
  const all = await learner.whileJudged(() => collectOutputs(validation.set, batches, (batch) => learner.evaluate(batch, targets)));
  const outputs = outputsOf(validationLeft(run), all);
  folder.whileFinite(learner, () => {
    const broken = clipsNotFinite(all, validation.set);
    if (broken !== undefined) throw new NotFinite(`in the validation after epoch ${epoch} the model gave ${broken}`);
  });
  return { loss: outputs.losses.reduce((total, loss) => total + loss, 0) / outputs.clips, scores: scoreSplit(outputs) };
}

function logRow(epoch: number, lr: number, sums: EpochSums, { loss, scores }: Validation): TrainingLogRow {
  const { gloss, category } = scores;
  return { epoch, train_loss: sums.loss / sums.clips, val_loss: loss, gloss_acc: gloss.accuracy, cat_acc: category.accuracy, lr };
}

function furtherMetrics(
  sums: EpochSums,
  { scores }: Validation,
  clock: EpochClock,
  best: boolean,
): Omit<EpochMetrics, keyof TrainingLogRow | keyof LossWeights> {
  return {
    train_gloss_acc: sums.glossCorrect / sums.clips,
    train_cat_acc: sums.categoryCorrect / sums.clips,
    gloss_top5_acc: scores.gloss.top5Accuracy,
    best,
    gradient_norm: sums.gradientNorm / Math.max(1, sums.updates),
    updates: sums.updates,
    train_seconds: clock.trainSeconds,
    val_seconds: clock.validationSeconds,
    data_wait_seconds: clock.waitSeconds,
    train_clips_per_second: clock.clipsPerSecond(sums.clips),
    memory_mb: residentMegabytes(),
    tensors: tensorCount(),
  };
}

/** Resident memory of the process. */
function residentMegabytes(): number {
  return Math.round(memoryUsage.rss() / 1e6);
}
