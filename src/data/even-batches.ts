import { elementAt, required } from '../foundation/required';
import { bucketLengths, planEpoch, type BatchPlan } from './batch';
import type { ClipEntry, ClipSet } from './clip-set';
import type { TransformPipeline } from './transforms/pipeline';

interface EvenBatchesOptions {
  /** The most clips of a batch. */
  readonly batchSize: number;
  /** Longer clips are cut to their first `maxFrames` frames. */
  readonly maxFrames: number;
  /** What the clips go through, where that may change how many frames they have. */
  readonly transforms?: TransformPipeline;
}

/** The most lengths that clips are padded to: each is a graph of its own. */
const MOST_LENGTHS = 4;
/** Padded clips may take so many times the place of their frames: it costs little where padding is left out, but not nothing. */
const MOST_PLACE = 2;
/** Padding is left out where it is at least this share of a batch: less is not worth gathering the other frames. */
const WORTH_PACKING = 0.05;

/**
 * The batches of an evaluation, or of a training's validation: every clip once and always in the same batch, in few shapes, since each is a graph of its own.
 * @param options.leavesPaddingOut whether the model that computes them does.
 * @param options.maxBuckets the most lengths that clips are padded to, where padding is computed too.
 */
export function planEvaluation(
  set: Pick<ClipSet, 'entries'>,
  {
    leavesPaddingOut,
    maxBuckets = MOST_LENGTHS,
    ...options
  }: EvenBatchesOptions & { readonly leavesPaddingOut: boolean; readonly maxBuckets?: number },
): BatchPlan[] {
  if (leavesPaddingOut) return planEvenBatches(set.entries, options);
  const lengths = bucketLengths(set.entries, { maxBuckets, ...options });
  return planEpoch(set, { ...options, seed: 0, epoch: 0, shuffle: false, bucketLengths: lengths });
}

/**
 * Divides a set into batches for a model that leaves padding out. They are alike, so that one graph serves them all: as many clips in each, but for one, and about as many frames, short clips and
 * long ones together. Only where lengths differ much are clips divided by their length before.
 * @returns plans in which every clip comes once; none for no clips.
 */
export function planEvenBatches(entries: readonly Pick<ClipEntry, 'frames'>[], options: EvenBatchesOptions): BatchPlan[] {
  const { batchSize, maxFrames, transforms } = options;
  const clips = entries.map(({ frames }, index) => ({ index, frames: Math.min(transforms?.mostFrames(frames) ?? frames, maxFrames) }));
  const longestFirst = clips.toSorted((one, other) => other.frames - one.frames || one.index - other.index);
  const lengths = fewestLengths(clips, { batchSize, maxFrames });
  return lengths.flatMap((length, place) => {
    const shorter = lengths[place - 1] ?? 0;
    return dealEvenly(
      longestFirst.filter(({ frames }) => frames <= length && (frames > shorter || place === 0)),
      length,
      batchSize,
    );
  });
}

interface CountedClip {
  readonly index: number;
  readonly frames: number;
}

/** The fewest lengths, ascending, of which clips padded to them do not take much more place than they need. */
function fewestLengths(clips: readonly CountedClip[], sizes: Pick<EvenBatchesOptions, 'batchSize' | 'maxFrames'>): number[] {
  const needed = clips.reduce((sum, { frames }) => sum + frames, 0);
  const placeOf = (lengths: readonly number[]): number =>
    clips.reduce(
      (sum, clip) =>
        sum +
        required(
          lengths.find((length) => length >= clip.frames),
          'a length that holds the clip',
        ),
      0,
    );
  const choices = Array.from({ length: MOST_LENGTHS }, (_, fewer) => bucketLengths(clips, { maxBuckets: fewer + 1, ...sizes }));
  return choices.find((lengths) => placeOf(lengths) <= MOST_PLACE * needed) ?? elementAt(choices, MOST_LENGTHS - 1);
}

/** Deals clips out as cards are, forth and back, so that all batches get long and short ones. @param clips the longest first. */
function dealEvenly(clips: readonly CountedClip[], frames: number, batchSize: number): BatchPlan[] {
  const count = Math.ceil(clips.length / batchSize);
  const hands = Array.from({ length: count }, () => new Array<CountedClip>());
  clips.forEach((clip, turn) => {
    const [round, place] = [Math.floor(turn / count), turn % count];
    elementAt(hands, round % 2 === 0 ? place : count - 1 - place).push(clip);
  });
  const size = Math.ceil(clips.length / Math.max(1, count));
  // A row without a clip has one frame that counts.
  const rows = Math.max(...hands.map((hand) => hand.reduce((sum, clip) => sum + clip.frames, size - hand.length)));
  const packedRows = rows <= (1 - WORTH_PACKING) * size * frames ? rows : size * frames;
  return hands.map((hand) => ({ indices: hand.map(({ index }) => index).sort((one, other) => one - other), frames, size, packedRows }));
}
