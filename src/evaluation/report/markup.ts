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
  return html`<div class="${long ? 'long' : 'scroll'}">
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
