import { excerpt, listed } from '../../foundation/text';
import { readCsvTable } from '../csv-table';
import { DataError, type DataProblem } from '../data-error';

/** What a column of signs' names is called in tables of many makers, the usual names first. */
export const SIGN_COLUMNS = ['sign', 'gloss', 'label', 'word', 'class', 'text'] as const;
const CATEGORY_COLUMNS = ['category', 'cat'] as const;

const SIGNS_NAMED = 5;

/**
 * The category of every sign, as a table `gloss,category` or `sign,category` says.
 * @throws DataError with what is wrong with the table, and the signs that it does not name.
 */
export async function readCategories(table: string, signs: ReadonlySet<string>): Promise<ReadonlyMap<string, string>> {
  const { columns, rows, problems } = await readCsvTable(table, []);
  const sign = SIGN_COLUMNS.find((name) => columns.includes(name));
  const category = CATEGORY_COLUMNS.find((name) => columns.includes(name));
  if (problems.length > 0) throw new DataError(problems);
  if (sign === undefined || category === undefined) {
    const problem = `line 1: expected a column of signs (${SIGN_COLUMNS.slice(0, 3).join(', ')}) and one of categories (${CATEGORY_COLUMNS.join(', ')})`;
    throw new DataError([{ file: table, problem }]);
  }
  const wrong: DataProblem[] = [];
  const categories = new Map<string, string>();
  for (const row of rows) {
    // One letter may be written as one character or as two.
    const [name, said] = [sign, category].map((column) => (row.cell(column) ?? '').normalize('NFC'));
    if (name === undefined || name === '') continue;
    const earlier = categories.get(name);
    const shown = `line ${row.line}: "${excerpt(name)}"`;
    if (said === undefined || said === '') wrong.push({ file: table, problem: `${shown} has no category` });
    else if (earlier !== undefined && earlier !== said)
      wrong.push({ file: table, problem: `${shown} is of the category "${excerpt(said)}" here, and of "${excerpt(earlier)}" above` });
    else categories.set(name, said);
  }
  const missing = [...signs].filter((name) => !categories.has(name)).sort();
  if (missing.length > 0) {
    const named = listed(
      missing.map((name) => `"${excerpt(name)}"`),
      SIGNS_NAMED,
    );
    wrong.push({ file: table, problem: `it says no category of ${named}; add a line for each` });
  }
  if (wrong.length > 0) throw new DataError(wrong);
  return categories;
}
