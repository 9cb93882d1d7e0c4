import { UserError } from '../foundation/errors';
import { stoodInFor } from '../foundation/foreign-file';
import { describeJsonFault } from './json-fault';

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
