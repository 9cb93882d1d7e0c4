import { memoryUsage } from 'node:process';
import { tensorCount } from '../engine/scope';
import { replaceText } from '../foundation/atomic-file';
import { keepHandWritten, LARGEST_PAGE } from '../folder/hand-written';
import { readTextIfThere } from '../foundation/regular-file';
import type { EpochClock } from './epoch-clock';
import type { EpochSums } from './progress';
import type { TrainingRun } from './run';
import { runReadme } from '../folder/readme';
import { saveBest, saveLast } from './save-run';
import type { TrainingLogRow } from '../folder/training-log';
import type { Validation } from './validate';

/** What an epoch came to. */
export interface EpochResult {
  readonly epoch: number;
  readonly learningRate: number;
  readonly sums: EpochSums;
  readonly validation: Validation;
  readonly better: boolean;
}

/**
 * Puts an epoch on disk and tells it. The order lets a run be killed at any point: the best checkpoint first, `_last.pt` at the end, so that whatever a
 * killed run had written beyond its last checkpoint is done again and written again, the same.
 * @throws FileSystemProblem where the folder was taken away, or something cannot be written into it.
 */
export function recordEpoch(run: TrainingRun, result: EpochResult, clock: EpochClock): void {
  const row = logRow(result);
  run.place.requireThere();
  if (result.better) saveBest(run);
  run.log.append(row);
  run.metrics.append({ ...row, ...furtherMetrics(result, clock) });
  saveLast(run, { sameAsBest: result.better });
  writeReadme(run);
  run.reporter.report({
    kind: 'epoch-end',
    epoch: row.epoch,
    epochs: run.settings.epochs,
    trainLoss: row.train_loss,
    valLoss: row.val_loss,
    glossAccuracy: row.gloss_acc,
    categoryAccuracy: row.cat_acc,
    learningRate: row.lr,
    seconds: clock.epochSeconds,
    clipsPerSecond: result.sums.clips / Math.max(clock.trainSeconds, 1e-3),
    best: result.better,
    bestGlossAccuracy: run.progress.bestMetric,
    bestEpoch: run.progress.bestEpoch,
    etaSeconds: clock.etaSeconds,
  });
}

/** Writes the model folder's README.md from the log as it stands; what a person wrote between its marks stays. */
export function writeReadme(run: TrainingRun): void {
  const { rows } = run.log;
  const noBest =
    rows.length === 0 ? 'No epoch has ended yet.' : 'No epoch here was better than the checkpoint that this training went on from.';
  const best = rows.find(({ epoch }) => epoch === run.progress.bestEpoch) ?? noBest;
  const page = runReadme(run.record, best, run.model.definition.checkpointName);
  const { readme } = run.files;
  run.place.requireThere();
  const old = readTextIfThere(readme, LARGEST_PAGE);
  replaceText(readme, old === undefined ? page : keepHandWritten(page, old));
}

function logRow({ epoch, learningRate, sums, validation }: EpochResult): TrainingLogRow {
  return {
    epoch,
    train_loss: sums.loss / sums.clips,
    val_loss: validation.loss,
    gloss_acc: validation.scores.gloss.accuracy,
    cat_acc: validation.scores.category.accuracy,
    lr: learningRate,
  };
}

function furtherMetrics(
  { sums, validation, better }: EpochResult,
  clock: EpochClock,
): Omit<Parameters<TrainingRun['metrics']['append']>[0], keyof TrainingLogRow> {
  return {
    train_gloss_acc: sums.glossCorrect / sums.clips,
    train_cat_acc: sums.categoryCorrect / sums.clips,
    gloss_top5_acc: validation.scores.gloss.top5Accuracy,
    best: better,
    gradient_norm: sums.gradientNorm / Math.max(1, sums.updates),
    updates: sums.updates,
    train_seconds: clock.trainSeconds,
    val_seconds: clock.validationSeconds,
    train_clips_per_second: sums.clips / Math.max(clock.trainSeconds, 1e-3),
    memory_mb: Math.round(memoryUsage.rss() / 1e6),
    tensors: tensorCount(),
  };
}
