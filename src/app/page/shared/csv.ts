/** Rows of cells as a file to download, an address that is to be revoked once nobody needs it. */
export function csvAddress(rows: readonly (readonly string[])[]): string {
  return URL.createObjectURL(new Blob([csvText(rows)], { type: 'text/csv' }));
}

/** Rows of cells as the text of a CSV file. */
export function csvText(rows: readonly (readonly string[])[]): string {
  return rows.map((row) => `${row.map(quoted).join(',')}\r\n`).join('');
}

/** A cell of a CSV; what a spreadsheet would take for a formula becomes a text. */
function quoted(cell: string): string {
  const safe = /^[=+\-@\t\r]/.test(cell) ? `'${cell}` : cell;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
