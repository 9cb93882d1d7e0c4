const BEGIN = '# kumpas: begin (npm run models -- git-setup writes these lines; write yours outside of them)';
const END = '# kumpas: end';

/** The lines that a command keeps in a file which others write too, between marks. */
export function markedBlock(lines: readonly string[]): string[] {
  return [BEGIN, ...lines, END];
}

/** Whether a file has such a block; `broken` where only one of its marks is there, or they are there more than once. */
export function blockIn(text: string): 'whole' | 'none' | 'broken' {
  const lines = text.split(/\r?\n/);
  const begins = lines.filter((line) => line === BEGIN).length;
  const ends = lines.filter((line) => line === END).length;
  if (begins === 0 && ends === 0) return 'none';
  return begins === 1 && ends === 1 && lines.indexOf(BEGIN) < lines.indexOf(END) ? 'whole' : 'broken';
}

/**
 * A file's text with its block brought up to date, in its place. Where it has none, the block comes first: of two lines that say different things git follows the
 * later one, which is the user's own.
 */
export function withBlock(text: string, lines: readonly string[]): string {
  const newline = text.includes('\r\n') ? '\r\n' : '\n';
  const block = markedBlock(lines);
  if (blockIn(text) === 'none') return [...block, ...(text === '' ? [''] : ['', text])].join(newline);
  const all = text.split(newline);
  return [...all.slice(0, all.indexOf(BEGIN)), ...block, ...all.slice(all.indexOf(END) + 1)].join(newline);
}
