import { tf } from '../../src/engine/tensorflow';

/** Lets another backend of TensorFlow.js compute; the JavaScript one without the advertisement that its first operation would print. */
export async function useBackend(name: string): Promise<void> {
  await tf.setBackend(name);
  if (name === 'cpu') (tf.backend() as unknown as { firstUse: boolean }).firstUse = false;
}
