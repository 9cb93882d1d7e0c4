import { printableLine } from './printable';

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
