/** The frames of a padded batch that are worth computing, as places in `[size · frames]`. */
interface PackedRows {
  /** `[rows]`: the position of each packed row. Rows that only fill up name a padded position. */
  readonly positions: Int32Array;
  /** `[size · frames]`: the packed row of each position, 0 for padding. */
  readonly rows: Int32Array;
}

/** Row counts are rounded up to so many steps, because each count is a graph of its own. */
const STEPS = 8;

/**
 * Packs a batch's frames without its padding.
 * @param mask `[size · frames]`, 1 for a frame, 0 for padding.
 * @param wanted rows, at least as many as there are frames; the next eighth of the batch where it is left out.
 * @returns undefined where there is too little padding to gain by it.
 */
export function packRows(mask: Float32Array, wanted?: number): PackedRows | undefined {
  const frames = mask.reduce((count, kept) => count + kept, 0);
  const steps = Math.ceil((frames * STEPS) / mask.length);
  const capacity = wanted ?? Math.ceil((steps * mask.length) / STEPS);
  if (capacity < frames) throw new RangeError(`${frames} frames do not fit in ${capacity} rows`);
  if (capacity >= mask.length) return undefined;
  const positions = new Int32Array(capacity).fill(mask.indexOf(0), frames);
  const rows = new Int32Array(mask.length);
  let row = 0;
  mask.forEach((kept, position) => {
    if (kept === 0) return;
    positions[row] = position;
    rows[position] = row++;
  });
  return { positions, rows };
}
