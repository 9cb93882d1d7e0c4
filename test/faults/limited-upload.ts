/** Hands a large array to TensorFlow in a process that has no memory left for a copy: prints what that ends with. */
import { uploadTensor } from '../../src/engine/captured/session';
import { asOutOfMemory, OutOfMemory } from '../../src/engine/out-of-memory';
import { startRuntime } from '../../src/engine/runtime';
import { limitAddressSpace } from '../support/limited-memory';

async function main(): Promise<void> {
  await startRuntime();
  const values = new Float32Array(2 ** 28); // More than the allocator has reserved.
  limitAddressSpace(256);
  try {
    uploadTensor({ shape: [values.length], values });
    console.log('handed over');
  } catch (error) {
    const refused = asOutOfMemory(error, () => true);
    if (refused instanceof OutOfMemory) console.log(refused.message);
    else throw error;
  }
}

void main();
