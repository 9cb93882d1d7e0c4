import { asTyped } from '../foundation/installation';
import { elementAt } from '../foundation/required';

/** Most bytes of a README.md that is read: hundreds of times those of any that people write. */
export const LARGEST_PAGE = 16_000_000;

/** A README.md as a command writes it: all of it is written anew each time, but for what people wrote between marks. */
export interface Page {
  readonly title: string;
  readonly introduction: readonly string[];
  readonly sections: readonly PageSection[];
}

/** A section of a page: its figures, which an evaluation may put others in place of, then its lines. */
export interface PageSection {
  readonly heading: string;
  readonly figures?: readonly string[];
  readonly lines?: readonly string[];
}

const FIGURES_START = '<!-- figures: npm run evaluate writes them anew -->';
const FIGURES_END = '<!-- end of figures -->';
const HAND_START = '<!-- by hand: what stands between these two lines stays as it is -->';
const HAND_END = '<!-- end of by hand -->';
const NOTES_HEADING = '## Notes by hand';

/** The text of a page, which ends with an empty place for a person's own words. */
export function pageText({ title, introduction, sections }: Page): string {
  return [`# ${title}`, '', ...typed(introduction), '', ...sections.flatMap(sectionLines), ...notesLines()].join('\n');
}

function sectionLines({ heading, figures, lines }: PageSection): string[] {
  const parts = [figures === undefined ? undefined : markedFigures(figures), lines && typed(lines)].filter((part) => part !== undefined);
  return [`## ${heading}`, '', ...parts.flatMap((part) => [...part, ''])];
}

/** The end of each page: a heading with an empty place for a person's own words. */
export function notesLines(): string[] {
  return [NOTES_HEADING, '', HAND_START, '', HAND_END, ''];
}

function markedFigures(lines: readonly string[]): string[] {
  return [FIGURES_START, '', ...typed(lines), '', FIGURES_END];
}

/** Lines with their commands as the user types them; the marks are the same everywhere. */
function typed(lines: readonly string[]): string[] {
  return lines.map((line) => asTyped(line));
}

/**
 * A page's text where another is already: what a person wrote into that stays. One without any sign of Kumpas, which a person wrote alone, is taken over whole.
 * @param old empty where there is none.
 */
export function pageInPlaceOf(old: string, page: Page): { readonly text: string; readonly tookOver: boolean } {
  const ours = old.trim() === '' || hasHandWrittenMarks(old) || old.includes(FIGURES_START) || / with Kumpas \S/.test(old);
  return { text: keepHandWritten(pageText(page), ours ? old : asHandWritten(old)), tookOver: !ours };
}

/**
 * A page with other figures; undefined where it has no place for any. What a person wrote among the figures stays, below them.
 * @param lines are asked for only where there is such a place.
 */
export function withFigures(old: string, lines: () => readonly string[]): string | undefined {
  const [start, end] = [old.indexOf(FIGURES_START), old.indexOf(FIGURES_END)];
  if (start === -1 || end < start) return undefined;
  const written = handWrittenIn(old.slice(start, end));
  return old.slice(0, start) + markedFigures(lines()).join('\n') + written + old.slice(end + FIGURES_END.length);
}

/** A block that a person wrote, and the heading that it stands under. */
interface Block {
  /** The heading's line; undefined before the first one. */
  readonly heading: string | undefined;
  readonly lines: readonly string[];
}

/**
 * A page that is to take another's place, with all that a person wrote between marks in the old one: each block at the end of the section that it stood in, or with
 * the notes where there is no such section any more. A page that nobody wrote into, put in its own place, is the same again.
 * @param written the new page, which ends with a place for notes.
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
    const empty = key === keyOf(NOTES_HEADING) && own.length === 0 ? [[HAND_START, '', HAND_END]] : [];
    const marked = [...empty, ...own.map((block) => [HAND_START, ...block.lines, HAND_END])];
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
    .blocks.map(({ lines }) => `\n\n${[HAND_START, ...lines, HAND_END].join('\n')}`)
    .join('');
}

/** Whether a page has a place for a person's words. */
export function hasHandWrittenMarks(text: string): boolean {
  return text.split('\n').some((line) => line.trim() === HAND_START);
}

/** A page as one block that stays, for one that a person wrote before there were marks. */
export function asHandWritten(text: string): string {
  return [NOTES_HEADING, '', HAND_START, ...trimmed(text.split('\n')), HAND_END, ''].join('\n');
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
    if (line.trim() === HAND_START) {
      const end = elementAt(ends, at);
      blocks.push({ heading, lines: all.slice(at + 1, end) });
      // Without an end the line at hand is the next heading, which is no part of the block.
      at = all[end]?.trim() === HAND_END ? end : end - 1;
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
    if (line.trim() === HAND_END) end = at;
    else if (line.trim() === HAND_START) start = at;
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
