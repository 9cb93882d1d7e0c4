/** A time span: `0.21 s`, `1.7 s`, `42 s`, `2 min 05 s`, `1 h 02 min`. */
export function secondsText(seconds: number): string {
  if (seconds < 0.995) return `${seconds.toFixed(2)} s`;
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${twoDigits(whole % 60)} s`;
  const minutes = Math.round(seconds / 60);
  return `${Math.floor(minutes / 60)} h ${twoDigits(minutes % 60)} min`;
}

/** A loss: `1.234`, `12.35`. */
export function lossText(loss: number): string {
  return loss < 10 ? loss.toFixed(3) : loss.toPrecision(4);
}

/** A learning rate: `3.0e-4`. */
export function learningRateText(rate: number): string {
  return rate.toExponential(1);
}

/** A pace: `8.4 clips/s`, `184 clips/s`. */
export function paceText(clipsPerSecond: number): string {
  return `${clipsPerSecond < 10 ? clipsPerSecond.toFixed(1) : clipsPerSecond.toFixed(0)} clips/s`;
}

function twoDigits(number: number): string {
  return String(number).padStart(2, '0');
}

/** Beyond it, one cell is no reason to fill all the others: a name of a million letters would come once for each. */
const WIDEST = 200;

/** Rows of cells, each column as wide as its widest cell. */
export function columns(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, column) => rows.reduce((widest, row) => Math.max(widest, row[column]?.length ?? 0), 0));
  return rows.map((row) => `  ${row.map((cell, column) => cell.padEnd(Math.min(widths[column] ?? 0, WIDEST))).join('  ')}`.trimEnd());
}
