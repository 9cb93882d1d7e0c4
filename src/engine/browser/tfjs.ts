/** TensorFlow.js as the pages that are built for a browser see it, in the place of `src/engine/tfjs.js`: its core alone, and what computes for it there. */
import '@tensorflow/tfjs-backend-cpu';
import '@tensorflow/tfjs-backend-webgl';
import '@tensorflow/tfjs-backend-wasm';

export * as tf from '@tensorflow/tfjs-core';
