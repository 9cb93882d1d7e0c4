import { setWasmPaths } from '@tensorflow/tfjs-backend-wasm';
import simd from '@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm-simd.wasm?url';
import plain from '@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm.wasm?url';
import { tf } from '../tfjs';

/**
 * What can compute in a browser, in the order in which they are tried. WebAssembly starts at once and is as fast for models of this size; WebGL first compiles a
 * program for every operation, which takes seconds.
 */
export const browserBackends = ['wasm', 'webgl', 'cpu'] as const;

export type BrowserBackend = (typeof browserBackends)[number];

/** Starts one of them. @returns whether it is there: WebGL counts only where it computes in 32 bits, for in 16 a model gives other numbers. */
export async function startBackend(backend: BrowserBackend): Promise<boolean> {
  // One thread: several need headers that not every host can be asked for.
  tf.env().set('WASM_HAS_MULTITHREAD_SUPPORT', false);
  setWasmPaths({ 'tfjs-backend-wasm.wasm': plain, 'tfjs-backend-wasm-simd.wasm': simd, 'tfjs-backend-wasm-threaded-simd.wasm': simd });
  try {
    if (!(await tf.setBackend(backend))) return false;
    return backend !== 'webgl' || tf.env().getBool('WEBGL_RENDER_FLOAT32_ENABLED');
  } catch {
    return false; // Whatever it lacks, another one computes.
  }
}
