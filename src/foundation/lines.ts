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
