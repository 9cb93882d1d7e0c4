import { readFile, stat } from 'node:fs/promises';
import { CsvError, parse } from 'csv-parse/sync';
import { messageOf } from '../foundation/errors';
import { nearestName } from '../foundation/nearest-name';
import type { DataProblem } from './data-error';

/** One line of a table: its cells by column name. A column that the table lacks is undefined. */
export interface CsvRow {
  /** Its line in the file, from 1. */
  readonly line: number;
  cell(column: string): string | undefined;
}

export interface CsvTable {
  readonly rows: readonly CsvRow[];
  readonly problems: readonly DataProblem[];
}

const MAX_CSV_BYTES = 256 * 1024 * 1024;

/**
 * Reads a CSV file with a header. A byte order mark, CRLF, blank lines and spaces around cells do not matter; columns that nobody asks for are ignored.
 * What is wrong comes back as problems, so that it can be listed with everything else.
 */
export async function readCsvTable(file: string, required: readonly string[]): Promise<CsvTable> {
  let text: string;
  try {
    const { size } = await stat(file);
    if (size > MAX_CSV_BYTES) return onlyProblem(file, `${size} bytes (at most ${MAX_CSV_BYTES} are read); is this the right file?`);
    text = await readFile(file, 'utf8');
  } catch (error) {
    const reason = (error as NodeJS.ErrnoException).code === 'ENOENT' ? 'no such file' : `cannot be read (${messageOf(error)})`;
    return onlyProblem(file, `${reason}; expected a CSV with the columns ${required.join(',')}`);
  }
  return parseCsvTable(text, file, required);
}

/** {@link readCsvTable} for a text that is at hand; `file` is its name in the problems. */
export function parseCsvTable(text: string, file: string, required: readonly string[]): CsvTable {
  const records: ParsedRecord[] = [];
  try {
    parse(text, {
      bom: true,
      trim: true,
      relax_column_count: true,
      on_record: (cells: string[], { lines }) => {
        if (cells.some((cell) => cell !== '')) records.push({ cells, line: lines });
        return null;
      },
    });
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    return onlyProblem(file, `no readable CSV: ${error.message}`);
  }
  const [header, ...body] = records;
  if (header === undefined) return onlyProblem(file, `empty; expected a header ${required.join(',')} and a line for each`);
  const columns = header.cells.map((name) => name.toLowerCase());
  const problems = headerProblems(columns, required);
  if (problems.length > 0) return { rows: [], problems: problems.map((problem) => ({ file, problem })) };
  const ragged: DataProblem[] = [];
  const rows: CsvRow[] = [];
  for (const { cells, line } of body) {
    if (cells.length === columns.length) {
      rows.push({ line, cell: (column) => cells[columns.indexOf(column)] });
    } else {
      ragged.push({ file, problem: `line ${line}: ${cells.length} cells where the header has ${columns.length}` });
    }
  }
  return { rows, problems: ragged };
}

interface ParsedRecord {
  readonly cells: readonly string[];
  readonly line: number;
}

function headerProblems(columns: readonly string[], required: readonly string[]): string[] {
  const problems: string[] = [];
  for (const column of required) {
    const count = columns.filter((name) => name === column).length;
    if (count > 1) problems.push(`line 1: the column "${column}" is there ${count} times; keep one`);
    if (count > 0) continue;
    const near = nearestName(column, columns);
    const advice = near === undefined ? 'add it' : `rename "${near}" or add it`;
    problems.push(`line 1: no column "${column}" (columns: ${columns.join(', ')}); ${advice}`);
  }
  return problems;
}

function onlyProblem(file: string, problem: string): CsvTable {
  return { rows: [], problems: [{ file, problem }] };
}

/** The largest class id that is believed: larger ones are slips, and would make tables of millions of classes. */
const MAX_CLASS_ID = 99_999;

/** A class id, 0-based; undefined where the cell holds none. */
export function parseClassId(cell: string | undefined): number | undefined {
  if (cell === undefined || !/^\d{1,6}$/.test(cell)) return undefined;
  const id = Number(cell);
  return id <= MAX_CLASS_ID ? id : undefined;
}
