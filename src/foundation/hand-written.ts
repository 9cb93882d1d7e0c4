const START = '<!-- by hand: what stands between these two lines stays as it is -->';
const END = '<!-- end of by hand -->';
const NOTES_HEADING = '## Notes by hand';

/** A block that a person wrote, and the heading that it stands under. */
interface Block {
  /** The heading's line; undefined before the first one. */
  readonly heading: string | undefined;
  readonly lines: readonly string[];
}

/** The end of a page that a command writes: a heading with an empty place for a person's own words. */
export function notesLines(): string[] {
  return [NOTES_HEADING, '', START, '', END, ''];
}

/**
 * A page that is to take another's place, with all that a person wrote between marks in the old one: each block at the end of the section that it stood in, or with
 * the notes where there is no such section any more. A page that nobody wrote into, put in its own place, is the same again.
 * @param written the new page, which ends with {@link notesLines}.
 */
export function keepHandWritten(written: string, old: string): string {
  const blocks = splitPage(old).blocks.filter(({ lines }) => lines.some((line) => line.trim() !== ''));
  if (blocks.length === 0) return written;
  const { lines } = splitPage(written);
  const sections = sectionsOf(lines);
  const known = new Set(sections.map(({ heading }) => keyOf(heading)));
  const placeOf = (block: Block): string => (known.has(keyOf(block.heading)) ? keyOf(block.heading) : keyOf(NOTES_HEADING));
  const placed = sections.flatMap((section, index) => {
    const isFirst = sections.findIndex(({ heading }) => keyOf(heading) === keyOf(section.heading)) === index;
    const own = isFirst ? blocks.filter((block) => placeOf(block) === keyOf(section.heading)) : [];
    const empty = keyOf(section.heading) === keyOf(NOTES_HEADING) && own.length === 0 ? [[START, '', END]] : [];
    const marked = [...empty, ...own.map((block) => [START, ...block.lines, END])];
    return marked.length === 0 ? section.lines : [...trimmed(section.lines), ...marked.flatMap((block) => ['', ...block]), ''];
  });
  return `${trimmed(placed).join('\n')}\n`;
}

/** The blocks between marks of a part of a page, marks included, each with an empty line before it. */
export function handWrittenIn(text: string): string {
  return splitPage(text)
    .blocks.map(({ lines }) => `\n\n${[START, ...lines, END].join('\n')}`)
    .join('');
}

/** Whether a page has a place for a person's words. */
export function hasHandWrittenMarks(text: string): boolean {
  return text.split('\n').some((line) => line.trim() === START);
}

/** A page as one block that stays, for one that a person wrote before there were marks. */
export function asHandWritten(text: string): string {
  return [NOTES_HEADING, '', START, ...trimmed(text.split('\n')), END, ''].join('\n');
}

/** A page without its blocks, and the blocks. One whose end is missing ends before the next heading. */
function splitPage(text: string): { readonly lines: readonly string[]; readonly blocks: readonly Block[] } {
  const all = text.split(/\r?\n/);
  const lines: string[] = [];
  const blocks: Block[] = [];
  let heading: string | undefined;
  let fenced = false;
  for (let at = 0; at < all.length; at++) {
    const line = all[at] ?? '';
    if (line.trim() === START) {
      const end = endOf(all, at);
      blocks.push({ heading, lines: all.slice(at + 1, end) });
      // Without an end the line at hand is the next heading, which is no part of the block.
      at = all[end]?.trim() === END ? end : end - 1;
    } else {
      if (/^\s*(```|~~~)/.test(line)) fenced = !fenced;
      if (!fenced && isHeading(line)) heading = line;
      lines.push(line);
    }
  }
  return { lines, blocks };
}

function endOf(lines: readonly string[], start: number): number {
  const end = lines.findIndex((line, at) => at > start && line.trim() === END);
  const next = lines.findIndex((line, at) => at > start && line.trim() === START);
  if (end !== -1 && (next === -1 || end < next)) return end;
  const heading = lines.findIndex((line, at) => at > start && (isHeading(line) || at === next));
  return heading === -1 ? lines.length : heading;
}

function isHeading(line: string): boolean {
  return /^#{1,6} /.test(line);
}

/** All titles are one place: a model may be called otherwise by now. */
function keyOf(heading: string | undefined): string {
  return heading === undefined || heading.startsWith('# ') ? '# ' : heading.trim();
}

function sectionsOf(lines: readonly string[]): { readonly heading: string | undefined; readonly lines: string[] }[] {
  const sections: { heading: string | undefined; lines: string[] }[] = [];
  let fenced = false;
  for (const line of lines) {
    if (/^\s*(```|~~~)/.test(line)) fenced = !fenced;
    if (sections.length === 0 || (!fenced && isHeading(line))) sections.push({ heading: isHeading(line) ? line : undefined, lines: [] });
    sections.at(-1)?.lines.push(line);
  }
  return sections;
}

/** Without empty lines at the end. */
function trimmed(lines: readonly string[]): string[] {
  return lines.slice(0, lines.findLastIndex((line) => line.trim() !== '') + 1);
}
