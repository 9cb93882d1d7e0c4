/**
 * The thread that reads and assembles batches of a set that does not fit the memory budget: one request at a time, in the order they come.
 */
import { parentPort, workerData } from 'node:worker_threads';
import type { TransformDescription } from '../config/data-settings';
import type { KeypointLayout } from '../config/keypoint-layout';
import { messageOf, UserError } from '../foundation/errors';
import { fileSystemProblem } from '../foundation/file-system-problem';
import { elementAt } from '../foundation/required';
import { cutClip, randomnessOfRow, transformedBatch, type Batch, type BatchPlan } from './batch';
import { readClip } from './clip';
import type { ClipEntry } from './clip-set';
import { FileError } from './data-error';
import { mapConcurrently, Turns } from './file-reading';
import { TransformPipeline } from './transforms/pipeline';

/** What the thread is started with. */
export interface BatchWorkerSet {
  readonly entries: readonly Pick<ClipEntry, 'file' | 'frames' | 'gloss' | 'category'>[];
  readonly key: string;
  readonly width: number;
  readonly keypoints?: KeypointLayout | undefined;
  readonly pictureSide?: number;
  readonly batchSize: number;
  readonly transforms: readonly TransformDescription[];
}

export interface BatchRequest {
  readonly id: number;
  readonly plan: BatchPlan;
}

export type BatchReply = { readonly id: number } & (
  | { readonly batch: Batch }
  | { readonly error: { readonly message: string; readonly stack: string | undefined; readonly isUserError: boolean } }
);

const READS_AT_ONCE = 8;

function serve(port: NonNullable<typeof parentPort>, set: BatchWorkerSet): void {
  const transforms = TransformPipeline.of(set.transforms, set.keypoints);
  let queue = Promise.resolve();
  port.on('message', (request: BatchRequest) => {
    queue = queue.then(() => answer(port, set, transforms, request));
  });
}

async function answer(
  port: NonNullable<typeof parentPort>,
  set: BatchWorkerSet,
  transforms: TransformPipeline,
  { id, plan }: BatchRequest,
): Promise<void> {
  try {
    const batch = await readBatch(set, transforms, plan);
    const arrays = [batch.features, batch.mask, batch.gloss, batch.category, batch.weight];
    port.postMessage(
      { id, batch } satisfies BatchReply,
      arrays.map(({ buffer }) => buffer as ArrayBuffer),
    );
  } catch (thrown) {
    const error = fileSystemProblem(thrown) ?? thrown; // An error of the system loses its code on the way to the other thread.
    const stack = error instanceof Error ? error.stack : undefined;
    port.postMessage({ id, error: { message: messageOf(error), stack, isUserError: error instanceof UserError } } satisfies BatchReply);
  }
}

async function readBatch(set: BatchWorkerSet, transforms: TransformPipeline, plan: BatchPlan): Promise<Batch> {
  const turns = new Turns();
  const clips = await mapConcurrently(plan.indices, READS_AT_ONCE, async (index, row) => {
    const entry = elementAt(set.entries, index);
    const clip = await readClip(entry.file, set, turns);
    if (clip.frames !== entry.frames) {
      throw new FileError(entry.file, `it had ${entry.frames} frames and now has ${clip.frames}; leave the data alone while it is in use`);
    }
    const changed = transforms.applyBeforeMixing(clip, index, randomnessOfRow(plan, row));
    const { values, frames } = cutClip(changed, plan.frames);
    return { values: frames < changed.frames ? values.slice() : values, frames };
  });
  return transformedBatch(plan, set.batchSize, set, { transforms, changed: (_, row) => elementAt(clips, row) });
}

if (parentPort) serve(parentPort, workerData as BatchWorkerSet);
