import { UserError } from '../foundation/errors';
import { counted, excerpt, printableLine } from '../foundation/text';

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

/** Everything that is wrong with the data, found before any training starts: a summary line, then one line a problem, or a cause that many have. */
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

/** Clips that were checked cannot be read any more, in the middle of their use. */
export class ReadingError extends UserError {
  /** @param clip the position of the clip in its set; undefined where it is the machine that fails. */
  constructor(
    message: string,
    readonly clip: number | undefined,
  ) {
    super(message);
  }
}

/** Problems in the order of their files' names: the same for every run, where files are read side by side and one is done before the other by chance. */
export function problemsByFile(problems: readonly DataProblem[]): DataProblem[] {
  return problems.toSorted((one, other) => (one.file < other.file ? -1 : one.file > other.file ? 1 : 0));
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
  const causes = joinMany(problems.filter(({ standsFor = 1 }) => standsFor === 1)).slice(0, LISTED);
  const lines = [`data: ${counted(count, 'problem')} in ${counted(files, 'file')}`];
  for (const alike of causes) lines.push(printableLine(causeLine(alike)));
  const listed = causes.reduce((sum, { length }) => sum + length, 0);
  if (count > listed) lines.push(`and ${count - listed} more`);
  return lines.join('\n');
}

/** Problems of one cause, the first of them told whole: a list of at least one. */
type OneCause = readonly [DataProblem, ...DataProblem[]];

/** From so many on, problems of one cause are one line. */
const ALIKE = 4;

/** Problems of one cause together, in the order of their first. */
export function byCause(problems: readonly DataProblem[]): OneCause[] {
  const causes = new Map<string, [DataProblem, ...DataProblem[]]>();
  for (const problem of problems) {
    const cause = causeOf(problem);
    const alike = causes.get(cause);
    if (alike === undefined) causes.set(cause, [problem]);
    else alike.push(problem);
  }
  return [...causes.values()];
}

/** Problems one by one, but those of a cause that many have, which are together in the place of their first. */
function joinMany(problems: readonly DataProblem[]): OneCause[] {
  const causes = byCause(problems);
  const many = new Map(causes.flatMap((alike) => (alike.length < ALIKE ? [] : alike.map((problem) => [problem, alike] as const))));
  return problems.flatMap((problem): OneCause[] => {
    const alike = many.get(problem);
    return alike === undefined ? [[problem]] : alike[0] === problem ? [alike] : [];
  });
}

/** A problem without what differs from clip to clip: numbers, what is quoted, names of files. */
function causeOf({ problem }: DataProblem): string {
  return problem
    .replaceAll(/"[^"]*"/g, '""')
    .replaceAll(/\S+\.(?:npz|npy|csv)\b/gi, 'FILE')
    .replaceAll(/\d+(?:\.\d+)?/g, '0');
}

function causeLine([{ file, problem }, ...others]: OneCause): string {
  const whole = `${file}: ${excerpt(problem, SHOWN)}`;
  if (others.length === 0) return whole;
  const places = others.slice(0, 2).map((other) => placeOf(other, file));
  return `${whole} (and ${others.length} more of this kind: ${places.join(', ')}${others.length > places.length ? ' …' : ''})`;
}

/** Where a problem is, as little as tells it: a line of the same file, or another file. */
function placeOf({ file, problem }: DataProblem, seen: string): string {
  const line = /^line \d+/.exec(problem)?.[0];
  if (line === undefined) return file;
  return file === seen ? line : `${file} ${line}`;
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
