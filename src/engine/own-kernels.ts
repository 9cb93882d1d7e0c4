import { createRequire } from 'node:module';
import { hasNativeKernels } from './raw-operation';

let loaded = false;
let left = false;

/**
 * Loads the operations of `native/kernels`, compiled: each does in one pass over memory what takes several of TensorFlow's own, on the processor. TensorFlow must
 * be loaded already.
 * @param file the compiled library
 */
export function loadOwnKernels(file: string): void {
  loaded = (createRequire(__filename)(file) as { readonly registered: boolean }).registered;
}

/** Whether those operations can be used: not on a GPU, not in JavaScript, not where they could not be compiled. */
export function hasOwnKernels(): boolean {
  return loaded && !left && hasNativeKernels();
}

/** Computes without them: for graphs that go to others, who have TensorFlow's own operations alone, and to compare. */
export function withoutOwnKernels<Result>(compute: () => Result): Result {
  const before = left;
  left = true;
  try {
    return compute();
  } finally {
    left = before;
  }
}
