import { MalformedCheckpoint } from './malformed-checkpoint';
import type { PythonValue } from './python-values';

/** The stack, marks and memo of a pickle machine. Reaching below the stack or the last mark is damage, never undefined. */
export class PickleStack {
  private readonly values: PythonValue[] = [];
  private readonly marks: number[] = [];
  private readonly memo = new Map<number, PythonValue>();

  push(value: PythonValue): void {
    this.values.push(value);
  }

  /** @throws MalformedCheckpoint where there is no value, as all that take one here. */
  top(): PythonValue {
    const value = this.values.at(-1);
    if (value === undefined || this.values.length <= (this.marks.at(-1) ?? 0)) throw damagedPickle('takes a value where there is none');
    return value;
  }

  pop(): PythonValue {
    const value = this.top();
    this.values.pop();
    return value;
  }

  /** The topmost `count` values, in the order they were pushed. */
  popSeveral(count: number): PythonValue[] {
    if (this.values.length - count < (this.marks.at(-1) ?? 0)) throw damagedPickle('takes values where there are none');
    return this.values.splice(this.values.length - count);
  }

  mark(): void {
    this.marks.push(this.values.length);
  }

  /** The values above the last mark, which goes with them. */
  popToMark(): PythonValue[] {
    const mark = this.marks.pop();
    if (mark === undefined) throw damagedPickle('goes back to a mark that it never set');
    return this.values.splice(mark);
  }

  /** Keeps the topmost value under a number: by default the next one. Picklers count them. */
  remember(index = this.memo.size): void {
    if (index > LARGEST_MEMO) throw damagedPickle(`stores a value as number ${index}`);
    this.memo.set(index, this.top());
  }

  /** What was kept under a number. */
  recall(index: number): PythonValue {
    const value = this.memo.get(index);
    if (value === undefined) throw damagedPickle(`recalls value ${index}, which it never stored`);
    return value;
  }
}

const LARGEST_MEMO = 1_000_000;

/** The error of a pickle that no pickler writes. */
export function damagedPickle(what: string): MalformedCheckpoint {
  return new MalformedCheckpoint(`the pickle ${what}: it is damaged.`);
}
