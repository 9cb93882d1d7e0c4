import { existsSync, readFileSync } from 'node:fs';
import { replaceText } from '../foundation/atomic-file';
import { UserError } from '../foundation/errors';

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
 * @throws UserError where the file is not such a log.
 */
export function readTrainingLog(file: string): TrainingLogRow[] {
  const [header, ...lines] = readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => line.trim() !== '');
  if (header?.trim() !== COLUMNS.join(','))
    throw new UserError(`${file}: expected the columns ${COLUMNS.join(',')}, found ${header ?? 'nothing'}`);
  return lines.map((line, index) => {
    const [epoch = NaN, train_loss = NaN, val_loss = NaN, gloss_acc = NaN, cat_acc = NaN, lr = NaN] = line.split(',').map(Number);
    if (!Number.isInteger(epoch)) throw new UserError(`${file}, line ${index + 2}: expected an epoch's figures, found "${line}"`);
    return { epoch, train_loss, val_loss, gloss_acc, cat_acc, lr };
  });
}
