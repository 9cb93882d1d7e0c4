import { stringify } from 'csv-stringify/sync';
import { printableLine } from '../foundation/text';

/** A cell; what is no number, or is undefined, is empty. */
export type CsvCell = string | number | undefined;

/** What a spreadsheet takes for a formula, its wide forms included (OWASP, CSV injection); after apostrophes of {@link csvText}'s own. */
const FORMULA = /^'*[=+\-@＝＋－＠]/u;

/**
 * A CSV document that people may open in a spreadsheet: a text that it would take for a formula begins with an apostrophe, and no text holds control characters.
 * {@link textOfCell} takes the apostrophe away; numbers stay as they are.
 */
export function csvText(rows: readonly (readonly CsvCell[])[]): string {
  return stringify(rows.map((row) => row.map(cellOf)));
}

function cellOf(cell: CsvCell): CsvCell {
  if (typeof cell === 'number') return Number.isNaN(cell) ? undefined : cell;
  if (cell === undefined) return undefined;
  const text = printableLine(cell);
  return FORMULA.test(text) ? `'${text}` : text;
}

/** A text as it was before {@link csvText} wrote it. */
export function textOfCell(cell: string): string {
  return cell.startsWith("'") && FORMULA.test(cell) ? cell.slice(1) : cell;
}
