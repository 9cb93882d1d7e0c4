import { element } from './elements';

/** Markdown as elements of a page: headings, paragraphs, lists, tables, quotes and code. Whatever else is in it stays a text; links lead nowhere, pictures are left out. */
export function markdown(text: string): HTMLElement {
  const visible = text.replaceAll(/<!--[\s\S]*?-->/g, '').trimEnd();
  const lines = visible.replace(/\n#{1,6} [^\n]*$/, '').split(/\r?\n/); // A heading at the end has nothing below it.
  const root = element('div', { class: 'prose' });
  for (let at = 0; at < lines.length;) {
    const block = blockAt(lines, at);
    if (block.made !== undefined) root.append(block.made);
    at = Math.max(block.end, at + 1);
  }
  return root;
}

interface Block {
  readonly made: HTMLElement | undefined;
  /** The line after it. */
  readonly end: number;
}

function blockAt(lines: readonly string[], at: number): Block {
  const line = lines[at] ?? '';
  if (line.trim() === '' || /^!\[[^\]]*\]\([^)]*\)\s*$/.test(line)) return { made: undefined, end: at + 1 };
  const fence = /^(`{3,}|~{3,})/.exec(line)?.[1];
  if (fence !== undefined) {
    const end = endOf(lines, at + 1, (other) => !other.startsWith(fence));
    const code = element('code', {}, lines.slice(at + 1, end).join('\n'));
    return { made: element('pre', { tabindex: 0, class: 'scrolling' }, code), end: end + 1 };
  }
  const [, marks, title] = /^(#{1,6})\s+(.*)$/.exec(line) ?? [];
  if (marks !== undefined && title !== undefined) return { made: headingOf(marks.length, title), end: at + 1 };
  if (line.startsWith('|')) return tableAt(lines, at);
  if (line.startsWith('>')) {
    const end = endOf(lines, at, (other) => other.startsWith('>'));
    const quoted = lines.slice(at, end).map((other) => other.replace(/^>\s?/, ''));
    return { made: element('blockquote', {}, ...inline(quoted.join(' '))), end };
  }
  if (/^\s*([-*]|\d+\.)\s/.test(line)) return listAt(lines, at);
  const end = endOf(lines, at, (other) => other.trim() !== '' && !/^(#{1,6}\s|\||>|`{3}|[-*]\s)/.test(other));
  return { made: element('p', {}, ...inline(lines.slice(at, Math.max(end, at + 1)).join(' '))), end };
}

/** The first line from one on that is no part of a block any more. */
function endOf(lines: readonly string[], from: number, belongs: (line: string) => boolean): number {
  const found = lines.findIndex((line, at) => at >= from && !belongs(line));
  return found === -1 ? lines.length : found;
}

/** A page has a heading of its own above. */
function headingOf(level: number, title: string): HTMLElement {
  const tags = ['h2', 'h3', 'h4', 'h5', 'h6'] as const;
  return element(tags[level - 1] ?? 'h6', {}, ...inline(title));
}

function listAt(lines: readonly string[], at: number): Block {
  const end = endOf(lines, at, (line) => /^\s*([-*]|\d+\.)\s|^\s{2,}\S/.test(line));
  const items: string[] = [];
  for (const line of lines.slice(at, end)) {
    const [, , text] = /^\s*([-*]|\d+\.)\s+(.*)$/.exec(line) ?? [];
    if (text === undefined) items.push(`${items.pop() ?? ''} ${line.trim()}`);
    else items.push(text);
  }
  const isNumbered = /^\s*\d/.test(lines[at] ?? '');
  return { made: element(isNumbered ? 'ol' : 'ul', {}, ...items.map((item) => element('li', {}, ...inline(item)))), end };
}

function tableAt(lines: readonly string[], at: number): Block {
  const end = endOf(lines, at, (line) => line.startsWith('|'));
  const rows = lines
    .slice(at, end)
    .filter((line) => !/^\|[\s:|-]+\|?\s*$/.test(line))
    .map((line) => line.replace(/^\||\|\s*$/g, '').split(/(?<!\\)\|/));
  const [head = [], ...others] = rows;
  const cells = (row: readonly string[], kind: 'td' | 'th'): HTMLElement[] =>
    row.map((cell) => element(kind, kind === 'th' ? { scope: 'col' } : {}, ...inline(cell.trim())));
  const table = element(
    'table',
    {},
    element('thead', {}, element('tr', {}, ...cells(head, 'th'))),
    element('tbody', {}, ...others.map((row) => element('tr', {}, ...cells(row, 'td')))),
  );
  const name = head.map((cell) => cell.trim()).join(', ');
  return { made: element('div', { class: 'scrolling', tabindex: 0, role: 'region', 'aria-label': name }, table), end };
}

/** A line's bold, code and links; what is escaped by a backslash is a letter as any other. */
function inline(text: string): (Node | string)[] {
  const made: (Node | string)[] = [];
  let from = 0;
  for (const { 0: whole, 1: code, 2: bold, 3: slanted, 4: link, index } of text.matchAll(
    /`([^`]+)`|\*\*([^*]+)\*\*|(?<![\w\\])[_*]([^_*]+)[_*](?!\w)|(?<!!)\[([^\]]+)\]\([^)\s]*\)/g,
  )) {
    made.push(unescaped(text.slice(from, index)));
    if (code !== undefined) made.push(element('code', {}, code));
    else if (bold !== undefined) made.push(element('strong', {}, unescaped(bold)));
    else if (slanted !== undefined) made.push(element('em', {}, unescaped(slanted)));
    else if (link !== undefined) made.push(unescaped(link));
    from = index + whole.length;
  }
  made.push(unescaped(text.slice(from)));
  return made;
}

const ENTITIES: Readonly<Record<string, string>> = { '&lt;': '<', '&gt;': '>', '&amp;': '&', '&#124;': '|' };

function unescaped(text: string): string {
  return text
    .replaceAll(/\\([\\`*_{}[\]()#+\-.!|<>~&])/g, '$1')
    .replaceAll(/&(?:lt|gt|amp|#124);/g, (entity) => ENTITIES[entity] ?? entity);
}
