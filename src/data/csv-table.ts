import { stringify } from 'csv-stringify/sync';
import { UserError } from '../foundation/errors';
import { excerpt, nearestName, printableLine } from '../foundation/text';
import { FileError, ProblemList, type DataProblem } from './data-error';
import { NO_SUCH_FILE } from './file-reading';
import { readPlace } from './places';
import { decodeTable } from './table-text';

/** One line of a table: its cells by column name, as they were before {@link csvText} wrote them. A column that the table lacks is undefined. */
export interface CsvRow {
  /** Its line in the file, from 1. */
  readonly line: number;
  cell(column: string): string | undefined;
}

export interface CsvTable {
  /** The header's names, in small letters; none where the file could not be read. */
  readonly columns: readonly string[];
  readonly rows: readonly CsvRow[];
  readonly problems: readonly DataProblem[];
}

const MAX_CSV_BYTES = 64 * 1024 * 1024;
const MOST_ROWS = 1_000_000;
/** Semicolons are what Excel writes where a comma parts whole numbers from fractions. */
const DELIMITERS = [',', ';', '\t'] as const;
const COLUMNS_LISTED = 20;

/**
 * Reads a CSV file with a header, in UTF-8 or UTF-16 with a byte order mark, its cells parted by commas, semicolons or tabs as its header shows. CRLF, blank
 * lines and spaces around cells do not matter; columns that nobody asks for are ignored.
 * What is wrong comes back as problems, so that it can be listed with everything else.
 */
export async function readCsvTable(file: string, required: readonly string[]): Promise<CsvTable> {
  let bytes: Buffer;
  try {
    bytes = await readPlace(file, MAX_CSV_BYTES, 'is this the right file?');
  } catch (error) {
    if (!(error instanceof FileError)) throw error;
    const { problem } = error;
    return onlyProblem(file, problem === NO_SUCH_FILE ? `${problem}; expected a CSV with the columns ${required.join(',')}` : problem);
  }
  const decoded = decodeTable(bytes);
  if ('problems' in decoded) return { columns: [], rows: [], problems: decoded.problems.map((problem) => ({ file, problem })) };
  return parseCsvTable(decoded.text, file, required);
}

/** {@link readCsvTable} for a text that is at hand; `file` is its name in the problems. */
export function parseCsvTable(text: string, file: string, required: readonly string[]): CsvTable {
  const { start, delimiter } = layoutOf(text, required);
  const problems = new ProblemList(file);
  const rows: CsvRow[] = [];
  let columns: ReadonlyMap<string, number> | undefined;
  let names: readonly string[] = [];
  try {
    for (const { cells, line } of csvRecords(text.slice(start), delimiter)) {
      if (columns === undefined) {
        names = cells.map((name) => name.toLowerCase());
        for (const problem of headerProblems(names, required)) problems.add(problem);
        if (!problems.isEmpty) break;
        columns = firstPlaces(names);
      } else if (cells.length !== names.length) {
        const found = cells.length > MOST_CELLS ? `more than ${MOST_CELLS}` : String(cells.length);
        problems.add(`line ${line}: ${found} cells where the header has ${names.length}`);
      } else if (rows.length === MOST_ROWS) {
        return onlyProblem(file, `more than ${MOST_ROWS} lines; is this the right file?`);
      } else {
        rows.push(new TableRow(cells, line, columns));
      }
    }
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return onlyProblem(file, `no readable CSV: ${error.message}`);
  }
  if (columns === undefined && problems.isEmpty)
    return onlyProblem(file, `empty; expected a header ${required.join(',')} and a line for each`);
  return { columns: names, rows, problems: problems.list() };
}

class TableRow implements CsvRow {
  constructor(
    private readonly cells: readonly string[],
    readonly line: number,
    private readonly columns: ReadonlyMap<string, number>,
  ) {}

  cell(column: string): string | undefined {
    const place = this.columns.get(column);
    const cell = place === undefined ? undefined : this.cells[place];
    return cell === undefined ? undefined : textOfCell(cell);
  }
}

/** Where the table starts in a text, and what parts its cells: what its header shows most of the wanted columns with, or most columns where it has none of these. */
function layoutOf(text: string, required: readonly string[]): { readonly start: number; readonly delimiter: string } {
  const start = text.startsWith('\uFEFF') ? 1 : 0;
  const counts = DELIMITERS.map((delimiter) => {
    const names = new Set(headerOf(text.slice(start), delimiter)?.cells.map((name) => name.toLowerCase()));
    return { delimiter, found: required.filter((column) => names.has(column)).length, columns: names.size };
  });
  const best = counts.reduce((one, other) => {
    const isBetter = other.found > one.found || (one.found === 0 && other.found === 0 && other.columns > one.columns);
    return isBetter ? other : one;
  });
  return { start, delimiter: best.delimiter };
}

function headerOf(text: string, delimiter: string): CsvRecord | undefined {
  try {
    for (const record of csvRecords(text, delimiter)) return record;
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
  }
  return undefined;
}

function firstPlaces(names: readonly string[]): Map<string, number> {
  const places = new Map<string, number>();
  names.forEach((name, place) => {
    if (!places.has(name)) places.set(name, place);
  });
  return places;
}

function headerProblems(columns: readonly string[], required: readonly string[]): string[] {
  if (columns.length > MOST_CELLS)
    return [`line 1: more than ${MOST_CELLS} columns; expected ${required.join(',')}: is this the right file?`];
  const listed = columns.slice(0, COLUMNS_LISTED).map((name) => excerpt(name));
  if (columns.length > listed.length) listed.push('…');
  const problems: string[] = [];
  for (const column of required) {
    const count = columns.filter((name) => name === column).length;
    if (count > 1) problems.push(`line 1: the column "${column}" is there ${count} times; keep one`);
    if (count > 0) continue;
    const near = nearestName(column, columns);
    const advice = near === undefined ? 'add it' : `rename "${near}" or add it`;
    problems.push(`line 1: no column "${column}" (columns: ${listed.join(', ')}); ${advice}`);
  }
  return problems;
}

function onlyProblem(file: string, problem: string): CsvTable {
  return { columns: [], rows: [], problems: [{ file, problem }] };
}

/** One record of a CSV: its cells without the spaces around them, and the line that it starts on, from 1. */
interface CsvRecord {
  readonly cells: readonly string[];
  readonly line: number;
}

/** More cells than any table here has; further ones are left out, so that a record of this many is known to have too many. */
const MOST_CELLS = 1000;
const LONGEST_RECORD = 1024 * 1024;

/**
 * The records of a CSV text (RFC 4180; lines may end in LF, CRLF or CR), empty ones left out. Takes time in proportion to the text.
 * @throws UserError, while iterating, for a quote that is not closed, or a record beyond a million letters.
 */
export function* csvRecords(text: string, delimiter: string): Generator<CsvRecord, void, undefined> {
  const lineEnd = /\r\n|\n|\r/g;
  let line = 1;
  let start = 0;
  while (start < text.length) {
    const firstLine = line;
    let end = nextEnd(lineEnd, text, start);
    // A quoted cell may hold line ends: the record goes on until its quotes are even.
    let quotes = countQuotes(text, start, end.at);
    while (quotes % 2 === 1 && end.at < text.length && end.at - start <= LONGEST_RECORD) {
      const further = nextEnd(lineEnd, text, end.after);
      quotes += countQuotes(text, end.after, further.at);
      end = further;
      line++;
    }
    if (end.at - start > LONGEST_RECORD)
      throw new UserError(`line ${firstLine} has more than ${LONGEST_RECORD} characters; is this the right file?`);
    if (quotes % 2 === 1) throw new UserError(`the quote on line ${firstLine} is not closed`);
    if (end.at > start) {
      const record = text.slice(start, end.at);
      const cells = quotes === 0 ? plainCells(record, delimiter) : quotedCells(record, delimiter, firstLine);
      if (cells.some((cell) => cell !== '')) yield { cells, line: firstLine };
    }
    start = end.after;
    line++;
  }
}

function nextEnd(lineEnd: RegExp, text: string, from: number): { readonly at: number; readonly after: number } {
  lineEnd.lastIndex = from;
  const found = lineEnd.exec(text);
  return found === null ? { at: text.length, after: text.length } : { at: found.index, after: lineEnd.lastIndex };
}

function countQuotes(text: string, from: number, to: number): number {
  const part = text.slice(from, to);
  let count = 0;
  for (let at = part.indexOf('"'); at >= 0; at = part.indexOf('"', at + 1)) count++;
  return count;
}

function plainCells(record: string, delimiter: string): string[] {
  return record.split(delimiter, MOST_CELLS + 1).map((cell) => cell.trim());
}

/** Cells of which some are in quotes; a quote within one is written twice. */
function quotedCells(record: string, delimiter: string, line: number): string[] {
  const cells: string[] = [];
  const broken = `line ${line} has a quote in the middle of a cell; put the whole cell in quotes, and write quotes within it twice`;
  let quoted: string | undefined;
  let at = 0;
  while (cells.length <= MOST_CELLS) {
    const quote = record.indexOf('"', at);
    const separator = record.indexOf(delimiter, at);
    if (quote === -1 || (separator !== -1 && separator < quote)) {
      const plain = record.slice(at, separator === -1 ? record.length : separator).trim();
      if (quoted !== undefined && plain !== '') throw new UserError(broken);
      cells.push(quoted ?? plain);
      if (separator === -1) return cells;
      quoted = undefined;
      at = separator + delimiter.length;
      continue;
    }
    if (quoted !== undefined || record.slice(at, quote).trim() !== '') throw new UserError(broken);
    const closing = closingQuote(record, quote + 1);
    quoted = record.slice(quote + 1, closing).replaceAll('""', '"');
    at = closing + 1;
  }
  return cells;
}

function closingQuote(record: string, from: number): number {
  let at = record.indexOf('"', from);
  while (at !== -1 && record[at + 1] === '"') at = record.indexOf('"', at + 2);
  return at === -1 ? record.length : at;
}

/** A cell; what is no number, or is undefined, is empty. */
type CsvCell = string | number | undefined;

/** What a spreadsheet takes for a formula, its wide forms included (OWASP, CSV injection); after apostrophes of {@link csvText}'s own. */
const FORMULA = /^'*[=+\-@＝＋－＠]/u;

/**
 * A CSV document that people may open in a spreadsheet: a text that it would take for a formula begins with an apostrophe, and no text holds control characters.
 * {@link readCsvTable} takes the apostrophe away; numbers stay as they are.
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
