import { messageOf } from '../foundation/errors';

/** What a computation ends with that was refused its memory. */
export class OutOfMemory extends Error {
  /** @param changedNothing whether it is sure that it left all variables as they were. */
  constructor(
    refused: unknown,
    readonly changedNothing: boolean,
  ) {
    super(/OOM when allocating [^\n]*?\]/.exec(messageOf(refused))?.[0] ?? messageOf(refused).split('\n', 1)[0], { cause: refused });
  }
}

/** TensorFlow's own words for it, those of its GPU allocator and CUDA's, and Node's for an array. */
const REFUSALS =
  /\bOOM when allocating|RESOURCE_EXHAUSTED|failed to allocate memory|OUT_OF_MEMORY|_ALLOC_FAILED|Array buffer allocation failed/i;

/**
 * An error as the {@link OutOfMemory} that it stands for, where it is one; else as it is. Only what TensorFlow's allocator refuses can be told: where the system ends the
 * process, or a library within it does, nobody is asked.
 */
export function asOutOfMemory(error: unknown, changedNothing: (message: string) => boolean): unknown {
  const message = messageOf(error);
  return REFUSALS.test(message) ? new OutOfMemory(error, changedNothing(message)) : error;
}
