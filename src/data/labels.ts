import path from 'node:path';
import { withoutExtension } from './clip-folder';
import { classIdProblem, parseClassId, readCsvTable, type CsvRow, type CsvTable } from './csv-table';
import { excerpt } from '../foundation/text';
import type { DataProblem } from './data-error';
import { ProblemList } from './problem-list';

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

const COLUMNS = ['file', 'gloss', 'cat'] as const;
/** What Linux takes as a path. */
const LONGEST_NAME = 4096;
const OCCLUDED: Readonly<Record<string, boolean | undefined>> = { '0': false, '1': true, false: false, true: true, no: false, yes: true };

/**
 * Reads a labels CSV, `file,gloss,cat[,occluded]`: a clip a line, its name with or without the extension of a clip or video, its ids 0-based.
 * Lines that are wrong come back as problems with their line numbers; the other lines are labels.
 */
export async function readLabels(file: string): Promise<ClipLabels> {
  return labelsOfTable(await readCsvTable(file, COLUMNS), file);
}

/** {@link readLabels} for a table that is at hand. */
export function labelsOfTable(table: CsvTable, file: string): ClipLabels {
  const wrong = new ProblemList(file);
  const labels: ClipLabel[] = [];
  const firstLine = new Map<string, number>();
  for (const row of table.rows) {
    const report = (problem: string): void => {
      wrong.add(`line ${row.line}: ${problem}`);
    };
    const label = labelOfRow(row, report);
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

function labelOfRow(row: CsvRow, report: (problem: string) => void): ClipLabel | undefined {
  const name = clipName(row.cell('file') ?? '', report);
  const gloss = parseClassId(row.cell('gloss'));
  const category = parseClassId(row.cell('cat'));
  if (gloss === undefined) report(classIdProblem('gloss', row.cell('gloss')));
  if (category === undefined) report(classIdProblem('cat', row.cell('cat')));
  const occluded = OCCLUDED[row.cell('occluded')?.toLowerCase() ?? ''];
  if (occluded === undefined && (row.cell('occluded') ?? '') !== '')
    report(`occluded "${excerpt(row.cell('occluded') ?? '')}"; expected 0 or 1`);
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
