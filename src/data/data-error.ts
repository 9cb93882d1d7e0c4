import { UserError } from '../foundation/errors';
import { excerpt, printableLine, counted } from '../foundation/text';

/** One thing that is wrong with the data. */
export interface DataProblem {
  /** The file or folder it is about. */
  readonly file: string;
  /** What is wrong; what to do about it. */
  readonly problem: string;
  /** How many it stands for, where it is more than one: the rest of many in one file. */
  readonly standsFor?: number;
}

const LISTED = 50;
/** Letters of a problem that are shown. */
const SHOWN = 1000;

/** Everything that is wrong with the data, found before any training starts: a summary line, then one line a problem. */
export class DataError extends UserError {
  override readonly name = 'DataError';
  /** All of them, those of one file together. */
  readonly problems: readonly DataProblem[];

  constructor(problems: readonly DataProblem[]) {
    const grouped = byFile(problems);
    super(listProblems(grouped));
    this.problems = grouped;
  }
}

/** One file that cannot be used. */
export class FileError extends UserError {
  override readonly name = 'FileError';
  readonly file: string;
  /** The message without the file's name. */
  readonly problem: string;

  constructor(file: string, problem: string, options?: { cause?: unknown }) {
    super(`${printableLine(file)}: ${problem}`, options);
    this.file = file;
    this.problem = problem;
  }
}

/** The problems of one file together, the files in the order of their first problem. */
function byFile(problems: readonly DataProblem[]): DataProblem[] {
  const groups = new Map<string, DataProblem[]>();
  for (const problem of problems) {
    const group = groups.get(problem.file);
    if (group) group.push(problem);
    else groups.set(problem.file, [problem]);
  }
  return [...groups.values()].flat();
}

function listProblems(problems: readonly DataProblem[]): string {
  const files = new Set(problems.map(({ file }) => file)).size;
  const count = problems.reduce((sum, { standsFor = 1 }) => sum + standsFor, 0);
  const listed = problems.filter(({ standsFor = 1 }) => standsFor === 1).slice(0, LISTED);
  const lines = [`data: ${counted(count, 'problem')} in ${counted(files, 'file')}`];
  for (const { file, problem } of listed) lines.push(printableLine(`${file}: ${excerpt(problem, SHOWN)}`));
  if (count > listed.length) lines.push(`and ${count - listed.length} more`);
  return lines.join('\n');
}

const KEPT = 300;

/** What is wrong with one file: the first few hundred problems, the others counted. */
export class ProblemList {
  private readonly kept: DataProblem[] = [];
  private more = 0;

  constructor(private readonly file: string) {}

  add(problem: string): void {
    if (this.kept.length < KEPT) this.kept.push({ file: this.file, problem });
    else this.more++;
  }

  get isEmpty(): boolean {
    return this.kept.length === 0;
  }

  /** All of them; those that were counted are one at the end. */
  list(): DataProblem[] {
    if (this.more === 0) return [...this.kept];
    return [...this.kept, { file: this.file, problem: `${this.more} further problems`, standsFor: this.more }];
  }
}
