import { UserError } from '../../foundation/errors';
import { elementAt, required } from '../../foundation/required';
import { excerpt, nearestName } from '../../foundation/text';
import type { LabelReference } from '../class-ids';
import { csvText, type CsvTable } from '../csv-table';
import { DataError, ProblemList } from '../data-error';

/** How a table of labels is mended. */
export interface Mending {
  /** What its classes are called; undefined where nobody says. */
  readonly reference: LabelReference | undefined;
  readonly to: 'ids' | 'names';
  /** Whether its ids count from 1; undefined where that is not said. */
  readonly oneBased: boolean | undefined;
}

/** Ids that may count from 1, where nobody has said whether they do. */
export class OneBasedDoubt extends UserError {
  override readonly name = 'OneBasedDoubt';
}

const WHOLE_NUMBER = /^\d+$/;

/**
 * A table of labels anew, as Kumpas writes tables (UTF-8, commas, one form of each letter, `/` between folders), its columns in their order, its classes as ids or as
 * names.
 * @throws OneBasedDoubt where the ids may count from 1; DataError with the lines whose class is none of the reference.
 */
export function mendedLabels(table: CsvTable, file: string, mending: Mending): string {
  if (table.problems.length > 0) throw new DataError(table.problems);
  const { columns, rows } = table;
  const { reference } = mending;
  const wrong = new ProblemList(file);
  const columnOf = { gloss: 'gloss', category: columns.includes('cat') ? 'cat' : 'category' } as const;
  const readers = (['gloss', 'category'] as const)
    .filter((kind) => columns.includes(columnOf[kind]))
    .map((kind) => {
      const cells = rows.map((row) => required(row.cell(columnOf[kind]), columnOf[kind]).normalize('NFC'));
      const read = classReader(cells, columnOf[kind], reference?.names[kind], { ...mending, file });
      return { column: columnOf[kind], read };
    });
  const mended = rows.map((row) =>
    columns.map((column) => {
      const cell = required(row.cell(column), column).normalize('NFC');
      if (column === 'file') return cell.replaceAll('\\', '/');
      const reader = readers.find((one) => one.column === column);
      if (reader === undefined) return cell;
      const read = reader.read(cell);
      if (typeof read === 'object') wrong.add(`line ${row.line}: ${read.problem}`);
      return typeof read === 'object' ? cell : read;
    }),
  );
  if (!wrong.isEmpty) throw new DataError(wrong.list());
  return csvText([columns, ...mended]);
}

type ReadClass = (cell: string) => string | number | { readonly problem: string };

/** Reads cells that are ids or names of one kind of class, and tells them as what is wanted. */
function classReader(
  cells: readonly string[],
  column: string,
  names: readonly string[] | undefined,
  { to, oneBased, file }: Mending & { readonly file: string },
): ReadClass {
  const numbers = cells.filter((cell) => WHOLE_NUMBER.test(cell)).map(Number);
  const areIds = 2 * numbers.length > cells.length;
  if (names === undefined) {
    if (areIds === (to === 'ids')) return areIds ? shifted(numbers, column, undefined, oneBased, file) : (cell) => cell;
    throw new UserError(`${file}: nothing says the ${areIds ? 'names' : 'ids'} of the column ${column}; give --labels-reference`);
  }
  const told = (id: number): string | number => (to === 'ids' ? id : elementAt(names, id));
  const ofId = areIds ? shifted(numbers, column, names.length, oneBased, file) : undefined;
  const byName = new Map(names.map((name, id) => [name.toLowerCase(), id]));
  return (cell) => {
    const same = names.indexOf(cell);
    const id = same === -1 ? byName.get(cell.toLowerCase()) : same;
    const number = WHOLE_NUMBER.test(cell) ? ofId?.(cell) : undefined;
    if (typeof number === 'number' && number < names.length) return told(number);
    if (id !== undefined) return told(id);
    if (typeof number === 'number')
      return { problem: `${column} ${cell} is out of range: there are ${names.length} (0–${names.length - 1})` };
    const near = nearestName(cell, names);
    return {
      problem: `${column} "${excerpt(cell)}" is none of the reference${near === undefined ? '' : `; "${excerpt(near)}" may be meant`}`,
    };
  };
}

/** Reads ids, less 1 where they count from 1. */
function shifted(
  numbers: readonly number[],
  column: string,
  classes: number | undefined,
  oneBased: boolean | undefined,
  file: string,
): ReadClass {
  const least = numbers.reduce((low, id) => Math.min(low, id), Infinity);
  const most = numbers.reduce((high, id) => Math.max(high, id), -Infinity);
  const looksSo = least === 1 && (classes === undefined || most === classes);
  if (looksSo && oneBased === undefined)
    throw new OneBasedDoubt(
      `${file}: the ids of the column ${column} go from 1 to ${most}${classes === undefined ? '' : `, and there are ${classes} classes`}: do they count from 1? --one-based yes takes 1 off each, no leaves them`,
    );
  if (oneBased === true && least === 0 && column === 'gloss')
    throw new UserError(`--one-based yes: ${file} has the gloss 0, so its ids count from 0`);
  const first = oneBased === true && least >= 1 ? 1 : 0;
  return (cell) => (WHOLE_NUMBER.test(cell) ? Number(cell) - first : { problem: `${column} "${excerpt(cell)}" is no id` });
}
