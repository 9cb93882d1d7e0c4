import { appendFileSync } from 'node:fs';
import { replaceFile } from '../foundation/atomic-file';
import { whileWriting } from '../foundation/file-system-problem';
import { linesOf } from '../foundation/text';
import { readTextIfThere } from '../foundation/regular-file';
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

/** Most bytes of a `metrics.jsonl` that is read: that of half a million epochs. */
export const LARGEST_METRICS = 256_000_000;

/** `metrics.jsonl`: one JSON object an epoch. */
export class MetricsLog {
  /** @param lastEpoch lines after it are dropped, as in the training log. */
  constructor(
    private readonly file: string,
    lastEpoch: number,
  ) {
    const text = readTextIfThere(file, LARGEST_METRICS);
    if (text === undefined) return;
    replaceFile(file, (append) => {
      for (const line of linesOf(text)) if (epochOf(line) <= lastEpoch) append(`${line}\n`);
    });
  }

  append(metrics: EpochMetrics): void {
    whileWriting(this.file, () => {
      appendFileSync(this.file, `${JSON.stringify(metrics)}\n`);
    });
  }
}

/** The epoch of a line of `metrics.jsonl`; Infinity for a line that is none: one that was cut off by a crash is dropped. */
function epochOf(line: string): number {
  try {
    const parsed: unknown = JSON.parse(line);
    const epoch = typeof parsed === 'object' && parsed !== null && 'epoch' in parsed ? parsed.epoch : undefined;
    return typeof epoch === 'number' ? epoch : Infinity;
  } catch {
    return Infinity;
  }
}
