import { RandomStream } from '../foundation/random';

/** An interval that holds the true value in so many of a hundred cases. */
export interface Interval {
  readonly low: number;
  readonly high: number;
}

const RESAMPLES = 2000;

/**
 * A 95 % interval of the share of correct clips, by the percentile bootstrap (Efron 1979): the share over 2,000 draws, with replacement, of as many clips.
 * @param seed what the draws are a function of.
 */
export function bootstrapInterval(correct: readonly boolean[], seed: number): Interval {
  const clips = correct.length;
  if (clips === 0) return { low: 0, high: 0 };
  const random = new RandomStream(seed, clips);
  const shares = new Float64Array(RESAMPLES);
  for (let resample = 0; resample < RESAMPLES; resample++) {
    let hits = 0;
    for (let draw = 0; draw < clips; draw++) if (correct[random.below(clips)] === true) hits++;
    shares[resample] = hits / clips;
  }
  shares.sort();
  return { low: percentile(shares, 0.025), high: percentile(shares, 0.975) };
}

/** The value below which a share of sorted values lies, in a straight line between neighbours, as numpy's `percentile`. */
function percentile(sorted: Float64Array, share: number): number {
  const place = share * (sorted.length - 1);
  const below = sorted[Math.floor(place)] ?? 0;
  const above = sorted[Math.ceil(place)] ?? below;
  return below + (above - below) * (place - Math.floor(place));
}
