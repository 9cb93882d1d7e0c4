/**
 * Where a text stops being JSON, and what was expected there: `line 3, column 5: expected …, found …`; undefined for valid JSON. JSON.parse knows the
 * place only sometimes, and says it differently in each version of Node.
 */
export function describeJsonFault(text: string): string | undefined {
  const reader = new JsonReader(text);
  try {
    reader.readValue(0);
    reader.expectEnd();
    return undefined;
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    const before = text.slice(0, error.position).split('\n');
    const found = /^\S{1,12}/.exec(text.slice(error.position))?.[0];
    const place = `line ${before.length}, column ${(before.at(-1)?.length ?? 0) + 1}`;
    return `${place}: expected ${error.expected}, found ${found ?? 'the end'}`;
  }
}

const DEEPEST = 200;
/** A piece of a string: a run of characters that stand for themselves, or one that is escaped. */
const STRING_PIECE = /[ !#-[\]-\uffff]+|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})/y;
const QUOTE = /"/y;
const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?(?![\w.])/y;
const WORD = /(?:true|false|null)(?!\w)/y;
const SPACE = /[ \t\r\n]*/y;

class Fault extends Error {
  constructor(
    readonly position: number,
    readonly expected: string,
  ) {
    super(expected);
  }
}

class JsonReader {
  private position = 0;

  constructor(private readonly text: string) {}

  readValue(depth: number): void {
    this.take(SPACE);
    if (depth > DEEPEST) throw new Fault(this.position, 'fewer levels');
    if (this.next() === '{') this.readMembers('}', 'a key in double quotes (no comma after the last value, no comments)', depth, true);
    else if (this.next() === '[') this.readMembers(']', 'a value', depth, false);
    else if (!this.takeString() && !this.take(NUMBER) && !this.take(WORD)) throw new Fault(this.position, 'a value');
    this.take(SPACE);
  }

  expectEnd(): void {
    if (this.position < this.text.length) throw new Fault(this.position, 'nothing more');
  }

  /** Reads `{…}` (with `keys`) or `[…]`, the first bracket being next. */
  private readMembers(close: '}' | ']', member: string, depth: number, keys: boolean): void {
    this.position++;
    this.take(SPACE);
    if (this.next() === close) {
      this.position++;
      return;
    }
    for (;;) {
      this.take(SPACE);
      if (keys) {
        if (!this.takeString()) throw new Fault(this.position, member);
        this.take(SPACE);
        this.expect(':');
      }
      this.readValue(depth + 1);
      if (this.next() === close) break;
      this.expect(',', `, or ${close}`);
    }
    this.position++;
  }

  private expect(character: string, said = character): void {
    if (this.next() !== character) throw new Fault(this.position, said);
    this.position++;
  }

  private next(): string | undefined {
    return this.text[this.position];
  }

  /** Piece by piece: one pattern for the whole would need memory for every character of a long string. */
  private takeString(): boolean {
    const start = this.position;
    if (this.take(QUOTE)) {
      while (this.take(STRING_PIECE));
      if (this.take(QUOTE)) return true;
    }
    this.position = start;
    return false;
  }

  private take(pattern: RegExp): boolean {
    pattern.lastIndex = this.position;
    if (!pattern.test(this.text)) return false;
    this.position = pattern.lastIndex;
    return true;
  }
}
