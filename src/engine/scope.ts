import { tf } from './tensorflow';

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
