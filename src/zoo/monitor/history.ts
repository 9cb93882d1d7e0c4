import { z } from 'zod';
import { parseCsvTable, csvText } from '../../data/csv-table';
import { compareModels, type ComparedModel } from '../../evaluation/compare/comparison';
import { HEADS, type HeadName } from '../../evaluation/result';
import { replaceText } from '../../foundation/atomic-file';
import { UserError } from '../../foundation/errors';
import { readTextIfThere } from '../../foundation/regular-file';
import { elementAt } from '../../foundation/required';

/** The file of a model folder that keeps how the model did on data that came later. */
export const HISTORY_FILE = 'performance_history.csv';
/** The same as a picture. */
export const HISTORY_PICTURE = 'performance_history.png';

/** What an evaluation on new data came to, beside the model's own. */
const VERDICTS = ['drop_gloss', 'drop_category', 'drop_both', 'within_interval', 'unchanged', 'no_reference'] as const;
/** What it was set against: both intervals, the very same clips, or nothing. */
const BASES = ['intervals', 'paired', 'none'] as const;

const share = z.coerce.number().min(0).max(1);
const text = z.string().min(1).max(1000);
const rowSchema = z.object({
  date: z.iso.datetime(),
  version: text,
  data: text,
  fingerprint: z.string().regex(/^[0-9a-f]{16,64}$/),
  clips: z.coerce.number().int().positive(),
  gloss_acc: share,
  gloss_low: share,
  gloss_high: share,
  cat_acc: share,
  cat_low: share,
  cat_high: share,
  f1_weighted: share,
  expected_calibration_error: share,
  verdict: z.enum(VERDICTS),
  basis: z.enum(BASES),
});
const COLUMNS = Object.keys(rowSchema.shape) as (keyof HistoryRow)[];

/** A line of the history. Shares are from 0 to 1, F1 and calibration those of the glosses. */
export type HistoryRow = z.infer<typeof rowSchema>;

const MOST_BYTES = 16 * 1024 * 1024;
const MOST_FAULTS = 50;

/**
 * Reads a history; no rows where there is none yet.
 * @throws UserError that lists what is wrong with it, up to 50 things.
 */
export function readHistory(file: string): HistoryRow[] {
  const text = readTextIfThere(file, MOST_BYTES);
  if (text === undefined) return [];
  const { rows, problems } = parseCsvTable(text, file, COLUMNS);
  const wrong = problems.map(({ problem }) => problem);
  const read: HistoryRow[] = [];
  for (const row of rows) {
    if (wrong.length >= MOST_FAULTS) break;
    const empty = COLUMNS.filter((column) => (row.cell(column) ?? '') === '');
    const checked = rowSchema.safeParse(Object.fromEntries(COLUMNS.map((column) => [column, row.cell(column) ?? ''])));
    if (empty.length === 0 && checked.success) {
      read.push(checked.data);
      continue;
    }
    const faults = empty.length > 0 ? empty.map((column) => `${column} is empty`) : issuesOf(checked.error);
    for (const fault of faults) wrong.push(`line ${row.line}: ${fault}`);
  }
  if (wrong.length === 0) return read;
  const lines =
    wrong.length < MOST_FAULTS ? wrong : [...wrong.slice(0, MOST_FAULTS), 'there may be more: the lines below were not looked at'];
  throw new UserError(
    [`${file}: it is no history as \`npm run models -- monitor\` writes it; mend it, or move it away to begin anew`, ...lines].join('\n'),
  );
}

function issuesOf(error: z.ZodError | undefined): string[] {
  return (error?.issues ?? []).map(({ path: [column], message }) => `${String(column)}: ${message}`);
}

/**
 * The history with a row more, which takes the place of an earlier one of the same version on the same data.
 * @returns the rows, and the one that went.
 */
export function withRow(
  rows: readonly HistoryRow[],
  row: HistoryRow,
): { readonly rows: HistoryRow[]; readonly replaced: HistoryRow | undefined } {
  const isSame = ({ version, fingerprint }: HistoryRow): boolean => version === row.version && fingerprint === row.fingerprint;
  return { rows: [...rows.filter((other) => !isSame(other)), row], replaced: rows.find(isSame) };
}

/** Writes a history, whole or not at all. */
export function writeHistory(file: string, rows: readonly HistoryRow[]): void {
  replaceText(file, csvText([COLUMNS, ...rows.map((row) => COLUMNS.map((column) => row[column]))]));
}

/** How a head does on new data, beside the model's own evaluation. */
export interface HeadChange {
  readonly now: number;
  readonly before: number;
  /** Accuracy now less before. */
  readonly difference: number;
  /** Its 95 % interval; undefined where the clips are the same, and paired. */
  readonly interval: { readonly low: number; readonly high: number } | undefined;
  /** Of McNemar's exact test, where the clips are the same. */
  readonly p: number | undefined;
  /** Whether it is lower by more than chance would explain. */
  readonly drop: boolean;
}

/** What an evaluation on new data means. */
export interface DropJudgement {
  readonly verdict: HistoryRow['verdict'];
  readonly basis: HistoryRow['basis'];
  /** Undefined where the model has no evaluation of its own. */
  readonly heads: Readonly<Record<HeadName, HeadChange>> | undefined;
}

/**
 * Sets an evaluation on new data against the model's own. Of the same clips the predictions are paired (McNemar's exact test); else the difference of the two
 * accuracies has an interval made of both their Wilson intervals (Newcombe 1998, method 10), and a drop is one whose whole interval is below 0.
 * @param own undefined where the model has none.
 */
export function judgeDrop(own: ComparedModel | undefined, now: ComparedModel): DropJudgement {
  if (own === undefined) return { verdict: 'no_reference', basis: 'none', heads: undefined };
  const paired = own.data.fingerprint === now.data.fingerprint;
  const change = paired ? pairedChanges(own, now) : (head: HeadName): HeadChange => changeOf(own, now, head);
  const heads = { gloss: change('gloss'), category: change('category') };
  const same = paired && HEADS.every((head) => heads[head].difference === 0);
  return { verdict: dropOf(heads) ?? (same ? 'unchanged' : 'within_interval'), basis: paired ? 'paired' : 'intervals', heads };
}

function dropOf({ gloss, category }: Readonly<Record<HeadName, HeadChange>>): DropJudgement['verdict'] | undefined {
  if (gloss.drop && category.drop) return 'drop_both';
  return gloss.drop ? 'drop_gloss' : category.drop ? 'drop_category' : undefined;
}

/** Whether a head dropped. */
export function isDrop(verdict: DropJudgement['verdict'], head: HeadName): boolean {
  return verdict === 'drop_both' || verdict === `drop_${head}`;
}

function changeOf(own: ComparedModel, now: ComparedModel, head: HeadName): HeadChange {
  const [first, second] = [own.figures[head].accuracy, now.figures[head].accuracy];
  const [before, after] = [wilson(first, own.clips.size), wilson(second, now.clips.size)];
  const difference = second - first;
  const low = difference - Math.hypot(second - after.low, before.high - first);
  const high = difference + Math.hypot(after.high - second, first - before.low);
  return { now: second, before: first, difference, interval: { low, high }, p: undefined, drop: high < 0 };
}

function pairedChanges(own: ComparedModel, now: ComparedModel): (head: HeadName) => HeadChange {
  const contrast = elementAt(compareModels(own, [now], false).contrasts, 0);
  return (head) => {
    const change = changeOf(own, now, head);
    const p = contrast.test[head].p;
    return { ...change, interval: undefined, p, drop: change.difference < 0 && p < 0.05 };
  };
}

const Z = 1.959964;

/** Wilson's 95 % interval of a share of so many clips. */
export function wilson(share: number, clips: number): { readonly low: number; readonly high: number } {
  if (clips === 0) return { low: 0, high: 1 };
  const centre = share + (Z * Z) / (2 * clips);
  const half = Z * Math.sqrt((share * (1 - share)) / clips + (Z * Z) / (4 * clips * clips));
  const scale = 1 + (Z * Z) / clips;
  return { low: Math.max(0, (centre - half) / scale), high: Math.min(1, (centre + half) / scale) };
}
