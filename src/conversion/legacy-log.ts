import { parseCsvTable, type CsvRow } from '../data/csv-table';
import { UserError } from '../foundation/errors';
import { countLines } from '../foundation/text';
import { readRegularText } from '../foundation/regular-file';
import { MOST_LOGGED_EPOCHS, type TrainingLogRow } from '../folder/training-log';

/** The log of a training, and what its comments say of the settings. */
export interface LegacyLog {
  readonly rows: readonly TrainingLogRow[];
  /** By name as the comments have it, in small letters with underscores: `batch_size`, `learning_rate`. */
  readonly settings: Readonly<Record<string, number | string>>;
}

const LARGEST_LOG = 64_000_000;
const COLUMNS = ['epoch', 'train_loss', 'val_loss', 'lr'] as const;
/** The PyTorch pipeline's names of the accuracies, and Kumpas's. */
const ACCURACIES = { gloss_acc: ['val_gloss_acc', 'gloss_acc'], cat_acc: ['val_cat_acc', 'cat_acc'] } as const;

/**
 * Reads the log of the PyTorch pipeline (a CSV behind comment lines, with more columns than Kumpas keeps), or one of Kumpas. That pipeline logs the learning
 * rate of the epoch that comes next: here each row gets the rate that its epoch was trained with.
 * @throws UserError that names the file, and the line and column that is wrong.
 */
export function readLegacyLog(file: string): LegacyLog {
  return parseLegacyLog(readText(file), file);
}

/** {@link readLegacyLog} for a text that is at hand. */
export function parseLegacyLog(text: string, file: string): LegacyLog {
  refuseMany(text, file);
  const lines = text.replace(/^\uFEFF/, '').split(/\r?\n/);
  const isComment = (line: string): boolean => /^"?\s*#/.test(line);
  const settings = Object.fromEntries(lines.filter(isComment).flatMap(settingsIn));
  const table = parseCsvTable(lines.map((line) => (isComment(line) ? '' : line)).join('\n'), file, COLUMNS);
  const [problem] = table.problems;
  if (problem !== undefined) throw new UserError(`${file}: ${problem.problem}`);
  const rows = table.rows.map((row) => rowOf(row, file));
  const ownLog = table.rows[0]?.cell('val_gloss_acc') === undefined;
  return { rows: ownLog ? rows : withRatesUsed(rows, settings), settings };
}

function readText(file: string): string {
  try {
    return readRegularText(file, LARGEST_LOG);
  } catch (error) {
    if (error instanceof UserError)
      throw new UserError(`--log ${file}: cannot be read: ${error.message.replace(`${file}: `, '')}`, { cause: error });
    throw error;
  }
}

/** Before anything is made of the lines. */
function refuseMany(text: string, file: string): void {
  const count = countLines(text);
  if (count > MOST_LOGGED_EPOCHS)
    throw new UserError(
      `${file}: it has ${count} lines, and no training has more than ${MOST_LOGGED_EPOCHS} epochs; is it the right file?`,
    );
}

/**
 * `# Training Configuration: epochs=30, batch_size=32` and `# Learning Rate: 0.0003, Weight Decay: 0.0`: of each `=` or `:` the words before it and the value after it.
 * From one to the next, and never back beyond the last value, so that a line of any length is gone through once.
 */
function settingsIn(comment: string): [string, number | string][] {
  const settings: [string, number | string][] = [];
  let free = 0;
  for (const { index } of comment.matchAll(/[=:]/g)) {
    const name = wordsBefore(comment, index, free);
    VALUE.lastIndex = index + 1;
    const value = VALUE.exec(comment)?.[1];
    if (name === '' || value === undefined) continue;
    free = VALUE.lastIndex;
    const key = name.toLowerCase().replaceAll(/\s+/g, '_');
    if (key !== '__proto__') settings.push([key, Number.isNaN(Number(value)) ? value : Number(value)]);
  }
  return settings;
}

const VALUE = /\s*([^\s,"=:]+)(?=[\s,"]|$)/y;

/** The words that a text has just before a place, from their first letter on. */
function wordsBefore(text: string, place: number, from: number): string {
  let end = place;
  while (end > from && /\s/.test(text.charAt(end - 1))) end--;
  let start = end;
  while (start > from && /[A-Za-z_ ]/.test(text.charAt(start - 1))) start--;
  while (start < end && !/[A-Za-z]/.test(text.charAt(start))) start++;
  return text.slice(start, end);
}

function rowOf(row: CsvRow, file: string): TrainingLogRow {
  const numberAt = (columns: readonly string[]): number => {
    const cell = columns.map((column) => row.cell(column)).find((found) => found !== undefined);
    const number = cell === undefined || cell === '' ? NaN : Number(cell.replace(/^(-?)inf(inity)?$/i, '$1Infinity'));
    if (cell === undefined || (Number.isNaN(number) && cell.toLowerCase() !== 'nan'))
      throw new UserError(
        `${file}: line ${row.line}: expected a number in the column ${columns.join(' or ')}, found ${JSON.stringify(cell ?? '')}`,
      );
    return number;
  };
  const epoch = numberAt(['epoch']);
  if (!Number.isSafeInteger(epoch) || epoch < 0)
    throw new UserError(`${file}: line ${row.line}: expected the number of an epoch, found ${epoch}`);
  return {
    epoch,
    train_loss: numberAt(['train_loss']),
    val_loss: numberAt(['val_loss']),
    gloss_acc: numberAt(ACCURACIES.gloss_acc),
    cat_acc: numberAt(ACCURACIES.cat_acc),
    lr: numberAt(['lr']),
  };
}

/** The rate of an epoch is the one that was logged an epoch before; the first one's is in the comments, else its own is taken. */
function withRatesUsed(rows: readonly TrainingLogRow[], { learning_rate: first }: LegacyLog['settings']): TrainingLogRow[] {
  return rows.map((row, index) => {
    const before = rows[index - 1];
    if (before?.epoch === row.epoch - 1) return { ...row, lr: before.lr };
    return index === 0 && typeof first === 'number' ? { ...row, lr: first } : row;
  });
}
