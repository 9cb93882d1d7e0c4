import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import { replaceText } from '../foundation/atomic-file';
import { whileWriting } from '../foundation/file-system-problem';
import type { TrainingLogRow } from './training-log';

/** A line of `metrics.jsonl`: what `training_log.txt` says of an epoch, and more. */
export interface EpochMetrics extends TrainingLogRow {
  readonly train_gloss_acc: number;
  readonly train_cat_acc: number;
  readonly gloss_top5_acc: number;
  readonly best: boolean;
  /** Mean over the epoch's updates of the gradient's global norm, before clipping. */
  readonly gradient_norm: number;
  readonly updates: number;
  readonly train_seconds: number;
  readonly val_seconds: number;
  readonly train_clips_per_second: number;
  /** Resident memory of the process at the end of the epoch, in megabytes. */
  readonly memory_mb: number;
  /** Tensors that TensorFlow.js holds at the end of the epoch; a number that grows is a leak. */
  readonly tensors: number;
}

/** `metrics.jsonl`: one JSON object an epoch. */
export class MetricsLog {
  /** @param lastEpoch lines after it are dropped, as in the training log. */
  constructor(
    private readonly file: string,
    lastEpoch: number,
  ) {
    if (!existsSync(file)) return;
    const lines = readFileSync(file, 'utf8')
      .split('\n')
      .filter((line) => epochOf(line) <= lastEpoch);
    replaceText(file, lines.map((line) => `${line}\n`).join(''));
  }

  append(metrics: EpochMetrics): void {
    whileWriting(this.file, () => {
      appendFileSync(this.file, `${JSON.stringify(metrics)}\n`);
    });
  }
}

/** Infinity for a line that is none: one that was cut off by a crash is dropped. */
function epochOf(line: string): number {
  try {
    const parsed: unknown = JSON.parse(line);
    const epoch = typeof parsed === 'object' && parsed !== null && 'epoch' in parsed ? parsed.epoch : undefined;
    return typeof epoch === 'number' ? epoch : Infinity;
  } catch {
    return Infinity;
  }
}
