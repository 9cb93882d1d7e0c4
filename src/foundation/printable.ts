/** What steers a terminal or a page instead of being read: control characters (C0, DEL, C1), line and paragraph separators, and changes of direction. */
const STEERING = /[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]/gu;

/** A text from a file as one line that is safe to print: a hostile one may carry control characters to a terminal, or lines of its own. */
export function printableLine(text: string): string {
  return text.replace(STEERING, '\ufffd');
}

/**
 * A text of several lines that is safe to print: what steers a terminal is shown as an escape (`\u001b`), line feeds and tabs stay. A JSON document stays one,
 * and means the same.
 */
export function printableText(text: string): string {
  return text.replace(STEERING, (character) =>
    character === '\n' || character === '\t' ? character : `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
