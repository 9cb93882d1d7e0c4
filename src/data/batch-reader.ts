import path from 'node:path';
import { Worker } from 'node:worker_threads';
import { UserError } from '../foundation/errors';
import type { Batch } from './batch';
import type { BatchReply, BatchRequest, BatchWorkerSet } from './batch-worker';
import type { BatchPlan } from './plan-epoch';

interface PendingBatch {
  readonly resolve: (batch: Batch) => void;
  readonly reject: (error: Error) => void;
}

/**
 * Reads batches on a thread of its own, which starts with the first request and lives until {@link close}. A thread with nothing to do does not keep the
 * process alive.
 */
export class BatchReader {
  private worker: Worker | undefined;
  private nextId = 0;
  private readonly pending = new Map<number, PendingBatch>();

  constructor(private readonly set: BatchWorkerSet) {}

  /** Reads and assembles one batch; requests are answered in their order. */
  read(plan: BatchPlan): Promise<Batch> {
    const worker = (this.worker ??= this.start());
    const request: BatchRequest = { id: this.nextId++, plan };
    const batch = new Promise<Batch>((resolve, reject) => this.pending.set(request.id, { resolve, reject }));
    worker.ref();
    worker.postMessage(request);
    return batch;
  }

  /** Ends the thread; batches that were asked for and have not come are rejected. */
  async close(): Promise<void> {
    const worker = this.worker;
    this.stop(new Error('the batches were closed'));
    await worker?.terminate();
  }

  private start(): Worker {
    const file = path.join(__dirname, `batch-worker${path.extname(__filename)}`);
    const worker = new Worker(startScript(file), { eval: true, execArgv: [], workerData: this.set });
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
    const pending = this.pending.get(reply.id);
    this.pending.delete(reply.id);
    if (this.pending.size === 0) worker.unref();
    if ('batch' in reply) pending?.resolve(reply.batch);
    else pending?.reject(errorOf(reply.error));
  }

  private stop(reason: Error): void {
    this.worker = undefined;
    const pending = [...this.pending.values()];
    this.pending.clear();
    for (const { reject } of pending) reject(reason);
  }
}

/** Loads the worker's file in a bare thread; one in TypeScript through tsx, however this process was started. */
function startScript(file: string): string {
  const load = `require(${JSON.stringify(file)});`;
  return file.endsWith('.ts') ? `require(${JSON.stringify(require.resolve('tsx/cjs'))});${load}` : load;
}

function errorOf({ message, stack, isUserError }: Extract<BatchReply, { error: unknown }>['error']): Error {
  if (isUserError) return new UserError(message);
  const error = new Error(message);
  if (stack !== undefined) error.stack = stack;
  return error;
}
