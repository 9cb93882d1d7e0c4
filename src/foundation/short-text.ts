const letters = new Intl.Segmenter('en', { granularity: 'grapheme' });

/** Letters of a label that tables, sentences and lines show; a longer one is cut there, and whole in the CSV files. */
export const LABEL_LENGTH = 60;

/** A text of at most `most` UTF-16 units: the end of a longer one gives way to `…`, and no letter, emoji or accent is cut in two. */
export function shortText(text: string, most: number): string {
  if (text.length <= most) return text;
  let end = 0;
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
