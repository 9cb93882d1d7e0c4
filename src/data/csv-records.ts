import { UserError } from '../foundation/errors';

/** One record of a CSV: its cells without the spaces around them, and the line that it starts on, from 1. */
export interface CsvRecord {
  readonly cells: readonly string[];
  readonly line: number;
}

/** More cells than any table here has; further ones are left out, so that a record of this many is known to have too many. */
export const MOST_CELLS = 1000;
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
