import { elementAt } from '../../foundation/required';

/** Frames that follow each other: the first and the last of them, from 0. */
export interface Run {
  readonly first: number;
  readonly last: number;
}

/** Frames of a run. */
export function lengthOfRun({ first, last }: Run): number {
  return last - first + 1;
}

/**
 * The longest run of what is true.
 * @param before how many of the elements before it belong to it too: of steps the frame that the first of them starts at.
 */
export function longestRun(is: readonly boolean[], before: number): Run | undefined {
  let longest: Run | undefined;
  let start: number | undefined;
  for (let at = 0; at <= is.length; at++) {
    if (is[at] === true) {
      start ??= at;
    } else if (start !== undefined) {
      const run = { first: start - before, last: at - 1 };
      if (longest === undefined || lengthOfRun(run) > lengthOfRun(longest)) longest = run;
      start = undefined;
    }
  }
  return longest;
}

/** The middle value, of an even number the mean of the two; NaN of none. */
export function medianOf(values: ArrayLike<number>): number {
  return percentileOf(Float64Array.from(values).sort(), 0.5);
}

/** The value below which a share of ascending values lies, between two of them in proportion, as numpy.percentile has it; NaN of none. */
export function percentileOf(ascending: Float64Array, share: number): number {
  if (ascending.length === 0) return NaN;
  const place = share * (ascending.length - 1);
  const below = Math.floor(place);
  const low = elementAt(ascending, below);
  return place === below ? low : low + (place - below) * (elementAt(ascending, below + 1) - low);
}

/** What is usual among positive figures of many clips: their median, and how far they scatter about it, as a factor. */
export interface Usual {
  readonly median: number;
  /** By what factor a figure differs from the median, most often: exp(1.4826 · the median absolute deviation of the logarithms), a standard deviation of normal ones. */
  readonly spread: number;
}

/** Fewer clips do not tell what is usual. */
const FEWEST = 20;

/** What is usual among positive figures; undefined where there are too few of them. */
export function usualOf(figures: readonly number[]): Usual | undefined {
  const logarithms = figures.filter((figure) => figure > 0).map(Math.log);
  if (logarithms.length < FEWEST) return undefined;
  const middle = medianOf(logarithms);
  const deviation = 1.4826 * medianOf(logarithms.map((logarithm) => Math.abs(logarithm - middle)));
  return { median: Math.exp(middle), spread: Math.exp(deviation) };
}

/** How many spreads a figure lies above what is usual, on the scale of logarithms. */
export function spreadsAbove(figure: number, { median, spread }: Usual): number {
  return Math.log(figure / median) / Math.max(Math.log(spread), LEAST_SPREAD);
}

/** Of clips that are all alike, as made ones are, the least difference is many spreads: a tenth at least is one. */
const LEAST_SPREAD = Math.log(1.1);
