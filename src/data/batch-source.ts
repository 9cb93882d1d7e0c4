import path from 'node:path';
import { setImmediate } from 'node:timers/promises';
import type { Worker } from 'node:worker_threads';
import type { TransformDescription } from '../config/data-settings';
import { elementAt, required } from '../foundation/required';
import { startThread } from '../foundation/thread';
import { planOfRows, randomnessOfRow, transformedBatch, type Batch, type BatchPlan } from './batch';
import type { BatchClip, BatchReply, BatchRequest, BatchWorkerSet, ReadBatch } from './batch-worker';
import type { Clip } from './clip';
import type { ClipSet } from './clip-set';
import { ReadingError } from './data-error';
import type { PackedClip } from './pack/packed-clip';
import { placeOfPacked } from './places';
import { TransformPipeline } from './transforms/pipeline';

interface BatchOptions {
  readonly batchSize: number;
  /** What each clip goes through before it is batched. */
  readonly transforms?: readonly TransformDescription[];
  /** Batches that are read before they are asked for, where the set is not in memory. */
  readonly readAhead?: number;
}

/** Is told of a clip that has become unreadable: its position in the set, and what is wrong, with its file. */
export type WhenUnreadable = (index: number, problem: string) => void;

const READ_AHEAD = 3;

/**
 * The batches of a set, epoch after epoch: assembled from memory, or read ahead by a thread where the set is not in memory. Both ways give the same batches.
 */
export class BatchSource {
  /** Numbers a frame of its batches: as many as the transforms give. */
  readonly width: number;
  private readonly transforms: TransformPipeline;
  private readonly reader: BatchReader | undefined;
  private closings = 0;

  /** @throws UserError where a transform is unknown or cannot change such clips. */
  constructor(
    private readonly set: ClipSet,
    private readonly options: BatchOptions,
  ) {
    this.transforms = TransformPipeline.of(options.transforms ?? [], set.keypoints);
    this.width = this.transforms.widthOf(set.width);
    const { key, width, keypoints, pictureSide, values, unreadable = new Set() } = set;
    if (values === undefined)
      this.reader = new BatchReader({
        key,
        width,
        keypoints,
        batchSize: options.batchSize,
        transforms: options.transforms ?? [],
        unreadable: [...unreadable],
        ...(pictureSide === undefined ? {} : { pictureSide }),
      });
  }

  /**
   * The planned batches, in the plans' order; `plans.slice(k)` starts at batch k.
   * @param onUnreadable is told of a clip that has become unreadable, which is left out from then on, before the batch that it should have been in.
   * @throws ReadingError, while iterating, where a clip has become unreadable and nobody is told.
   */
  async *epoch(plans: readonly BatchPlan[], onUnreadable?: WhenUnreadable): AsyncGenerator<Batch, void, undefined> {
    if (this.reader === undefined) {
      yield* this.assembledAhead(plans);
      return;
    }
    const readAhead = Math.max(1, this.options.readAhead ?? READ_AHEAD);
    const coming: Promise<ReadBatch>[] = [];
    const { closings } = this;
    let next = 0;
    while (next < plans.length || coming.length > 0) {
      for (const plan of plans.slice(next, next + readAhead - coming.length)) {
        const clips = await this.clipsOf(plan);
        if (closings !== this.closings) throw batchesClosed();
        const read = this.reader.read({ plan, clips, skip: onUnreadable !== undefined });
        // Whoever takes the batch sees its error; where nobody does any more, nobody needs to.
        read.catch(() => undefined);
        coming.push(read);
        next++;
      }
      const { batch, unreadable } = await required(coming.shift(), 'a batch that was asked for');
      for (const { index, problem } of unreadable) onUnreadable?.(index, problem);
      yield batch;
    }
  }

  /** Each batch is assembled while something is done with the one before it, where that leaves JavaScript free. */
  private async *assembledAhead(plans: readonly BatchPlan[]): AsyncGenerator<Batch, void, undefined> {
    const assembled = async (plan: BatchPlan): Promise<Batch> => {
      await setImmediate();
      return this.assemble(plan);
    };
    const [first, ...others] = plans;
    if (first === undefined) return;
    let coming = assembled(first);
    for (const next of others) {
      const batch = await coming;
      coming = assembled(next);
      coming.catch(() => undefined); // Whoever takes the batch sees its error; where nobody does any more, nobody needs to.
      yield batch;
    }
    yield await coming;
  }

  /** Ends the reading thread, where there is one. */
  async close(): Promise<void> {
    this.closings++;
    await this.reader?.close();
  }

  private async clipsOf({ indices }: BatchPlan): Promise<BatchClip[]> {
    const clips: BatchClip[] = [];
    for (const index of indices) {
      const { file, frames, gloss, category } = elementAt(this.set.entries, index);
      clips.push({ file, frames, gloss, category, packed: await placeIfThere(file) });
    }
    return clips;
  }

  private assemble(plan: BatchPlan): Batch {
    const { entries, values, unreadable } = this.set;
    const kept = unreadable === undefined ? plan : planOfRows(plan, (index) => !unreadable.has(index));
    const changed = (index: number, row: number): Clip => {
      const clip = {
        values: elementAt(required(values, 'the values of a set in memory'), index),
        frames: elementAt(entries, index).frames,
      };
      return this.transforms.applyBeforeMixing(clip, index, randomnessOfRow(kept, row));
    };
    return transformedBatch(kept, this.options.batchSize, this.set, { transforms: this.transforms, changed });
  }
}

/** One pass over the planned batches; its thread ends with the loop, however that ends. */
export async function* openBatches(
  set: ClipSet,
  plans: readonly BatchPlan[],
  options: BatchOptions,
): AsyncGenerator<Batch, void, undefined> {
  const source = new BatchSource(set, options);
  try {
    yield* source.epoch(plans);
  } finally {
    await source.close();
  }
}

/** Where a clip lies in its pack; of a pack that can be read no more, the thread says so itself, of the clip. */
async function placeIfThere(file: string): Promise<PackedClip | undefined> {
  try {
    return await placeOfPacked(file);
  } catch {
    return undefined;
  }
}

function batchesClosed(): Error {
  return new Error('the batches were closed');
}

interface PendingBatch {
  readonly resolve: (read: ReadBatch) => void;
  readonly reject: (error: Error) => void;
}

/**
 * Reads batches on a thread of its own, which starts with the first request and lives until {@link close}. A thread with nothing to do does not keep the
 * process alive.
 */
class BatchReader {
  private worker: Worker | undefined;
  private nextId = 0;
  private readonly pending = new Map<number, PendingBatch>();

  constructor(private readonly set: BatchWorkerSet) {}

  /** Reads and assembles one batch; requests are answered in their order. */
  read(asked: Omit<BatchRequest, 'id'>): Promise<ReadBatch> {
    const worker = (this.worker ??= this.start());
    const request: BatchRequest = { id: this.nextId++, ...asked };
    const batch = new Promise<ReadBatch>((resolve, reject) => this.pending.set(request.id, { resolve, reject }));
    worker.ref();
    worker.postMessage(request);
    return batch;
  }

  /** Ends the thread; batches that were asked for and have not come are rejected. */
  async close(): Promise<void> {
    const worker = this.worker;
    this.stop(batchesClosed());
    await worker?.terminate();
  }

  private start(): Worker {
    const worker = startThread(path.join(__dirname, `batch-worker${path.extname(__filename)}`), this.set);
    worker.on('message', (reply: BatchReply) => {
      this.settle(worker, reply);
    });
    worker.on('error', (error) => {
      if (worker === this.worker) this.stop(error instanceof Error ? error : new Error(String(error)));
    });
    worker.on('exit', (code) => {
      if (worker === this.worker) this.stop(new Error(`the thread that reads batches ended with code ${code}`));
    });
    return worker;
  }

  private settle(worker: Worker, reply: BatchReply): void {
    if (worker !== this.worker) return; // It is being ended: let go of now, the process would end before it has.
    const pending = this.pending.get(reply.id);
    this.pending.delete(reply.id);
    if (this.pending.size === 0) worker.unref();
    if ('batch' in reply) pending?.resolve(reply);
    else pending?.reject(errorOf(reply.error));
  }

  private stop(reason: Error): void {
    this.worker = undefined;
    const pending = [...this.pending.values()];
    this.pending.clear();
    for (const { reject } of pending) reject(reason);
  }
}

function errorOf({ message, stack, isUserError, clip }: Extract<BatchReply, { error: unknown }>['error']): Error {
  if (isUserError) return new ReadingError(message, clip);
  const error = new Error(message);
  if (stack !== undefined) error.stack = stack;
  return error;
}
