import { existsSync } from 'node:fs';
import { parseCsvTable, type CsvRow } from '../../data/csv-table';
import { UserError } from '../../foundation/errors';
import { readRegularText } from '../../foundation/regular-file';
import { required } from '../../foundation/required';

/** A class by its id and name. */
interface NamedClass {
  readonly id: number;
  readonly label: string;
}

/** What a head said of a clip. */
export interface StoredChoice {
  readonly truth: NamedClass;
  /** Undefined where the file does not tell it. */
  readonly predicted: NamedClass | undefined;
  /** The probability of the class that was predicted. */
  readonly confidence: number | undefined;
  /** The place of the true class among all, from 1. */
  readonly rankOfTruth: number | undefined;
  readonly correct: boolean;
}

/** What an evaluation found of one clip, as `predictions.csv` has it. */
export interface StoredPrediction {
  /** The clip's name. */
  readonly file: string;
  readonly gloss: StoredChoice;
  /** Undefined where all clips are of one category. */
  readonly category: StoredChoice | undefined;
  /** The likeliest glosses, most likely first; none where the file does not tell them. */
  readonly likeliest: readonly (NamedClass & { readonly probability: number })[];
}

const LARGEST_TABLE = 64_000_000;

/**
 * Reads the `predictions.csv` of an evaluation: a line a clip, in their order.
 * @throws UserError where it is not there, or is no such table.
 */
export function readPredictions(file: string): StoredPrediction[] {
  if (!existsSync(file)) throw new UserError(`${file}: no such file; evaluate the model again`);
  const needed = ['file', 'true_gloss_label', 'true_gloss', 'correct'];
  const { columns, rows, problems } = parseCsvTable(readRegularText(file, LARGEST_TABLE), file, needed);
  const [problem] = problems;
  if (problem !== undefined) throw new UserError(`${problem.file}: ${problem.problem}; evaluate the model again`);
  const hasCategories = columns.includes('true_category');
  return rows.map((row) => ({
    file: required(row.cell('file'), 'the column file'),
    gloss: choiceOf(row, 'gloss', ''),
    category: hasCategories ? choiceOf(row, 'category', 'category_') : undefined,
    likeliest: likeliestOf(row.cell('top5')),
  }));
}

function choiceOf(row: CsvRow, head: string, prefix: string): StoredChoice {
  const predicted = idOf(row.cell(`pred_${head}`));
  return {
    truth: { id: Number(row.cell(`true_${head}`)), label: row.cell(`true_${head}_label`) ?? '' },
    predicted: predicted === undefined ? undefined : { id: predicted, label: row.cell(`pred_${head}_label`) ?? '' },
    confidence: numberOf(row.cell(`${prefix}confidence`)),
    rankOfTruth: numberOf(row.cell(`${prefix}rank_of_truth`)),
    correct: row.cell(`${prefix}correct`) === '1',
  };
}

/** Of `GOOD (3) 0.9120; BAD (4) 0.0500`; a label may have brackets and semicolons of its own. */
function likeliestOf(cell: string | undefined): StoredPrediction['likeliest'] {
  return [...(cell ?? '').matchAll(/(?:^|; )(.*?) \((\d+)\) (\d\.\d{4})(?=; |$)/g)].map(([, label = '', id, probability]) => ({
    id: Number(id),
    label,
    probability: Number(probability),
  }));
}

function idOf(cell: string | undefined): number | undefined {
  return cell !== undefined && /^\d+$/.test(cell) ? Number(cell) : undefined;
}

function numberOf(cell: string | undefined): number | undefined {
  const number = cell === undefined || cell === '' ? NaN : Number(cell);
  return Number.isFinite(number) ? number : undefined;
}
