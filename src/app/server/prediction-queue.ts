import { setImmediate } from 'node:timers/promises';
import type { FileError } from '../../data/data-error';
import type { Prediction, ReadyClip } from '../../evaluation/predict-clips';
import type { Recogniser } from '../../evaluation/recogniser';
import { elementAt, required } from '../../foundation/required';

/** The most clips that are recognised at once: four clips of 100 frames take about 50 ms on two cores, and more at once are not recognised faster. */
const MOST_TOGETHER = 4;
/** Batches have 1, 2 or 4 rows and a multiple of this many frames: each shape is a graph of its own. */
const FRAMES_STEP = 32;

interface Waiting {
  readonly clip: ReadyClip;
  readonly resolve: (seen: Prediction | FileError) => void;
  readonly reject: (error: unknown) => void;
}

/** Recognises the clips of all requests that wait, those of about one length together; meanwhile the server answers. */
export class PredictionQueue {
  private waiting: Waiting[] = [];
  private isWorking = false;

  constructor(private readonly recogniser: Pick<Recogniser, 'recognise'>) {}

  /** What the model sees in a clip, all classes of it; or why it sees nothing. */
  recognise(clip: ReadyClip): Promise<Prediction | FileError> {
    return new Promise((resolve, reject) => {
      this.waiting.push({ clip, resolve, reject });
      if (!this.isWorking) void this.work();
    });
  }

  private async work(): Promise<void> {
    this.isWorking = true;
    try {
      while (this.waiting.length > 0) {
        await setImmediate(); // Requests that have come meanwhile join the batch, and answers go out.
        await this.recogniseNext();
      }
    } finally {
      this.isWorking = false;
    }
  }

  private async recogniseNext(): Promise<void> {
    const batch = this.takeBatch();
    try {
      const rows = [1, 2, MOST_TOGETHER].find((size) => size >= batch.length);
      const clips = batch.map(({ clip }) => clip);
      const seen = await this.recogniser.recognise(clips, {
        topK: 0,
        rows: required(rows, 'the rows of the batch'),
        framesStep: FRAMES_STEP,
      });
      for (const [place, { resolve }] of batch.entries()) resolve(elementAt(seen, place));
    } catch (error) {
      for (const { reject } of batch) reject(error);
    }
  }

  /** The clip that has waited longest, and others of its length. */
  private takeBatch(): Waiting[] {
    const length = bucketOf(elementAt(this.waiting, 0));
    const batch = this.waiting.filter((waiting) => bucketOf(waiting) === length).slice(0, MOST_TOGETHER);
    this.waiting = this.waiting.filter((waiting) => !batch.includes(waiting));
    return batch;
  }
}

function bucketOf({ clip: { frames } }: Waiting): number {
  return Math.ceil(frames / FRAMES_STEP);
}
