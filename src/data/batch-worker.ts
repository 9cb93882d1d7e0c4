/**
 * The thread that reads and assembles batches of a set that does not fit the memory budget: one request at a time, in the order they come.
 */
import { parentPort, workerData } from 'node:worker_threads';
import type { TransformDescription } from '../config/data-settings';
import type { KeypointLayout } from '../config/keypoint-layout';
import { messageOf, UserError } from '../foundation/errors';
import { fileSystemProblem } from '../foundation/file-system-problem';
import { elementAt } from '../foundation/required';
import { cutClip, planOfRows, randomnessOfRow, transformedBatch, type Batch, type BatchPlan } from './batch';
import { readClip, type Clip } from './clip';
import type { ClipEntry } from './clip-set';
import { FileError } from './data-error';
import { mapConcurrently, Turns } from './file-reading';
import { keepPacksOpen } from './pack/pack-file';
import type { PackedClip } from './pack/packed-clip';
import { TransformPipeline } from './transforms/pipeline';

/** A clip that is to be read. */
export interface BatchClip extends Pick<ClipEntry, 'file' | 'frames' | 'gloss' | 'category'> {
  /** Where it lies, if that is in a pack: the thread knows no pack's index. */
  readonly packed: PackedClip | undefined;
}

/** What the thread is started with. */
export interface BatchWorkerSet {
  readonly key: string;
  readonly width: number;
  readonly keypoints?: KeypointLayout | undefined;
  readonly pictureSide?: number;
  readonly batchSize: number;
  readonly transforms: readonly TransformDescription[];
  /** Positions of clips that are left out from the beginning. */
  readonly unreadable: readonly number[];
}

export interface BatchRequest {
  readonly id: number;
  readonly plan: BatchPlan;
  /** Those of the plan's `indices`, in their order. */
  readonly clips: readonly BatchClip[];
  /** Whether a clip that cannot be read is left out; else it is an error. */
  readonly skip: boolean;
}

/** A batch, and the clips that should have been in it and could not be read. */
export interface ReadBatch {
  readonly batch: Batch;
  readonly unreadable: readonly { readonly index: number; readonly problem: string }[];
}

export type BatchReply = { readonly id: number } & (
  | ReadBatch
  | {
      readonly error: {
        readonly message: string;
        readonly stack: string | undefined;
        readonly isUserError: boolean;
        /** The position of the clip that it is about. */
        readonly clip: number | undefined;
      };
    }
);

const READS_AT_ONCE = 8;

function serve(port: NonNullable<typeof parentPort>, set: BatchWorkerSet): void {
  const transforms = TransformPipeline.of(set.transforms, set.keypoints);
  let queue = Promise.resolve();
  const reader = new ClipsOfBatches(set, transforms);
  keepPacksOpen();
  port.on('message', (request: BatchRequest) => {
    queue = queue.then(() => answer(port, reader, request));
  });
}

async function answer(port: NonNullable<typeof parentPort>, reader: ClipsOfBatches, { id, ...request }: BatchRequest): Promise<void> {
  try {
    const read = await reader.read(request);
    const { features, mask, gloss, category, weight } = read.batch;
    port.postMessage(
      { id, ...read } satisfies BatchReply,
      [features, mask, gloss, category, weight].map(({ buffer }) => buffer as ArrayBuffer),
    );
  } catch (thrown) {
    const clip = thrown instanceof UnreadableError ? thrown.index : undefined;
    const cause = thrown instanceof UnreadableError ? thrown.cause : thrown;
    const error = fileSystemProblem(cause) ?? cause; // An error of the system loses its code on the way to the other thread.
    const stack = error instanceof Error ? error.stack : undefined;
    const told = { message: messageOf(error), stack, isUserError: error instanceof UserError, clip };
    port.postMessage({ id, error: told } satisfies BatchReply);
  }
}

/** That a clip cannot be read, with its position in the set. */
class UnreadableError extends Error {
  constructor(
    readonly index: number,
    override readonly cause: FileError,
  ) {
    super(cause.message);
  }
}

/** Reads the clips of batches; one that could not be read once, where such are left out, is left out of all batches after that. */
class ClipsOfBatches {
  private readonly leftOut: Set<number>;

  constructor(
    private readonly set: BatchWorkerSet,
    private readonly transforms: TransformPipeline,
  ) {
    this.leftOut = new Set(set.unreadable);
  }

  async read({ plan, clips: asked, skip }: Omit<BatchRequest, 'id'>): Promise<ReadBatch> {
    const { set } = this;
    const entries: BatchClip[] = [];
    for (const [row, index] of plan.indices.entries()) entries[index] = elementAt(asked, row);
    const problems = new Map<number, ReadBatch['unreadable'][number]>();
    const turns = new Turns();
    const wanted = planOfRows(plan, (index) => !this.leftOut.has(index));
    const clips = await mapConcurrently(wanted.indices, READS_AT_ONCE, async (index, row) => {
      try {
        const changed = this.transforms.applyBeforeMixing(
          await this.readClip(elementAt(entries, index), turns),
          index,
          randomnessOfRow(wanted, row),
        );
        const { values, frames } = cutClip(changed, plan.frames);
        return { values: frames < changed.frames ? values.slice() : values, frames };
      } catch (error) {
        // What the machine refuses says nothing of the clip.
        if (!(error instanceof FileError)) throw error;
        if (!skip) throw new UnreadableError(index, error);
        problems.set(index, { index, problem: error.message });
        return undefined;
      }
    });
    for (const index of problems.keys()) this.leftOut.add(index);
    const read = clips.filter((clip) => clip !== undefined);
    const batch = transformedBatch(
      planOfRows(wanted, (_, row) => clips[row] !== undefined),
      set.batchSize,
      { entries, width: set.width },
      { transforms: this.transforms, changed: (_, row) => elementAt(read, row) },
    );
    const unreadable = [...new Set(plan.indices)].flatMap((index) => problems.get(index) ?? []);
    return { batch, unreadable };
  }

  private async readClip({ file, frames, packed }: BatchClip, turns: Turns): Promise<Clip> {
    const clip = await readClip(file, this.set, turns, packed);
    if (clip.frames === frames) return clip;
    throw new FileError(file, `it had ${frames} frames and now has ${clip.frames}; leave the data alone while it is in use`);
  }
}

if (parentPort) serve(parentPort, workerData as BatchWorkerSet);
