import path from 'node:path';
import { required } from '../foundation/required';
import { excerpt } from '../foundation/text';
import { ID_COLUMNS, idColumn, type ClassColumns, type LabelReference } from './class-ids';
import { withoutExtension } from './clip-names';
import type { LabelNames } from './clip-set';
import { readCsvTable, type CsvRow, type CsvTable } from './csv-table';
import { ProblemList, type DataProblem } from './data-error';

/** One line of a labels CSV. */
export interface ClipLabel {
  /** The clip's name, without extension, with `/` between folders, in Unicode's normal form C. */
  readonly name: string;
  readonly gloss: number;
  readonly category: number;
  /** Undefined where the CSV has no `occluded` column or the cell is empty. */
  readonly occluded: boolean | undefined;
  /** Its line in the CSV, from 1. */
  readonly line: number;
}

interface ClipLabels {
  readonly labels: readonly ClipLabel[];
  readonly problems: readonly DataProblem[];
}

const LABEL_COLUMNS = ['file', 'gloss'] as const;
/** What Linux takes as a path. */
const LONGEST_NAME = 4096;
const OCCLUDED: Readonly<Record<string, boolean | undefined>> = { '0': false, '1': true, false: false, true: true, no: false, yes: true };

/** Reads a labels CSV, `file,gloss[,cat][,occluded]`, as a table; {@link labelsOfTable} makes clips of it. */
export async function readLabelsTable(file: string): Promise<CsvTable> {
  return readCsvTable(file, LABEL_COLUMNS);
}

/**
 * The clips of a labels CSV: one a line, its name with or without the extension of a clip or video.
 * Lines that are wrong come back as problems with their line numbers; the other lines are labels.
 * @param classes how its columns tell the classes.
 */
export function labelsOfTable(table: CsvTable, file: string, classes: Pick<ClassColumns, 'gloss' | 'category'> = ID_COLUMNS): ClipLabels {
  const wrong = new ProblemList(file);
  const labels: ClipLabel[] = [];
  const firstLine = new Map<string, number>();
  for (const row of table.rows) {
    const report = (problem: string): void => {
      wrong.add(`line ${row.line}: ${problem}`);
    };
    const label = labelOfRow(row, classes, report);
    if (label === undefined) continue;
    const earlier = firstLine.get(label.name);
    if (earlier === undefined) {
      firstLine.set(label.name, row.line);
      labels.push(label);
    } else {
      report(`clip "${excerpt(label.name)}" is on line ${earlier} already; keep one of them`);
    }
  }
  const problems = [...table.problems, ...wrong.list()];
  if (table.rows.length === 0 && problems.length === 0) problems.push({ file, problem: 'no clips: it has a header and nothing else' });
  return { labels, problems };
}

function labelOfRow(
  row: CsvRow,
  classes: Pick<ClassColumns, 'gloss' | 'category'>,
  report: (problem: string) => void,
): ClipLabel | undefined {
  const name = clipName(required(row.cell('file'), 'the column file'), report);
  const gloss = classes.gloss(row, report);
  const category = classes.category(row, report);
  const said = row.cell('occluded') ?? '';
  const occluded = OCCLUDED[said.toLowerCase()];
  if (occluded === undefined && said !== '') report(`occluded "${excerpt(said)}"; expected 0 or 1`);
  if (name === undefined || gloss === undefined || category === undefined) return undefined;
  return { name, gloss, category, occluded, line: row.line };
}

/** The name without its extension; undefined, and reported, where it is empty or leads out of the clips' folder. */
function clipName(cell: string, report: (problem: string) => void): string | undefined {
  // Windows writes backslashes between folders.
  const bare = withoutExtension(cell).replaceAll('\\', '/').normalize('NFC');
  const name = path.posix.normalize(bare);
  if (bare === '' || name === '.' || name.endsWith('/')) {
    report('no file name');
    return undefined;
  }
  // A CSV is data from elsewhere: it may name clips of its folder and nothing beyond.
  if (path.isAbsolute(name) || path.win32.isAbsolute(name) || /(^|\/)\.\.($|\/)|[\0\r\n]/.test(name)) {
    report(`file ${JSON.stringify(excerpt(cell))} leads out of the clips' folder; name a clip within it`);
    return undefined;
  }
  if (Buffer.byteLength(name) > LONGEST_NAME) {
    report(`file ${JSON.stringify(excerpt(cell))} has a name of ${Buffer.byteLength(name)} bytes (at most ${LONGEST_NAME} are read)`);
    return undefined;
  }
  return name;
}

const [glossId, categoryId] = [idColumn('gloss_id'), idColumn('cat_id')];
const REFERENCE_COLUMNS = ['gloss_id', 'label', 'cat_id', 'category'] as const;

/**
 * Reads a labels reference, `gloss_id,label,cat_id,category`: a gloss a line, in any order, both kinds of ids 0, 1, 2 … without a gap.
 * @returns the reference (undefined where anything is wrong) and what is wrong.
 */
export async function readLabelReference(
  file: string,
): Promise<{ reference: LabelReference | undefined; problems: readonly DataProblem[] }> {
  return referenceOfTable(await readCsvTable(file, REFERENCE_COLUMNS), file);
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
    const gloss = glossId(row, report);
    const category = categoryId(row, report);
    // One letter may be written as one character or as two; names are compared, and kept, with it as one.
    const label = required(row.cell('label'), 'the column label').normalize('NFC');
    const categoryName = required(row.cell('category'), 'the column category').normalize('NFC');
    if (label === '') report('no label');
    if (categoryName === '') report('no category');
    if (gloss === undefined || category === undefined) continue;
    if (glosses.has(gloss))
      report(
        `gloss_id ${gloss} is there already ("${excerpt(required(glosses.get(gloss), 'the gloss that is there already').label)}"); give each gloss its own`,
      );
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

/** Class counts that were asked for; undefined or null where they come from the data. */
export interface ClassCounts {
  readonly numGloss?: number | null | undefined;
  readonly numCat?: number | null | undefined;
  /** Where the counts come from the data: no fewer than these, as a training that goes on already has. */
  readonly atLeast?: { readonly gloss: number; readonly category: number };
}

/**
 * The names of all classes: as many as were asked for, or as are known, or else up to the largest id in the labels. Classes without a name are
 * called `gloss 3` and `category 1`.
 */
export function nameClasses(labels: readonly ClipLabel[], known: Partial<LabelNames>, counts: ClassCounts): LabelNames {
  const { numGloss, numCat, atLeast } = counts;
  const largest = (kind: keyof LabelNames): number => labels.reduce((count, label) => Math.max(count, label[kind] + 1), 0);
  const countOf = (asked: number | null | undefined, kind: keyof LabelNames): number =>
    asked ?? Math.max(atLeast?.[kind] ?? 0, known[kind]?.length ?? largest(kind));
  return {
    gloss: fillNames(countOf(numGloss, 'gloss'), known.gloss, 'gloss'),
    category: fillNames(countOf(numCat, 'category'), known.category, 'category'),
  };
}

function fillNames(count: number, known: readonly string[] = [], noun: string): string[] {
  return Array.from({ length: count }, (_, id) => known[id] ?? `${noun} ${id}`);
}
