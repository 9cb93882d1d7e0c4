import { required } from '../foundation/required';
import { counted, excerpt, nearestName } from '../foundation/text';
import type { LabelNames } from './clip-set';
import type { CsvRow, CsvTable } from './csv-table';
import type { DataProblem } from './data-error';

/** What a `labels_reference.csv` says. */
export interface LabelReference {
  readonly names: LabelNames;
  /** Position = gloss id; the id of its category. */
  readonly categoryOfGloss: readonly number[];
}

/** Reads the class id of a line; undefined, and reported, where it holds none. */
export type ClassReader = (row: CsvRow, report: (problem: string) => void) => number | undefined;

/** How the lines of labels CSVs tell their classes. */
export interface ClassColumns {
  readonly gloss: ClassReader;
  readonly category: ClassReader;
  /** The names behind the ids, of the kinds of classes that the tables name themselves. */
  readonly names: Partial<LabelNames>;
  /** What was made of the tables, a line each. */
  readonly notes: readonly string[];
  /** What cannot be made of them. */
  readonly problems: readonly DataProblem[];
}

/** A labels CSV as it was read. */
export interface LabelsTable {
  readonly file: string;
  readonly table: CsvTable;
}

/** Where names of classes get their ids from: what the data says, or what the model was trained with. */
interface KnownNames {
  readonly reference: LabelReference | undefined;
  readonly ofModel: LabelNames | undefined;
  /** Whether ids may be given to names that neither says: a new training does, which sees them all. */
  readonly mayNumber: boolean;
}

/** The largest class id that is believed: larger ones are slips, and would make tables of millions of classes. */
const MAX_CLASS_ID = 99_999;
const LONGEST_ID = 6;
const NUMBER = /^[-+]?[\d.]+$/;
/** What all clips are called that no category tells apart. */
const ONE_CATEGORY = 'all';
const CATEGORY_COLUMNS = ['cat', 'category'] as const;

/** Reads a column of ids, 0-based. */
export function idColumn(column: string): ClassReader {
  return (row, report) => {
    const cell = required(row.cell(column), `the column ${column}`);
    const isNumber = /^\d+$/.test(cell);
    const id = cell.length <= LONGEST_ID ? Number(cell) : Infinity;
    if (isNumber && id <= MAX_CLASS_ID) return id;
    const shown = excerpt(cell);
    report(
      isNumber
        ? `${column} ${shown} is too large for a class id; they count from 0, and ${MAX_CLASS_ID} is the largest that is read`
        : `${column} "${shown}" is no class id; expected a whole number from 0`,
    );
    return undefined;
  };
}

/** Ids in both columns: what labels CSVs hold where nothing else is known of them. */
export const ID_COLUMNS: Pick<ClassColumns, 'gloss' | 'category'> = { gloss: idColumn('gloss'), category: idColumn('cat') };

/** Every clip of one class: for those who want the clips and not their classes. */
export const ANY_CLASS: Pick<ClassColumns, 'gloss' | 'category'> = { gloss: () => 0, category: () => 0 };

/**
 * Finds out what the columns of labels CSVs hold: ids, or names in most of their cells, which then are given ids: those of the reference, else those that the model
 * has, else their places in the sorted list. Without a column of categories each clip has the one that the reference gives its gloss, or all have the same.
 */
export function classColumns(tables: readonly LabelsTable[], known: KnownNames): ClassColumns {
  const filled = tables.filter(({ table }) => table.rows.length > 0);
  const [first] = filled;
  if (first === undefined) return { ...ID_COLUMNS, names: {}, notes: [], problems: [] };
  const rows = filled.flatMap(({ table }) => table.rows);
  const gloss = readColumn(rows, 'gloss', 'gloss', known);
  const column = CATEGORY_COLUMNS.find((name) => filled.some(({ table }) => table.columns.includes(name)));
  const lacking = filled.find(({ table }) => column === undefined || !table.columns.includes(column));
  const category =
    lacking === undefined && column !== undefined
      ? readColumn(rows, column, 'category', known)
      : withoutCategories(column, gloss.read, known);
  const problemsOf = ({ file }: LabelsTable, { problems }: ReadColumn): DataProblem[] => problems.map((problem) => ({ file, problem }));
  return {
    gloss: gloss.read,
    category: category.read,
    names: { ...gloss.names, ...category.names },
    notes: [...gloss.notes, ...category.notes],
    problems: [...problemsOf(first, gloss), ...problemsOf(lacking ?? first, category)],
  };
}

interface ReadColumn {
  readonly read: ClassReader;
  readonly names: Partial<LabelNames>;
  readonly notes: readonly string[];
  readonly problems: readonly string[];
}

const nothingSaid = { names: {}, notes: [], problems: [] };

function readColumn(rows: readonly CsvRow[], column: string, kind: keyof LabelNames, known: KnownNames): ReadColumn {
  const cells = rows.map((row) => row.cell(column)?.normalize('NFC') ?? '').filter((cell) => cell !== '');
  const named = cells.filter((cell) => !NUMBER.test(cell));
  if (2 * named.length <= cells.length) return { ...nothingSaid, read: idColumn(column) };
  const ofReference = known.reference?.names[kind];
  const given = ofReference ?? known.ofModel?.[kind];
  if (given === undefined && !known.mayNumber) {
    const problem = `the column ${column} holds names, and neither a labels_reference.csv nor the model says their ids; give --labels-reference`;
    return { ...nothingSaid, read: ANY_CLASS[kind], problems: [problem] };
  }
  const names = given ?? [...new Set(cells)].sort();
  const saidBy = ofReference !== undefined ? 'labels_reference.csv' : known.ofModel !== undefined ? 'the model' : 'the labels';
  const [first, last] = [excerpt(required(names[0], 'the first name')), excerpt(required(names.at(-1), 'the last name'))];
  const order = given === undefined ? `, numbered in their order (${first} is 0, ${last} ${names.length - 1}) and kept with the model` : '';
  const many = kind === 'gloss' ? counted(names.length, 'gloss', 'glosses') : counted(names.length, 'category', 'categories');
  return {
    read: nameReader(column, kind, names, saidBy),
    names: { [kind]: names },
    notes: [`the column ${column} holds names: ${many} of ${saidBy}${order}`],
    problems: [],
  };
}

function nameReader(column: string, kind: keyof LabelNames, names: readonly string[], saidBy: string): ClassReader {
  const ids = new Map<string, number>();
  const doubled = new Set<string>();
  for (const [id, name] of names.entries()) {
    if (ids.has(name)) doubled.add(name);
    else ids.set(name, id);
  }
  return (row, report) => {
    const cell = required(row.cell(column), `the column ${column}`).normalize('NFC');
    const id = ids.get(cell);
    if (id !== undefined && !doubled.has(cell)) return id;
    const near = id === undefined ? nearestName(cell, names) : undefined;
    if (cell === '') report(`no ${kind}`);
    else if (id !== undefined)
      report(`${column} "${excerpt(cell)}" is the name of several ${kind === 'gloss' ? 'glosses' : 'categories'}; write its id`);
    else
      report(
        `${column} "${excerpt(cell)}" is none of ${saidBy}${near === undefined ? '; correct it' : `; "${excerpt(near)}" may be meant`}`,
      );
    return undefined;
  };
}

/** Where no table has categories, or one of them has none. */
function withoutCategories(column: string | undefined, gloss: ClassReader, { reference, ofModel }: KnownNames): ReadColumn {
  if (column !== undefined) {
    const problem = `line 1: no column "${column}", which the other labels have; add it, or leave it out of both`;
    return { ...nothingSaid, read: ANY_CLASS.category, problems: [problem] };
  }
  if (reference !== undefined) {
    const read: ClassReader = (row) => {
      const id = gloss(row, () => undefined);
      return id === undefined ? 0 : (reference.categoryOfGloss[id] ?? 0); // A gloss out of range is told as such.
    };
    return {
      ...nothingSaid,
      read,
      notes: ['the labels have no column cat: each clip has the category that labels_reference.csv gives its gloss'],
    };
  }
  const categories = ofModel?.category;
  if (categories !== undefined && categories.length > 1) {
    const problem = `line 1: no column "cat", though the model tells ${categories.length} categories apart; add it, or a labels_reference.csv that gives each gloss its category`;
    return { ...nothingSaid, read: ANY_CLASS.category, problems: [problem] };
  }
  const said =
    'the labels have no column cat: only glosses are learned; the model has one category for all clips, and its figures are left out';
  return { ...nothingSaid, read: ANY_CLASS.category, names: { category: categories ?? [ONE_CATEGORY] }, notes: [said] };
}
