import { tf } from './tfjs';

/**
 * TensorFlow.js, the one instance that every room uses, loaded when it is first used. The native kernels join it when the runtime starts; importing this file loads
 * none of them.
 */
export { tf } from './tfjs';

/** Whether TensorFlow's native kernels run; else tfjs's own, in JavaScript, which know neither raw operations nor graphs. */
export function hasNativeKernels(): boolean {
  return tf.getBackend() === 'tensorflow';
}

/** Runs a computation and frees every tensor that it made and did not `tf.keep`. What it returns holds no tensor (`tf.tidy` is for those that do). */
export function inScope<T>(compute: () => T): T {
  tf.engine().startScope();
  try {
    return compute();
  } finally {
    tf.engine().endScope();
  }
}

/** Tensors that TensorFlow.js holds now. */
export function tensorCount(): number {
  return tf.memory().numTensors;
}
