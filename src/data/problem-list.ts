import type { DataProblem } from './data-error';

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
