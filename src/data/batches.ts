import { assembleBatch } from './assemble-batch';
import type { Batch } from './batch';
import { BatchReader } from './batch-reader';
import type { ClipSet } from './clip-set';
import type { BatchPlan } from './plan-epoch';

interface BatchOptions {
  readonly batchSize: number;
  /** Batches that are read before they are asked for, where the set is not in memory. */
  readonly readAhead?: number;
}

const READ_AHEAD = 3;

/**
 * The batches of a set, epoch after epoch: assembled from memory, or read ahead by a thread where the set is not in memory. Both ways give the same batches.
 */
export class BatchSource {
  private readonly reader: BatchReader | undefined;

  constructor(
    private readonly set: ClipSet,
    private readonly options: BatchOptions,
  ) {
    const { entries, key, width, pictureSide, values } = set;
    const plain = entries.map(({ file, frames, gloss, category }) => ({ file, frames, gloss, category }));
    if (values === undefined)
      this.reader = new BatchReader({
        entries: plain,
        key,
        width,
        batchSize: options.batchSize,
        ...(pictureSide === undefined ? {} : { pictureSide }),
      });
  }

  /**
   * The planned batches, in the plans' order; `plans.slice(k)` starts at batch k.
   * @throws UserError, while iterating, where a clip has become unreadable.
   */
  async *epoch(plans: readonly BatchPlan[]): AsyncGenerator<Batch, void, undefined> {
    if (this.reader === undefined) {
      for (const plan of plans) yield this.assemble(plan);
      return;
    }
    const readAhead = Math.max(1, this.options.readAhead ?? READ_AHEAD);
    const coming: Promise<Batch>[] = [];
    let next = 0;
    while (next < plans.length || coming.length > 0) {
      for (const plan of plans.slice(next, next + readAhead - coming.length)) {
        const batch = this.reader.read(plan);
        // Whoever takes the batch sees its error; where nobody does any more, nobody needs to.
        batch.catch(() => undefined);
        coming.push(batch);
        next++;
      }
      const batch = coming.shift();
      if (batch) yield await batch;
    }
  }

  /** Ends the reading thread, where there is one. */
  async close(): Promise<void> {
    await this.reader?.close();
  }

  private assemble(plan: BatchPlan): Batch {
    return assembleBatch(plan, this.options.batchSize, this.set, (index) => this.set.values?.[index] ?? new Float32Array());
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
