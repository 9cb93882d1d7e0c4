import type { ClipEntry } from './clip-set';

/** What bucket lengths are chosen by. */
interface BucketOptions {
  /** The most lengths there may be: each is a graph of its own. */
  readonly maxBuckets: number;
  /** Longer clips are cut to their first `maxFrames` frames. */
  readonly maxFrames: number;
  readonly batchSize: number;
}

const ROUNDING = 8;
/** A further bucket must save this share of all frames, or it is not worth its graph. */
const WORTHWHILE_SAVING = 0.02;

/**
 * Chooses the few lengths, ascending, that clips are padded to, so that least is padded: exactly the clips' length where all have one, else multiples of 8
 * (or `maxFrames`). Every bucket but the last holds enough clips for a batch.
 * @returns no length for no clips.
 */
export function bucketLengths(
  entries: readonly Pick<ClipEntry, 'frames'>[],
  { maxBuckets, maxFrames, batchSize }: BucketOptions,
): number[] {
  const lengths = entries.map(({ frames }) => Math.min(frames, maxFrames));
  if (new Set(lengths).size <= 1) return lengths.slice(0, 1);
  const steps = lengthSteps(lengths, maxFrames);
  const choices = leastPadding(steps, maxBuckets, batchSize);
  const best = Math.min(...choices.map(({ padding }) => padding));
  const worthless = WORTHWHILE_SAVING * lengths.reduce((sum, length) => sum + length, 0);
  return choices.find(({ padding }) => padding <= best + worthless)?.lengths ?? steps.slice(-1).map(({ length }) => length);
}

/** The clips up to one possible bucket length. */
interface LengthStep {
  readonly length: number;
  /** Clips of at most this length. */
  readonly clips: number;
  /** Their frames. */
  readonly frames: number;
}

function lengthSteps(lengths: readonly number[], maxFrames: number): LengthStep[] {
  const steps: LengthStep[] = [];
  let clips = 0;
  let frames = 0;
  const byLength = lengths.toSorted((a, b) => a - b);
  byLength.forEach((length, index) => {
    clips++;
    frames += length;
    const rounded = roundUp(length, maxFrames);
    const next = byLength[index + 1];
    if (next === undefined || roundUp(next, maxFrames) !== rounded) steps.push({ length: rounded, clips, frames });
  });
  return steps;
}

function roundUp(length: number, maxFrames: number): number {
  return Math.min(Math.ceil(length / ROUNDING) * ROUNDING, maxFrames);
}

interface Choice {
  readonly lengths: number[];
  /** Frames padded in all. */
  readonly padding: number;
}

/** For 1, 2 … maxBuckets buckets, the choice that pads least (dynamic programming over where the last bucket starts). */
function leastPadding(steps: readonly LengthStep[], maxBuckets: number, batchSize: number): Choice[] {
  const stops: readonly LengthStep[] = [{ length: 0, clips: 0, frames: 0 }, ...steps];
  let shorter: (Choice | undefined)[] = stops.map((_, index) => (index === 0 ? { lengths: [], padding: 0 } : undefined));
  const choices: Choice[] = [];
  for (let buckets = 1; buckets <= maxBuckets; buckets++) {
    shorter = stops.map((end, last) => {
      const isLongest = last === stops.length - 1;
      let best: Choice | undefined;
      stops.slice(0, last).forEach((start, index) => {
        const before = shorter[index];
        const clips = end.clips - start.clips;
        if (before === undefined || (clips < batchSize && !isLongest)) return;
        const padding = before.padding + clips * end.length - (end.frames - start.frames);
        if (best === undefined || padding < best.padding) best = { lengths: [...before.lengths, end.length], padding };
      });
      return best;
    });
    const choice = shorter.at(-1);
    if (choice) choices.push(choice);
  }
  return choices;
}
