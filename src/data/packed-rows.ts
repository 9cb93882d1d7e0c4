/** The frames of a padded batch that are worth computing, as places in each of its parts: in `[clips · frames]` of a part. */
interface PackedRows {
  /** `[parts · rows]`: the position of each packed row in its part. Rows that only fill up name a padded position. */
  readonly positions: Int32Array;
  /** `[size · frames]`: the packed row of each position in its part, 0 for padding. */
  readonly rows: Int32Array;
}

/** Row counts are rounded up to parts of the batch, because each count is a graph of its own: to eighths, and to sixteenths where rows are so many that they cost more than some further graphs. */
const [STEPS, FINER_STEPS, MANY_ROWS] = [8, 16, 512];

/** The least share of a batch that is worth leaving out. */
const WORTH_LEAVING_OUT = 1 / 8;

/**
 * Packs a batch's frames without its padding. Where the batch is divided, each part is packed by itself, all into as many rows: the part with the most frames takes the longest, and
 * further numbers of rows would be further graphs.
 * @param mask `[size · frames]`, 1 for a frame, 0 for padding.
 * @param options.wanted rows of a part, at least as many as there are frames; the next eighth of the part, or sixteenth of a large one, where it is left out.
 * @param options.parts the positions of each part, one behind the other; all of the batch in one where they are left out.
 * @returns undefined where there is too little padding to gain by it.
 */
export function packRows(
  mask: Float32Array,
  { wanted, parts = [mask.length] }: { readonly wanted?: number | undefined; readonly parts?: readonly number[] } = {},
): PackedRows | undefined {
  const masks = parts.map((length, part) => {
    const from = parts.slice(0, part).reduce((sum, before) => sum + before, 0);
    return mask.subarray(from, from + length);
  });
  const capacity = wanted ?? Math.max(...masks.map(roundedFrames));
  const most = Math.max(...masks.map(framesIn));
  if (capacity < most) throw new RangeError(`${most} frames do not fit in ${capacity} rows`);
  const worthwhile = wanted ?? Math.ceil((1 - WORTH_LEAVING_OUT) * Math.max(...parts));
  if (capacity >= Math.min(...parts) || capacity > worthwhile) return undefined;
  const positions = new Int32Array(masks.length * capacity);
  const rows = new Int32Array(mask.length);
  let from = 0;
  for (const [part, ofPart] of masks.entries()) {
    packPart(ofPart, positions.subarray(part * capacity, (part + 1) * capacity), rows.subarray(from, from + ofPart.length));
    from += ofPart.length;
  }
  return { positions, rows };
}

function framesIn(mask: Float32Array): number {
  return mask.reduce((count, kept) => count + kept, 0);
}

function roundedFrames(mask: Float32Array): number {
  const steps = mask.length < MANY_ROWS ? STEPS : FINER_STEPS;
  return Math.ceil((Math.ceil((framesIn(mask) * steps) / mask.length) * mask.length) / steps);
}

function packPart(mask: Float32Array, positions: Int32Array, rows: Int32Array): void {
  positions.fill(mask.indexOf(0));
  let row = 0;
  mask.forEach((kept, position) => {
    if (kept === 0) return;
    positions[row] = position;
    rows[position] = row++;
  });
}
