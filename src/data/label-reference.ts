import type { LabelNames } from './clip-set';
import { classIdProblem, parseClassId, readCsvTable, type CsvTable } from './csv-table';
import { excerpt } from '../foundation/text';
import type { DataProblem } from './data-error';
import { ProblemList } from './problem-list';

/** What a `labels_reference.csv` says. */
export interface LabelReference {
  readonly names: LabelNames;
  /** Position = gloss id; the id of its category. */
  readonly categoryOfGloss: readonly number[];
}

const COLUMNS = ['gloss_id', 'label', 'cat_id', 'category'] as const;

/**
 * Reads a labels reference, `gloss_id,label,cat_id,category`: a gloss a line, in any order, both kinds of ids 0, 1, 2 … without a gap.
 * @returns the reference (undefined where anything is wrong) and what is wrong.
 */
export async function readLabelReference(
  file: string,
): Promise<{ reference: LabelReference | undefined; problems: readonly DataProblem[] }> {
  return referenceOfTable(await readCsvTable(file, COLUMNS), file);
}

/** {@link readLabelReference} for a table that is at hand. */
export function referenceOfTable(
  table: CsvTable,
  file: string,
): { reference: LabelReference | undefined; problems: readonly DataProblem[] } {
  const wrong = new ProblemList(file);
  const glosses = new Map<number, { readonly label: string; readonly category: number }>();
  const categories = new Map<number, string>();
  const lineOfName = new Map<string, number>();
  for (const row of table.rows) {
    const report = (problem: string): void => {
      wrong.add(`line ${row.line}: ${problem}`);
    };
    const gloss = parseClassId(row.cell('gloss_id'));
    const category = parseClassId(row.cell('cat_id'));
    // One letter may be written as one character or as two; names are compared, and kept, with it as one.
    const label = (row.cell('label') ?? '').normalize('NFC');
    const categoryName = (row.cell('category') ?? '').normalize('NFC');
    if (gloss === undefined) report(classIdProblem('gloss_id', row.cell('gloss_id')));
    if (category === undefined) report(classIdProblem('cat_id', row.cell('cat_id')));
    if (label === '') report('no label');
    if (categoryName === '') report('no category');
    if (gloss === undefined || category === undefined) continue;
    if (glosses.has(gloss))
      report(`gloss_id ${gloss} is there already ("${excerpt(glosses.get(gloss)?.label ?? '')}"); give each gloss its own`);
    const known = categories.get(category);
    if (known !== undefined && known !== categoryName)
      report(`cat_id ${category} is "${excerpt(categoryName)}" here and "${excerpt(known)}" above; choose one`);
    const fullName = JSON.stringify([label, category]);
    const sameName = lineOfName.get(fullName);
    if (sameName !== undefined) report(`label "${excerpt(label)}" of the same category is on line ${sameName} already; tell them apart`);
    glosses.set(gloss, { label, category });
    categories.set(category, categoryName);
    lineOfName.set(fullName, row.line);
  }
  const problems = [...table.problems, ...wrong.list()];
  problems.push(...gapProblems('gloss_id', glosses, file), ...gapProblems('cat_id', categories, file));
  if (table.rows.length === 0 && problems.length === 0) problems.push({ file, problem: 'no glosses: it has a header and nothing else' });
  if (problems.length > 0) return { reference: undefined, problems };
  const inOrder = [...glosses].sort(([a], [b]) => a - b).map(([, gloss]) => gloss);
  const categoryNames = [...categories].sort(([a], [b]) => a - b).map(([, name]) => name);
  const names = { gloss: inOrder.map(({ label }) => label), category: categoryNames };
  return { reference: { names, categoryOfGloss: inOrder.map(({ category }) => category) }, problems };
}

function gapProblems(column: string, ids: ReadonlyMap<number, unknown>, file: string): DataProblem[] {
  for (let id = 0; id < ids.size; id++) {
    if (!ids.has(id))
      return [{ file, problem: `${column} ${id} is missing, though there are larger ones; number them 0, 1, 2 … without a gap` }];
  }
  return [];
}
