import { existsSync, appendFileSync } from 'node:fs';
import { replaceText, replaceFile } from '../foundation/atomic-file';
import { UserError } from '../foundation/errors';
import { whileWriting } from '../foundation/file-system-problem';
import { readRegularText, readTextIfThere } from '../foundation/regular-file';
import { countLines, linesOf } from '../foundation/text';

/** A line of `training_log.txt`. */
export interface TrainingLogRow {
  readonly epoch: number;
  /** Mean over the epoch's training clips. */
  readonly train_loss: number;
  readonly val_loss: number;
  readonly gloss_acc: number;
  readonly cat_acc: number;
  /** The rate used in this epoch. */
  readonly lr: number;
}

/** As many epochs as the settings allow. */
export const MOST_LOGGED_EPOCHS = 1_000_000;
const LARGEST_LOG = 128_000_000;
const LONGEST_QUOTED = 200;

const COLUMNS = ['epoch', 'train_loss', 'val_loss', 'gloss_acc', 'cat_acc', 'lr'] as const;

/** `training_log.txt`: one line an epoch, written whole each time, so that it is never half a line and never disagrees with the checkpoint. */
export class TrainingLog {
  private logged: readonly TrainingLogRow[];

  /**
   * @param lastEpoch rows after it are dropped: they belong to what was lost when a run was killed between its log and its checkpoint.
   * @param earlier the rows of the run that this one goes on from, where it does so in another folder.
   */
  constructor(
    private readonly file: string,
    lastEpoch: number,
    earlier: readonly TrainingLogRow[] = [],
  ) {
    const rows = existsSync(file) ? readTrainingLog(file) : earlier;
    this.logged = rows.filter(({ epoch }) => epoch <= lastEpoch);
  }

  get rows(): readonly TrainingLogRow[] {
    return this.logged;
  }

  append(row: TrainingLogRow): void {
    this.logged = [...this.logged, row];
    replaceText(this.file, trainingLogText(this.logged));
  }
}

/** The text of a `training_log.txt`. */
export function trainingLogText(rows: readonly TrainingLogRow[]): string {
  const lines = [COLUMNS.join(','), ...rows.map((line) => COLUMNS.map((column) => String(line[column])).join(','))];
  return `${lines.join('\n')}\n`;
}

/**
 * The rows of a `training_log.txt`.
 * @throws UserError where the file is not such a log, or has more rows than a training can have epochs.
 */
export function readTrainingLog(file: string): TrainingLogRow[] {
  const text = readRegularText(file, LARGEST_LOG);
  if (countLines(text) > MOST_LOGGED_EPOCHS + 1)
    throw new UserError(`${file}: it has more than ${MOST_LOGGED_EPOCHS} rows, and no training has so many epochs; is it the right file?`);
  const rows: TrainingLogRow[] = [];
  let header: string | undefined;
  for (const line of linesOf(text)) {
    if (line.trim() === '') continue;
    if (header === undefined) {
      header = line.trim();
      if (header !== COLUMNS.join(',')) break;
    } else rows.push(rowOf(line, `${file}, line ${rows.length + 2}`));
  }
  if (header === COLUMNS.join(',')) return rows;
  throw new UserError(`${file}: expected the columns ${COLUMNS.join(',')}, found ${header?.slice(0, LONGEST_QUOTED) ?? 'nothing'}`);
}

function rowOf(line: string, place: string): TrainingLogRow {
  const cells = line.split(',', COLUMNS.length).map(Number);
  const [epoch = NaN, train_loss = NaN, val_loss = NaN, gloss_acc = NaN, cat_acc = NaN, lr = NaN] = cells;
  if (!Number.isInteger(epoch) || epoch < 0 || epoch > MOST_LOGGED_EPOCHS)
    throw new UserError(`${place}: expected an epoch's figures, found "${line.slice(0, LONGEST_QUOTED)}"`);
  return { epoch, train_loss, val_loss, gloss_acc, cat_acc, lr };
}

/** A line of `metrics.jsonl`: what `training_log.txt` says of an epoch, and more. */
export interface EpochMetrics extends TrainingLogRow {
  /** The weights that the losses of the gloss and the category head had in this epoch. */
  readonly alpha: number;
  readonly beta: number;
  readonly train_gloss_acc: number;
  readonly train_cat_acc: number;
  readonly gloss_top5_acc: number;
  readonly best: boolean;
  /** Mean over the epoch's updates of the gradient's global norm, before clipping. */
  readonly gradient_norm: number;
  readonly updates: number;
  readonly train_seconds: number;
  readonly val_seconds: number;
  /** How much of `train_seconds` the steps waited for their batches. */
  readonly data_wait_seconds: number;
  readonly train_clips_per_second: number;
  /** Resident memory of the process at the end of the epoch, in megabytes. */
  readonly memory_mb: number;
  /** Tensors that TensorFlow.js holds at the end of the epoch; a number that grows is a leak. */
  readonly tensors: number;
  /** Clips that are left out by now for they cannot be read; absent where there are none. */
  readonly clips_left_out?: number;
}

/** A line of `metrics.jsonl` that is no epoch's: something that happened to the training, so that it can be seen later. */
export interface LoggedIncident {
  readonly event: 'recovered' | 'out of memory' | 'clip left out';
  /** Epochs that were done in full in the state that it went on from. */
  readonly after_epoch: number;
  /** Batches of the next epoch that were done too. */
  readonly after_batch: number;
  /** When, in ISO 8601. */
  readonly time: string;
  /** What happened, and what was done about it. */
  readonly text: string;
}

/** Most bytes of a `metrics.jsonl` that is read: that of half a million epochs. */
export const LARGEST_METRICS = 256_000_000;

/** `metrics.jsonl`: one JSON object an epoch, and one for each {@link LoggedIncident} between them. */
export class MetricsLog {
  /** @param lastEpoch lines after it are dropped, as in the training log. */
  constructor(
    private readonly file: string,
    lastEpoch: number,
  ) {
    const text = readTextIfThere(file, LARGEST_METRICS);
    if (text === undefined) return;
    replaceFile(file, (append) => {
      for (const line of linesOf(text)) {
        const { epoch = Infinity, incident } = metricsLine(line);
        if ((incident?.after_epoch ?? epoch) <= lastEpoch) append(`${line}\n`);
      }
    });
  }

  append(line: EpochMetrics | LoggedIncident): void {
    whileWriting(this.file, () => {
      appendFileSync(this.file, `${JSON.stringify(line)}\n`);
    });
  }
}

/** What a line of `metrics.jsonl` is: of an epoch, or an incident; neither where it was cut off by a crash. */
export function metricsLine(line: string): {
  readonly epoch?: number;
  readonly incident?: Pick<LoggedIncident, 'after_epoch' | 'text'>;
} {
  try {
    const { epoch, event, after_epoch, text } = (JSON.parse(line) ?? {}) as Readonly<Record<string, unknown>>;
    if (typeof event === 'string' && typeof after_epoch === 'number' && typeof text === 'string')
      return { incident: { after_epoch, text } };
    return typeof epoch === 'number' ? { epoch } : {};
  } catch {
    return {};
  }
}
