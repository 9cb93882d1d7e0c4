import { memoryUsage, resourceUsage } from 'node:process';
import { OutOfMemory } from '../engine/out-of-memory';
import { UserError } from '../foundation/errors';
import { memoryFacts, memoryLimit } from '../foundation/memory-limit';
import { elementAt, required } from '../foundation/required';
import { NotFinite } from './not-finite';
import { requestOf, type TrainOptions, type TrainRequest } from './train';
import { updateOf } from './training-loop';
import { tryTraining, type Trial, type TrialEvent, type TrialHooks } from './trial';

/** How fast, and in how much memory, a training goes on with batches of one size. */
export interface MeasuredBatchSize {
  readonly batchSize: number;
  /** Of the set's longest clips: the median of a few steps, each with its reading, the first left out. */
  readonly clipsPerSecond: number;
  /** The most resident memory of the process, in megabytes; on a GPU its own memory is none of it. */
  readonly memoryMb: number;
}

/** What was found out about batch sizes. */
export interface MeasuredBatchSizes {
  /** By size, each twice the one before. */
  readonly measured: readonly MeasuredBatchSize[];
  /** The one to take: the largest that gained enough over those before it. */
  readonly batchSize: number;
  /**
   * Why no larger one was measured: the last gained too little, the next would take too much of the free memory, TensorFlow was refused memory for it, or the set
   * has no more clips.
   */
  readonly end: 'no gain' | 'memory foretold' | 'memory refused' | 'all clips' | 'interrupted';
}

/** Something that happens while batch sizes are measured. */
export type BatchSizeEvent = TrialEvent | (MeasuredBatchSize & { readonly kind: 'batch-size-measured' });

/** How the measuring is watched and stopped. */
type BatchSizeHooks = TrialHooks<BatchSizeEvent>;

const SMALLEST = 8;
/** What a size must gain over the fastest before it: less is not worth fewer updates in an epoch. */
const GAIN = 0.05;
/** Of the memory that is free at the start, what a batch may take. */
const SHARE_OF_FREE = 0.7;
/** Steps that are timed: at least so many, more while they take less than this many milliseconds in all. */
const [LEAST_STEPS, MOST_STEPS, ENOUGH_MS] = [3, 15, 1500];

/**
 * Measures which batch size a training should have: real steps on batches of its longest clips, of 8, 16, 32, … clips, up to where larger ones are no faster or
 * would not fit in memory. What is learnt is thrown away; nothing is written.
 * @throws UserError for a mistake in settings, data or checkpoints, and where memory does not suffice for the smallest batch.
 */
export async function measureBatchSizes(
  options: Omit<TrainOptions, 'resume' | 'batch_size'> = {},
  hooks: BatchSizeHooks = {},
): Promise<MeasuredBatchSizes> {
  const { request, models } = requestOf(options, hooks);
  return measureBatchSizesWith(request, { ...hooks, models });
}

/** {@link measureBatchSizes}, with the settings as a layer of their own. */
export async function measureBatchSizesWith(request: TrainRequest, hooks: BatchSizeHooks = {}): Promise<MeasuredBatchSizes> {
  return tryTraining('--auto-batch-size', request, hooks, async (trial) => {
    const clips = trial.data.train.set.entries.length;
    const atStart = { batchSize: 0, memoryMb: memoryUsage.rss() / 1e6 };
    const mostMb = atStart.memoryMb + (SHARE_OF_FREE * freeMemory()) / 1e6;
    const measured: MeasuredBatchSize[] = [];
    const endedBy = (end: MeasuredBatchSizes['end']): MeasuredBatchSizes => ({ measured, batchSize: batchSizeThatPays(measured), end });
    for (let size = Math.max(Math.min(SMALLEST, clips), trial.settings.micro_batch_size ?? 1); ; size *= 2) {
      const last = measured.at(-1);
      if (last !== undefined) {
        if (last.batchSize !== batchSizeThatPays(measured)) return endedBy('no gain');
        if (size > clips) return endedBy('all clips');
        if (foretoldMemory([atStart, ...measured], size) > mostMb) return endedBy('memory foretold');
        if (hooks.signal?.aborted === true) return endedBy('interrupted');
      }
      const one = await trial.again({ batch_size: size }, (ofSize) => measure(ofSize));
      if (one === undefined && last !== undefined) return endedBy('memory refused');
      if (one === undefined)
        throw new UserError(
          `--auto-batch-size: memory does not suffice for a batch of ${size} clips; give a smaller --max-len or model, or --batch-size with --micro-batch-size`,
        );
      measured.push(one);
      hooks.onEvent?.({ kind: 'batch-size-measured', ...one });
    }
  });
}

/** The largest size of those that each gained enough over the fastest before it. @param measured by size, one at least. */
export function batchSizeThatPays(measured: readonly Pick<MeasuredBatchSize, 'batchSize' | 'clipsPerSecond'>[]): number {
  return measured.reduce((best, one) => (one.clipsPerSecond < (1 + GAIN) * best.clipsPerSecond ? best : one)).batchSize;
}

/** The memory, in megabytes, that a size would take were it to grow with the clips as between the last two. */
export function foretoldMemory(known: readonly Pick<MeasuredBatchSize, 'batchSize' | 'memoryMb'>[], size: number): number {
  const [before, last] = [required(known.at(-2), 'the memory of two batch sizes'), elementAt(known, known.length - 1)];
  const perClip = Math.max(0, last.memoryMb - before.memoryMb) / (last.batchSize - before.batchSize);
  return last.memoryMb + perClip * (size - last.batchSize);
}

/** Bytes that this process can take beside those that it has. */
function freeMemory(): number {
  const facts = memoryFacts();
  const upToLimit = memoryLimit(facts) - memoryUsage.rss();
  return facts.available > 0 ? Math.min(facts.available, upToLimit) : upToLimit;
}

/** Trains a few steps on a batch of the longest clips; undefined where TensorFlow was refused memory. */
async function measure({ settings, learner, data: { train } }: Omit<Trial, 'again'>): Promise<MeasuredBatchSize | undefined> {
  const { batch_size: batchSize, accumulation_steps: batchesAnUpdate, seed } = settings;
  const { entries } = train.set;
  const byLength = [...entries.keys()].sort((one, other) => elementAt(entries, other).frames - elementAt(entries, one).frames);
  const frames = Math.max(...train.plan(1).map((plan) => plan.frames));
  const longest = { indices: byLength.slice(0, batchSize), frames, randomness: { seed, epoch: 1 } };
  const plans = Array.from({ length: MOST_STEPS + 1 }, () => longest);
  const times: number[] = [];
  const peakBefore = peakMegabytes();
  let [place, memoryMb, began] = [0, 0, performance.now()];
  try {
    for await (const batch of train.batches.epoch(plans)) {
      await learner.step(batch, updateOf(place, plans.length, batchesAnUpdate));
      learner.progress.step++;
      const ended = performance.now();
      if (place++ > 0) times.push(ended - began); // The first records the step.
      memoryMb = Math.max(memoryMb, memoryUsage.rss() / 1e6);
      if (times.length >= LEAST_STEPS && times.reduce((sum, time) => sum + time, 0) >= ENOUGH_MS) break;
      began = performance.now();
    }
  } catch (error) {
    if (error instanceof OutOfMemory) return undefined;
    if (error instanceof NotFinite) throw new UserError(`--auto-batch-size: ${error.message}`, { cause: error });
    throw error;
  }
  const median = elementAt(
    times.toSorted((one, other) => one - other),
    Math.floor(times.length / 2),
  );
  const peak = peakMegabytes(); // Of the process's life: of this size where it rose meanwhile.
  return { batchSize, clipsPerSecond: (longest.indices.length / median) * 1000, memoryMb: peak > peakBefore ? peak : memoryMb };
}

function peakMegabytes(): number {
  return (resourceUsage().maxRSS * 1024) / 1e6;
}
