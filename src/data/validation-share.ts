import { RandomStream } from '../foundation/random';
import { elementAt } from '../foundation/required';
import { DataError, type DataProblem } from './data-error';
import type { LocatedClip } from './locate-clips';

/** A share of the training clips that validates in place of a split of one's own. */
export interface ValidationShare {
  /** From 0 to 1, both excluded. */
  readonly share: number;
  readonly seed: number;
  /** The names of the clips that validated in an earlier part of the same training, which validate again. */
  readonly kept?: readonly string[] | undefined;
  /** Whether a set that has validation clips of its own is refused; otherwise these validate. */
  readonly refuseOwn: boolean;
}

/** Tells this stream of random numbers from others of the same seed. */
const STREAM = 0x73686172;

/**
 * Divides labelled clips into those that train and those that validate: the same share of every gloss as far as its clips allow, and at least one clip of each is
 * left to train on. A function of the clips' names, their glosses and the seed: the order of the lines does not matter.
 * @param options.mayDraw false where the clips that validated before are wanted and no others: an evaluation.
 * @throws DataError where there are too few clips for the share, or none of those that validated before is there.
 */
export function divideClips(
  clips: readonly LocatedClip[],
  { share, seed, kept }: ValidationShare,
  { mayDraw }: { readonly mayDraw: boolean },
): { readonly train: readonly LocatedClip[]; readonly validation: readonly LocatedClip[] } {
  const before = new Set(kept);
  const isThere = clips.some(({ label }) => before.has(label.name));
  if (kept !== undefined && !isThere && !mayDraw && clips.length > 0) {
    const problem =
      'it names none of the clips that validated in the training; give clips to evaluate on: --keypoints-val and --labels-val-csv';
    throw new DataError(problemOf(clips, problem));
  }
  const chosen = isThere ? before : drawnNames(clips, share, seed);
  if (chosen.size === 0 && clips.length > 0) {
    const problem = `a share of ${share} of its ${clips.length} clips is no clip that could validate; give a larger --val-share, or more clips of a gloss`;
    throw new DataError(problemOf(clips, problem));
  }
  return {
    train: clips.filter(({ label }) => !chosen.has(label.name)),
    validation: clips.filter(({ label }) => chosen.has(label.name)),
  };
}

function problemOf([first]: readonly LocatedClip[], problem: string): DataProblem[] {
  return first === undefined ? [] : [{ file: first.labelsFile, problem }];
}

function drawnNames(clips: readonly LocatedClip[], share: number, seed: number): Set<string> {
  const namesOf = new Map<number, string[]>();
  for (const { label } of clips) namesOf.set(label.gloss, [...(namesOf.get(label.gloss) ?? []), label.name]);
  const random = new RandomStream(seed, STREAM);
  const chosen = new Set<string>();
  let seen = 0;
  for (const [, names] of [...namesOf].sort(([one], [other]) => one - other)) {
    // What one gloss is rounded down by, the next is rounded up by: the whole share is met however few clips a gloss has.
    seen += names.length;
    const wanted = Math.max(0, Math.round(seen * share) - chosen.size);
    const count = Math.min(wanted, Math.ceil(names.length * share), names.length - 1);
    const inOrder = names.toSorted();
    for (const place of random.permutation(names.length).subarray(0, count)) chosen.add(elementAt(inOrder, place));
  }
  return chosen;
}
