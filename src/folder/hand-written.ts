import { elementAt } from '../foundation/required';

const START = '<!-- by hand: what stands between these two lines stays as it is -->';
const END = '<!-- end of by hand -->';
const NOTES_HEADING = '## Notes by hand';

/** Most bytes of a README.md that is read: hundreds of times those of any that people write. */
export const LARGEST_PAGE = 16_000_000;

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
  const placedBlocks = blocksByPlace(blocks, new Set(sections.map(({ heading }) => keyOf(heading))));
  const placed = sections.flatMap((section) => {
    const key = keyOf(section.heading);
    const own = placedBlocks.get(key) ?? [];
    placedBlocks.delete(key); // Of sections of one title the first has them.
    const empty = key === keyOf(NOTES_HEADING) && own.length === 0 ? [[START, '', END]] : [];
    const marked = [...empty, ...own.map((block) => [START, ...block.lines, END])];
    return marked.length === 0 ? section.lines : [...trimmed(section.lines), ...marked.flatMap((block) => ['', ...block]), ''];
  });
  return `${trimmed(placed).join('\n')}\n`;
}

/** Blocks by the key of the section that they go to: their own, or the notes. */
function blocksByPlace(blocks: readonly Block[], known: ReadonlySet<string>): Map<string, Block[]> {
  const places = new Map<string, Block[]>();
  for (const block of blocks) {
    const own = keyOf(block.heading);
    const key = known.has(own) ? own : keyOf(NOTES_HEADING);
    const place = places.get(key);
    if (place === undefined) places.set(key, [block]);
    else place.push(block);
  }
  return places;
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
  const ends = blockEnds(all);
  const lines: string[] = [];
  const blocks: Block[] = [];
  let heading: string | undefined;
  let fenced = false;
  for (let at = 0; at < all.length; at++) {
    const line = elementAt(all, at);
    if (line.trim() === START) {
      const end = elementAt(ends, at);
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

/**
 * Where a block that starts at each line would end: at its end mark, or, where the next start mark comes before that, at that or the next heading. From the last line
 * to the first, so that a page of start marks alone is gone through once.
 */
function blockEnds(lines: readonly string[]): Uint32Array {
  const ends = new Uint32Array(lines.length);
  let [end, start, heading] = [lines.length, lines.length, lines.length];
  for (let at = lines.length - 1; at >= 0; at--) {
    ends[at] = end < start ? end : Math.min(heading, start);
    const line = elementAt(lines, at);
    if (line.trim() === END) end = at;
    else if (line.trim() === START) start = at;
    else if (isHeading(line)) heading = at;
  }
  return ends;
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
