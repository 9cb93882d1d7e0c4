import { setImmediate } from 'node:timers/promises';

/** Milliseconds of work before other work has its turn. */
const SLICE_MS = 10;

/**
 * Does work of many pieces in the background: between slices of it whatever else the thread has to do has its turn, and before the first. How long a slice takes changes
 * nothing of what the work returns.
 */
export async function inSlices<Result>(work: Generator<unknown, Result, undefined>): Promise<Result> {
  for (;;) {
    await setImmediate();
    const start = performance.now();
    while (performance.now() - start < SLICE_MS) {
      const next = work.next();
      if (next.done === true) return next.value;
    }
  }
}

/** Does all of such work at once. */
export function lastOf<Result>(work: Generator<unknown, Result, undefined>): Result {
  let next = work.next();
  while (next.done !== true) next = work.next();
  return next.value;
}
