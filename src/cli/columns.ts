/** Beyond it, one cell is no reason to fill all the others: a name of a million letters would come once for each. */
const WIDEST = 200;

/** Rows of cells, each column as wide as its widest cell. */
export function columns(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, column) => rows.reduce((widest, row) => Math.max(widest, row[column]?.length ?? 0), 0));
  return rows.map((row) => `  ${row.map((cell, column) => cell.padEnd(Math.min(widths[column] ?? 0, WIDEST))).join('  ')}`.trimEnd());
}
