import { visit } from 'jsonc-parser';
import { UserError } from './errors';
import { stoodInFor } from './foreign-file';

/** Levels of brackets in each other: more than any file of Kumpas or PyTorch has, and few enough for whatever goes through a value level by level. */
const DEEPEST = 100;
/** As much of a text as tells what it is. */
const START_LENGTH = 512;

/**
 * The value of a JSON text that somebody else wrote.
 * @param deepest most levels of brackets in each other.
 * @throws UserError without the file's name, in one line: where it is no JSON (with line and column), or is nested deeper.
 */
export function parseJson(text: string, deepest = DEEPEST): unknown {
  if (levelsOf(text) > deepest) throw new UserError(`its brackets are nested deeper than ${deepest}`);
  try {
    return JSON.parse(text);
  } catch (error) {
    const foreign = stoodInFor(Buffer.from(text.slice(0, START_LENGTH)));
    throw new UserError(foreign ?? `no valid JSON: ${describeJsonFault(text) ?? 'it cannot be read'}`, { cause: error });
  }
}

/**
 * Where a text stops being JSON, and what was expected there: `line 3, column 5: expected …, found …`; undefined for valid JSON. JSON.parse knows the place only
 * sometimes, and says it differently in each version of Node.
 */
export function describeJsonFault(text: string): string | undefined {
  /** The innermost bracket that is open comes last. */
  const open: ('}' | ']')[] = [];
  let expected = VALUE;
  let fault: string | undefined;
  const afterValue = (): void => {
    const close = open.at(-1);
    expected = close === undefined ? 'nothing more' : `, or ${close}`;
  };
  const begin = (close: '}' | ']', member: string) => (): void => {
    open.push(close);
    expected = member;
  };
  const end = (offset: number): void => {
    if (text[offset] !== open.at(-1)) return; // Told of a bracket's end too where that is missing.
    open.pop();
    afterValue();
  };
  visit(
    text,
    {
      onObjectBegin: begin('}', KEY),
      onArrayBegin: begin(']', VALUE),
      onObjectEnd: end,
      onArrayEnd: end,
      onLiteralValue: afterValue,
      onObjectProperty: () => {
        expected = ':';
      },
      onSeparator: (character) => {
        expected = character === ',' && open.at(-1) === '}' ? KEY : VALUE;
      },
      onError: (_code, offset, _length, line, column) => {
        const found = /^\S{1,12}/.exec(text.slice(offset, offset + 12))?.[0] ?? 'the end';
        fault ??= `line ${line + 1}, column ${column + 1}: expected ${expected}, found ${found}`;
      },
    },
    { disallowComments: true, allowTrailingComma: false },
  );
  return fault;
}

const VALUE = 'a value';
const KEY = 'a key in double quotes (no comma after the last value, no comments)';

/** How deep the brackets of a text go, those within quotes left out. */
function levelsOf(text: string): number {
  let deepest = 0;
  let level = 0;
  let quoted = false;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (quoted) {
      if (code === BACKSLASH) at++;
      else if (code === QUOTE) quoted = false;
    } else if (code === QUOTE) quoted = true;
    else if (code === BRACE || code === BRACKET) deepest = Math.max(deepest, ++level);
    else if (code === END_OF_BRACE || code === END_OF_BRACKET) level--;
  }
  return deepest;
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const BRACE = 0x7b;
const END_OF_BRACE = 0x7d;
const BRACKET = 0x5b;
const END_OF_BRACKET = 0x5d;
