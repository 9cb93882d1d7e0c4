import type { PlainRecord } from '../checkpoint/training-checkpoint';
import type { UnreadableClip } from '../data/clip-set';

/** How far a training has come: with the weights, the optimiser's state and the schedule's, all that a resumed run needs to go on as if it had never stopped. */
export interface Progress {
  /** Epochs done in full. */
  completedEpochs: number;
  /** Batches trained on since the first epoch; the dropout of each is a function of (seed, this number). */
  step: number;
  /** Of the epoch that was interrupted, if one was: batches trained on, and sums over their clips. */
  batchesDone: number;
  sums: EpochSums;
  bestMetric: number;
  bestEpoch: number;
  /** How often the training went back to a saved state for a number that was not finite: each time it halved its learning rate. */
  recoveries: number;
  /** Clips that could no longer be read while they were trained on. */
  unreadable: UnreadableClip[];
}

/** Sums over the clips of the epoch that runs. */
export interface EpochSums {
  clips: number;
  loss: number;
  glossCorrect: number;
  categoryCorrect: number;
  gradientNorm: number;
  updates: number;
}

/** A place in a training: after so many epochs, and so many batches of the next one. */
export interface SavedPoint {
  readonly epochs: number;
  readonly batches: number;
}

export function noSums(): EpochSums {
  return { clips: 0, loss: 0, glossCorrect: 0, categoryCorrect: 0, gradientNorm: 0, updates: 0 };
}

export function freshProgress(): Progress {
  return {
    completedEpochs: 0,
    step: 0,
    batchesDone: 0,
    sums: noSums(),
    bestMetric: -Infinity,
    bestEpoch: 0,
    recoveries: 0,
    unreadable: [],
  };
}

/** A progress as it is now, whatever becomes of it. */
export function copyOf(progress: Progress): Progress {
  return { ...progress, sums: { ...progress.sums } };
}

/** Whether a training has ended for want of a better epoch. @param patience of `early_stop`; null where it is off. */
export function hasStoppedEarly(
  { completedEpochs, batchesDone, bestEpoch }: Pick<Progress, 'completedEpochs' | 'batchesDone' | 'bestEpoch'>,
  patience: number | null,
): boolean {
  return patience !== null && batchesDone === 0 && bestEpoch > 0 && completedEpochs - bestEpoch >= patience;
}

/** Begins the search for the best epoch anew, as where the validation clips are others now. */
export function forgetBest(progress: Progress): void {
  Object.assign(progress, { bestMetric: -Infinity, bestEpoch: 0 });
}

/** A progress as a checkpoint's config holds it. The best metric and the epoch have places of their own there. */
type SavedProgress = PlainRecord;

export function saveProgress({ step, batchesDone, sums, bestEpoch, recoveries, unreadable }: Progress): SavedProgress {
  return {
    step,
    batches_done: batchesDone,
    best_epoch: bestEpoch,
    clips: sums.clips,
    loss_sum: sums.loss,
    gloss_correct: sums.glossCorrect,
    cat_correct: sums.categoryCorrect,
    gradient_norm_sum: sums.gradientNorm,
    updates: sums.updates,
    ...(recoveries === 0 ? {} : { recoveries }),
    ...(unreadable.length === 0 ? {} : { unreadable_clips: saveUnreadable(unreadable) }),
  };
}

/**
 * Takes up a saved progress. A checkpoint that another program wrote has none: then the epochs alone say how far it is.
 * @param completed what the checkpoint says of itself.
 */
export function restoreProgress(
  completed: { readonly epoch: number; readonly bestMetric: number },
  saved: Readonly<Record<string, unknown>> | undefined,
  batchesAnEpoch: number,
): Progress {
  const numberAt = (key: string, otherwise: number): number => {
    const value = saved?.[key];
    return typeof value === 'number' && Number.isFinite(value) && value >= 0 ? value : otherwise;
  };
  return {
    completedEpochs: completed.epoch,
    step: numberAt('step', completed.epoch * batchesAnEpoch),
    batchesDone: Math.min(numberAt('batches_done', 0), batchesAnEpoch),
    sums: {
      clips: numberAt('clips', 0),
      loss: numberAt('loss_sum', 0),
      glossCorrect: numberAt('gloss_correct', 0),
      categoryCorrect: numberAt('cat_correct', 0),
      gradientNorm: numberAt('gradient_norm_sum', 0),
      updates: numberAt('updates', 0),
    },
    bestMetric: completed.bestMetric,
    bestEpoch: numberAt('best_epoch', completed.epoch),
    recoveries: numberAt('recoveries', 0),
    unreadable: restoreUnreadable(saved?.['unreadable_clips']),
  };
}

/** Unreadable clips as a checkpoint holds them. */
function saveUnreadable(clips: readonly UnreadableClip[]): PlainRecord[] {
  return clips.map(({ leftOut, ...clip }) => ({ ...clip, left_out: leftOut }));
}

/** Takes up what {@link saveUnreadable} wrote; nothing where there is nothing of the kind. */
export function restoreUnreadable(saved: unknown): UnreadableClip[] {
  if (!Array.isArray(saved)) return [];
  return saved.flatMap((item: unknown): UnreadableClip[] => {
    const { split, name, frames, digest, left_out: leftOut } = (item ?? {}) as Readonly<Record<string, unknown>>;
    if ((split !== 'train' && split !== 'validation') || typeof name !== 'string' || typeof digest !== 'string') return [];
    if (typeof frames !== 'number' || !Number.isSafeInteger(frames) || frames < 1) return [];
    return [{ split, name, frames, digest, leftOut: leftOut === true }];
  });
}

/** Times the parts of an epoch and foretells the end of the training. All times in seconds, but those of its clock, which nobody may set. */
export class EpochClock {
  trainSeconds = 0;
  validationSeconds = 0;
  /** How long the training part of this epoch waited for its batches. */
  waitSeconds = 0;
  private partStarted = 0;
  private epochsTimed = 0;
  private totalSeconds = 0;

  constructor(
    private readonly milliseconds: () => number,
    private readonly epochsToDo: number,
  ) {}

  startTraining(): void {
    this.waitSeconds = 0;
    this.partStarted = this.milliseconds();
  }

  /** Seconds since the training part of this epoch started. */
  elapsed(): number {
    return (this.milliseconds() - this.partStarted) / 1000;
  }

  /** Batches as they come, and counts how long each was waited for. */
  async *countingWaits<Item>(batches: AsyncIterable<Item>): AsyncGenerator<Item, void, undefined> {
    let asked = this.milliseconds();
    for await (const batch of batches) {
      this.waitSeconds += (this.milliseconds() - asked) / 1000;
      yield batch;
      asked = this.milliseconds();
    }
  }

  startValidation(): void {
    this.trainSeconds = this.elapsed();
    this.partStarted = this.milliseconds();
  }

  endEpoch(): void {
    this.validationSeconds = this.elapsed();
    this.epochsTimed++;
    this.totalSeconds += this.epochSeconds;
  }

  /** The pace of this epoch's training part. */
  clipsPerSecond(clips: number): number {
    return clips / Math.max(this.trainSeconds, 1e-3);
  }

  get epochSeconds(): number {
    return this.trainSeconds + this.validationSeconds;
  }

  /** To the end of the training, at the mean pace so far. */
  get etaSeconds(): number {
    return (this.totalSeconds / Math.max(1, this.epochsTimed)) * (this.epochsToDo - this.epochsTimed);
  }
}
