import { elementAt } from './required';

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

/** A share from 0 to 1 as a percentage: `92.1 %`. */
export function percent(share: number, digits = 1): string {
  return `${(100 * share).toFixed(digits)} %`;
}

/** A difference of shares in percentage points: `+1.3`, `−0.4`, `0.0`. */
export function signedPoints(difference: number): string {
  const points = (100 * Math.abs(difference)).toFixed(1);
  return points === '0.0' ? points : `${difference > 0 ? '+' : '−'}${points}`;
}

/** A number of things: `1 epoch`, `3 epochs`, `2 batches`. */
export function counted(count: number, one: string, many = `${one}s`): string {
  return `${count} ${count === 1 ? one : many}`;
}

/** `101.2 MB`, with three digits or so. */
export function bytesText(bytes: number): string {
  const units = ['bytes', 'KB', 'MB', 'GB', 'TB'];
  let value = bytes;
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${unit === 0 ? String(bytes) : value.toFixed(1)} ${units[unit] ?? ''}`;
}

/** The first of some names, and how many more there are: `a, b and 7 more`. */
export function listed(names: readonly string[], most: number): string {
  return names.slice(0, most).join(', ') + (names.length > most ? ` and ${names.length - most} more` : '');
}

/** Letters of a label that tables, sentences and lines show; a longer one is cut there, and whole in the CSV files. */
const LABEL_LENGTH = 60;

/** A text of at most `most` UTF-16 units: the end of a longer one gives way to `…`, and no letter, emoji or accent is cut in two. */
export function shortText(text: string, most: number): string {
  if (text.length <= most) return text;
  let end = 0;
  const letters = new Intl.Segmenter('en', { granularity: 'grapheme' }); // It takes a hundredth of a second: only where something is cut.
  for (const { index, segment } of letters.segment(text.slice(0, most + 64))) {
    if (index + segment.length > most - 1) break;
    end = index + segment.length;
  }
  return `${text.slice(0, end)}…`;
}

/** A label as it is shown where there is little room. */
export function shortLabel(label: string): string {
  return shortText(label, LABEL_LENGTH);
}

/** The start of a text from a file, for a message: a hostile one may be of any length. */
export function excerpt(text: string, longest = LABEL_LENGTH): string {
  return shortText(text, longest + 1);
}

/** The lines of a text one after the other, without a list of all of them: a text of millions of lines takes no more memory than itself. */
export function* linesOf(text: string): Generator<string> {
  for (let start = 0; start <= text.length;) {
    const end = text.indexOf('\n', start);
    const next = end === -1 ? text.length : end;
    yield text.slice(start, next);
    start = next + 1;
  }
}

/** How many lines a text has, empty ones left out. */
export function countLines(text: string): number {
  let count = 0;
  for (let start = 0; start < text.length;) {
    const end = text.indexOf('\n', start);
    const next = end === -1 ? text.length : end;
    if (next > start) count++;
    start = next + 1;
  }
  return count;
}

/** A text from a file as one line in which Markdown and HTML find nothing to form. */
export function plainMarkdown(text: string): string {
  return printableLine(text)
    .replaceAll('&', '&amp;')
    .replaceAll(/[\\`*_[\]<>|#~]/g, String.raw`\$&`);
}

/** A text as one word of a shell's command: quoted where it holds anything that a shell would read otherwise. */
export function shellWord(text: string): string {
  const line = printableLine(text);
  return /^[\w./:@%+,=-]+$/.test(line) ? line : `'${line.replaceAll("'", String.raw`'\''`)}'`;
}

/** Longer names are nobody's slip of the keyboard, and comparing them would take their lengths' product. */
const LONGEST = 200;

/**
 * The valid name closest to a misspelt one, or undefined where none is near (Damerau–Levenshtein: two letters off, or a third of them, and never all).
 */
export function nearestName(misspelt: string, valid: Iterable<string>): string | undefined {
  if (misspelt.length > LONGEST) return undefined;
  let best: string | undefined;
  let bestDistance = Math.min(Math.max(2, Math.floor(misspelt.length / 3)), misspelt.length - 1) + 1;
  for (const name of valid) {
    // Each letter that one has more than the other is a letter off.
    if (Math.abs(name.length - misspelt.length) >= bestDistance) continue;
    const distance = editDistance(misspelt.toLowerCase(), name.toLowerCase());
    if (distance < bestDistance) {
      best = name;
      bestDistance = distance;
    }
  }
  return best;
}

function editDistance(a: string, b: string): number {
  let beforePrevious: number[] = [];
  let previous = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const current = [i];
    for (let j = 1; j <= b.length; j++) {
      const change = a[i - 1] === b[j - 1] ? 0 : 1;
      let cost = Math.min(elementAt(previous, j) + 1, elementAt(current, j - 1) + 1, elementAt(previous, j - 1) + change);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) cost = Math.min(cost, elementAt(beforePrevious, j - 2) + 1);
      current.push(cost);
    }
    beforePrevious = previous;
    previous = current;
  }
  return elementAt(previous, b.length);
}
