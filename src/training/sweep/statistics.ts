/** Some numbers in few: those of one point of a sweep, over its seeds. */
export interface Spread {
  readonly count: number;
  readonly mean: number;
  /** The sample's standard deviation (over n − 1); undefined of a single number. */
  readonly deviation: number | undefined;
  /** The 95 % interval of the mean, by Student's t; undefined of a single number. */
  readonly interval: { readonly low: number; readonly high: number } | undefined;
}

/** The mean of some numbers, how far they scatter, and where the mean lies with 95 % confidence; undefined where there are none. */
export function spreadOf(values: readonly number[]): Spread | undefined {
  const count = values.length;
  if (count === 0) return undefined;
  const mean = values.reduce((sum, value) => sum + value, 0) / count;
  if (count === 1) return { count, mean, deviation: undefined, interval: undefined };
  const deviation = Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (count - 1));
  const half = (studentQuantile(count - 1) * deviation) / Math.sqrt(count);
  return { count, mean, deviation, interval: { low: mean - half, high: mean + half } };
}

/** Beyond it, t is what the normal distribution gives, to four digits. */
const MOST_DEGREES = 10_000;

/**
 * How many standard errors around the mean hold the share `confidence` of Student's t distribution: 12.706 for one degree of freedom, 4.303 for two, 1.960 for very many.
 * @param degrees degrees of freedom, a whole number of at least 1.
 */
export function studentQuantile(degrees: number, confidence = 0.95): number {
  let [low, high] = [0, 1];
  while (shareWithin(high, degrees) < confidence) high *= 2;
  for (let step = 0; step < 100 && high - low > 1e-12 * high; step++) {
    const middle = (low + high) / 2;
    if (shareWithin(middle, degrees) < confidence) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}

/** The share of Student's t distribution between −t and t, by its finite series (Abramowitz and Stegun 1964, 26.7.3 and 26.7.4). */
function shareWithin(t: number, degrees: number): number {
  const freedom = Math.min(degrees, MOST_DEGREES);
  const angle = Math.atan(t / Math.sqrt(freedom));
  const [sine, cosine] = [Math.sin(angle), Math.cos(angle)];
  const isOdd = freedom % 2 === 1;
  let term = isOdd ? cosine : 1;
  let sum = freedom === 1 ? 0 : term;
  for (let power = isOdd ? 3 : 2; power <= freedom - 2; power += 2) {
    term *= (cosine * cosine * (power - 1)) / power;
    sum += term;
  }
  return isOdd ? (2 / Math.PI) * (angle + sine * sum) : sine * sum;
}
