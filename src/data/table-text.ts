import { isUtf8 } from 'node:buffer';
import { stoodInFor } from '../foundation/foreign-file';
import { excerpt } from '../foundation/text';

/** The text of a table's file, or what is wrong with its letters. */
type TableText = { readonly text: string } | { readonly problems: readonly string[] };

const LINE_FEED = 0x0a;
/** As much of a file as tells what it is. */
const START_BYTES = 512;
const LINES_LISTED = 20;
const ADVICE = 'save the file as UTF-8 ("CSV UTF-8" in Excel)';

/**
 * The text of a table: UTF-8, or UTF-16 that says so by its byte order mark. Any other encoding is refused, line by line, with what Windows-1252 would make of
 * it: which one it is cannot be told from the bytes, and a guess would change names.
 */
export function decodeTable(bytes: Buffer): TableText {
  const foreign = stoodInFor(bytes.subarray(0, START_BYTES));
  if (foreign !== undefined) return { problems: [foreign] };
  if (isWidest(bytes)) return { problems: [`it is UTF-32; ${ADVICE}`] };
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return decodeWide(bytes, 'utf-16le');
  if (bytes[0] === 0xfe && bytes[1] === 0xff) return decodeWide(bytes, 'utf-16be');
  const nul = bytes.indexOf(0);
  if (nul !== -1)
    return { problems: [`line ${lineOf(bytes, nul)} holds a NUL byte: no text, or UTF-16 without a byte order mark; ${ADVICE}`] };
  if (isUtf8(bytes)) return { text: bytes.toString('utf8').replace(/^\uFEFF/, '') };
  return { problems: foreignLines(bytes) };
}

/** UTF-32 begins as UTF-16 does where its little end comes first. */
function isWidest(bytes: Buffer): boolean {
  const mark = bytes.subarray(0, 4).toString('latin1');
  return mark === '\xff\xfe\0\0' || mark === '\0\0\xfe\xff';
}

function decodeWide(bytes: Buffer, encoding: 'utf-16le' | 'utf-16be'): TableText {
  try {
    return { text: new TextDecoder(encoding, { fatal: true }).decode(bytes) };
  } catch {
    return { problems: [`it says that it is UTF-16, and is cut off or damaged; ${ADVICE}`] };
  }
}

function foreignLines(bytes: Buffer): string[] {
  const problems: string[] = [];
  let more = 0;
  let line = 1;
  for (let start = 0; start < bytes.length; line++) {
    const found = bytes.indexOf(LINE_FEED, start);
    const end = found === -1 ? bytes.length : found;
    const part = bytes.subarray(start, end);
    if (!isUtf8(part)) {
      if (problems.length >= LINES_LISTED) more++;
      else problems.push(`line ${line} is no UTF-8; as Windows-1252 it reads "${excerpt(around(part))}"; ${ADVICE}`);
    }
    start = end + 1;
  }
  if (more > 0) problems.push(`${more} further lines are no UTF-8`);
  return problems;
}

/** The part of a line about its first letter that is no UTF-8, which a long line's excerpt would leave out. */
function around(line: Buffer): string {
  let valid = 0;
  for (let step = 2 ** Math.ceil(Math.log2(line.length + 1)); step >= 1; step /= 2) {
    // Cut within a letter, a start that is valid may look as if it were not: three bytes more or less do not matter here.
    if (valid + step <= line.length && isUtf8(line.subarray(0, valid + step))) valid += step;
  }
  const start = Math.max(0, valid - 30);
  return windows1252(line.subarray(start, start + 60)).trim();
}

/** What Windows-1252 has where Latin-1 has control codes. Not every Node's TextDecoder tells the two apart. */
const BETWEEN_0X80_AND_0X9F = '€�‚ƒ„…†‡ˆ‰Š‹Œ�Ž��‘’“”•–—˜™š›œ�žŸ';

function windows1252(bytes: Buffer): string {
  return bytes.toString('latin1').replace(/[\x80-\x9f]/g, (letter) => BETWEEN_0X80_AND_0X9F.charAt(letter.charCodeAt(0) - 0x80));
}

function lineOf(bytes: Buffer, place: number): number {
  let line = 1;
  for (let at = bytes.indexOf(LINE_FEED); at !== -1 && at < place; at = bytes.indexOf(LINE_FEED, at + 1)) line++;
  return line;
}
