/** A picture of 8 bits a channel: red, green and blue in turn, row by row. */
export interface Picture {
  readonly height: number;
  readonly width: number;
  readonly pixels: Uint8Array;
}

/** Bits behind the point of a weight, as Pillow has them. */
const PRECISION = 22;

/**
 * Brings a picture to a size, bilinear with antialiasing: to the last bit what Pillow's `resize(…, BILINEAR)` gives, with which torchvision resizes pictures
 * (src/libImaging/Resample.c): weights of 22 bits, first along the rows, then along the columns, rounded to 8 bits after each.
 */
export function resizePicture({ height, width, pixels }: Picture, toHeight: number, toWidth: number): Uint8Array {
  const narrowed =
    width === toWidth
      ? pixels
      : resample(pixels, weightsOf(width, toWidth), { lines: height, lineStep: width * 3, step: 3, toLineStep: toWidth * 3, toStep: 3 });
  if (height === toHeight) return narrowed;
  const row = toWidth * 3;
  return resample(narrowed, weightsOf(height, toHeight), { lines: toWidth, lineStep: 3, step: row, toLineStep: 3, toStep: row });
}

interface Weights {
  /** Of each new place, the first old one that counts. */
  readonly first: Int32Array;
  readonly counts: Int32Array;
  /** `most` for each new place. */
  readonly values: Int32Array;
  readonly most: number;
}

const known = new Map<string, Weights>();

function weightsOf(from: number, to: number): Weights {
  const key = `${from} ${to}`;
  const weights = known.get(key) ?? computeWeights(from, to);
  known.set(key, weights);
  return weights;
}

function computeWeights(from: number, to: number): Weights {
  const scale = from / to;
  const support = Math.max(scale, 1);
  const most = Math.ceil(support) * 2 + 1;
  const weights = { first: new Int32Array(to), counts: new Int32Array(to), values: new Int32Array(to * most), most };
  for (let place = 0; place < to; place++) {
    const centre = (place + 0.5) * scale;
    const first = Math.max(0, Math.trunc(centre - support + 0.5));
    const count = Math.min(from, Math.trunc(centre + support + 0.5)) - first;
    const shares = Array.from({ length: count }, (_, offset) => Math.max(0, 1 - Math.abs((offset + first - centre + 0.5) / support)));
    const sum = shares.reduce((total, share) => total + share, 0);
    weights.first[place] = first;
    weights.counts[place] = count;
    shares.forEach((share, offset) => (weights.values[place * most + offset] = Math.trunc(0.5 + (share / sum) * 2 ** PRECISION)));
  }
  return weights;
}

/** How lines lie in the old picture and in the new one, in bytes. */
interface Lines {
  readonly lines: number;
  readonly lineStep: number;
  readonly step: number;
  readonly toLineStep: number;
  readonly toStep: number;
}

function resample(
  pixels: Uint8Array,
  { first, counts, values, most }: Weights,
  { lines, lineStep, step, toLineStep, toStep }: Lines,
): Uint8Array {
  const places = first.length;
  const resized = new Uint8Array(lines * places * 3);
  const half = 1 << (PRECISION - 1);
  for (let place = 0; place < places; place++) {
    const count = counts[place] ?? 0;
    const start = (first[place] ?? 0) * step;
    const weight = place * most;
    for (let line = 0; line < lines; line++) {
      let [red, green, blue] = [half, half, half];
      let source = line * lineStep + start;
      for (let offset = 0; offset < count; offset++) {
        const share = values[weight + offset] ?? 0;
        red += (pixels[source] ?? 0) * share;
        green += (pixels[source + 1] ?? 0) * share;
        blue += (pixels[source + 2] ?? 0) * share;
        source += step;
      }
      const target = line * toLineStep + place * toStep;
      resized[target] = Math.min(255, red >> PRECISION);
      resized[target + 1] = Math.min(255, green >> PRECISION);
      resized[target + 2] = Math.min(255, blue >> PRECISION);
    }
  }
  return resized;
}
