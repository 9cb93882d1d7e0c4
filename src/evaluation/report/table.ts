import { html, Markup } from './markup';

/** A cell: text, or a number with the text that shows it. */
export type Cell = string | { readonly value: number; readonly text: string; readonly share?: boolean; readonly wrong?: boolean } | Markup;

/** A table that a click on a heading sorts. */
export interface Table {
  readonly columns: readonly (string | { readonly number: string })[];
  readonly rows: readonly (readonly Cell[])[];
  /** Whether it scrolls within a frame. */
  readonly long?: boolean;
}

/** A number as a share of all: `84.6 %`, with a bar behind it. */
export function shareCell(value: number): Cell {
  return { value, text: `${(100 * value).toFixed(1)} %`, share: true };
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
