/** Rows of cells as a file to download, an address that is to be revoked once nobody needs it. */
export function csvAddress(rows: readonly (readonly string[])[]): string {
  const text = rows.map((row) => row.map(quoted).join(',')).join('\r\n');
  return URL.createObjectURL(new Blob([`${text}\r\n`], { type: 'text/csv' }));
}

/** A cell of a CSV; what a spreadsheet would take for a formula becomes a text. */
function quoted(cell: string): string {
  const safe = /^[=+\-@\t\r]/.test(cell) ? `'${cell}` : cell;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
