import { parseCsvTable, textOfCell } from '../data/csv-table';
import { readTextIfThere } from '../foundation/regular-file';

/** What an evaluation found of one class. */
export interface ClassFigures {
  readonly id: number;
  readonly label: string;
  readonly recall: number;
  readonly f1: number;
  /** Clips of the class. */
  readonly support: number;
  /** The class that it is most often taken for; empty where it is always right. */
  readonly confusedWith: string;
}

const LARGEST_TABLE = 64_000_000;

/** Reads a `per_class_metrics.csv`; undefined where there is none, or it is no such table. */
export function readClassFigures(file: string): ClassFigures[] | undefined {
  const text = readTextIfThere(file, LARGEST_TABLE);
  if (text === undefined) return undefined;
  const required = ['class_id', 'label', 'recall', 'f1', 'support', 'most_confused_with'];
  const { rows, problems } = parseCsvTable(text, file, required);
  if (problems.length > 0) return undefined;
  const classes = rows.map((row) => ({
    id: Number(row.cell('class_id')),
    label: textOfCell(row.cell('label') ?? ''),
    recall: Number(row.cell('recall')),
    f1: Number(row.cell('f1')),
    support: Number(row.cell('support')),
    confusedWith: textOfCell(row.cell('most_confused_with') ?? ''),
  }));
  return classes.every((one) => [one.id, one.recall, one.f1, one.support].every(Number.isFinite)) ? classes : undefined;
}
