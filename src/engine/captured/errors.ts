/**
 * A computation that cannot be recorded as a graph, or a graph that TensorFlow refuses. It is a mistake in the model's code, not in the user's data: the
 * message names the operation and says what to write instead.
 */
export class CaptureError extends Error {
  override readonly name: string = 'CaptureError';
}
