import { createHash } from 'node:crypto';
import { RESULT_FILES } from '../../folder/contents';
import { printableLine, percent } from '../../foundation/text';

/** A piece of HTML that is safe to put into a page as it is. */
export class Markup {
  constructor(readonly text: string) {}
}

type Content = Markup | string | number | undefined | readonly Content[];

/** HTML in which whatever is put in is escaped, unless it is {@link Markup} itself: a label can never become a tag. */
export function html(parts: TemplateStringsArray, ...contents: readonly Content[]): Markup {
  return new Markup(parts.map((part, place) => part + (place < contents.length ? textOf(contents[place]) : '')).join(''));
}

function textOf(content: Content): string {
  if (content === undefined) return '';
  if (content instanceof Markup) return content.text;
  if (typeof content === 'object') return content.map(textOf).join('');
  return printableLine(String(content))
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll("'", '&#39;');
}

/** A cell: text, or a number with the text that shows it. */
export type Cell = string | { readonly value: number; readonly text: string; readonly share?: boolean; readonly wrong?: boolean } | Markup;

/** A table that a click on a heading sorts. */
interface Table {
  readonly columns: readonly (string | { readonly number: string })[];
  readonly rows: readonly (readonly Cell[])[];
  /** Whether it scrolls within a frame. */
  readonly long?: boolean;
}

/** A number as a share of all: `84.6 %`, with a bar behind it. */
export function shareCell(value: number): Cell {
  return { value, text: percent(value), share: true };
}

/** A count. */
export function countCell(value: number): Cell {
  return { value, text: String(value) };
}

export function tableMarkup({ columns, rows, long = false }: Table): Markup {
  const headings = columns.map((column) =>
    typeof column === 'string'
      ? html`<th><button type="button">${column}</button></th>`
      : html`<th class="number"><button type="button">${column.number}</button></th>`,
  );
  return html`<div class="${long ? 'long scroll' : 'scroll'}" tabindex="0">
    <table class="sortable">
      <thead>
        <tr>
          ${headings}
        </tr>
      </thead>
      <tbody>
        ${rows.map(
          (row) =>
            html`<tr>
              ${row.map(cellMarkup)}
            </tr> `,
        )}
      </tbody>
    </table>
  </div>`;
}

function cellMarkup(cell: Cell): Markup {
  if (typeof cell === 'string' || cell instanceof Markup) return html`<td>${cell}</td>`;
  const { value, text, share = false } = cell;
  const bar = share ? html` style="--share: ${(100 * Math.min(1, Math.max(0, value))).toFixed(1)}%"` : undefined;
  return html`<td class="number${share ? ' share' : ''}" data-value="${value}" ${bar}>${text}</td>`;
}

/**
 * The sha256 of `interaction.js` in every version of Kumpas that wrote pages, in hexadecimal: packs bring pages of earlier versions. A changed script is added
 * here, and the earlier ones stay.
 */
const SCRIPTS: ReadonlySet<string> = new Set(['c71f5706f49ecd8a4aac2ec0cf8d624e6ddefdc3bd30a370fa2286499d8aced5']);

const ELEMENTS = new Set(
  (
    'html head meta title body main h1 h2 p strong nav a div b br span ul li ' +
    'table thead tbody tr th td button picture source img figure figcaption'
  ).split(' '),
);

const FILES: ReadonlySet<string> = new Set(Object.values(RESULT_FILES));
const PICTURE = /^data:image\/png;base64,[A-Za-z0-9+/=]*$/;
const TEXT = /^/;

/** What each attribute of the page may say. */
const ATTRIBUTES: ReadonlyMap<string, RegExp | ((value: string) => boolean)> = new Map<string, RegExp | ((value: string) => boolean)>([
  ['href', (value) => /^#[a-z-]+$/.test(value) || FILES.has(value)],
  ['src', PICTURE],
  ['srcset', PICTURE],
  ['style', /^--share: [\d.]+%$/],
  ['http-equiv', /^Content-Security-Policy$/],
  ...['lang', 'charset', 'name', 'content', 'class', 'id', 'type', 'title', 'alt', 'width', 'media', 'data-value', 'tabindex'].map(
    (name): [string, RegExp] => [name, TEXT],
  ),
]);

const TAG = /<(\/?)([a-z][a-z0-9]*)((?:\s+[a-z-]+(?:="[^"<>]*")?){0,12})\s*\/?>/y;
const ATTRIBUTE = /([a-z-]+)(?:="([^"]*)")?/g;

/**
 * Why a page is none that {@link reportPage} could have written; undefined where it is one. Whatever its text says, it runs no script but Kumpas's own, and
 * leads and sends nowhere.
 */
export function foreignPart(page: string): string | undefined {
  const withoutScript = withoutElement(page, 'script');
  if (withoutScript.content !== undefined && !SCRIPTS.has(createHash('sha256').update(withoutScript.content).digest('hex')))
    return 'it holds a script that Kumpas did not write';
  const withoutStyle = withoutElement(withoutScript.rest, 'style');
  if (/<|\\|@import|url\(/i.test(withoutStyle.content ?? '')) return 'its style asks for other files';
  const body = withoutStyle.rest.replace(/^<!doctype html>/, '');
  for (let at = body.indexOf('<'); at !== -1; at = body.indexOf('<', at + 1)) {
    const problem = tagProblem(body, at);
    if (problem !== undefined) return problem;
  }
  return undefined;
}

/** The page without the first element of a name, as Kumpas writes it; any further one is foreign. */
function withoutElement(page: string, name: 'script' | 'style'): { readonly rest: string; readonly content: string | undefined } {
  const [open, close] = [`<${name}>`, `</${name}>`];
  const start = page.indexOf(open);
  const end = start === -1 ? -1 : page.indexOf(close, start);
  if (end === -1) return { rest: page, content: undefined };
  return { rest: page.slice(0, start) + page.slice(end + close.length), content: page.slice(start + open.length, end) };
}

function tagProblem(page: string, at: number): string | undefined {
  TAG.lastIndex = at;
  const [, , element = '', attributes = ''] = TAG.exec(page) ?? [];
  if (!ELEMENTS.has(element)) return `it holds ${JSON.stringify(page.slice(at, at + 30))}, which is no part of Kumpas's pages`;
  for (const [, attribute = '', value = ''] of attributes.matchAll(ATTRIBUTE)) {
    const allowed = ATTRIBUTES.get(attribute);
    const fits = allowed instanceof RegExp ? allowed.test(value) : allowed?.(value) === true;
    if (!fits) return `its <${element}> has ${JSON.stringify(`${attribute}="${value.slice(0, 60)}"`)}, which is no part of Kumpas's pages`;
  }
  return undefined;
}
