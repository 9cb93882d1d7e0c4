import * as tf from '@tensorflow/tfjs';

/**
 * TensorFlow.js, the one instance that every room uses. The native kernels join it when the runtime starts; importing this file loads none of them.
 */
export { tf };
