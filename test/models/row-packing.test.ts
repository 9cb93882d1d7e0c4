import { afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { packRows, spreadRows, type RowPacking } from '../../src/models/layers/frame-rows';
import { startRuntime } from '../../src/engine/runtime';
import { tf } from '../../src/engine/tensorflow';
import { RandomStream } from '../../src/foundation/random';
import { useBackend } from '../support/backend';
import { drawnTensor, expectSameGradients } from '../support/gradients';

let native: string;

beforeAll(async () => {
  await startRuntime();
  native = tf.getBackend();
});

afterEach(async () => {
  await tf.setBackend(native);
});

/** Five places of which the second and the fourth are padding; the last packed row only fills up. */
const packing = (): RowPacking => ({
  positions: tf.tensor1d([0, 2, 4, 1], 'int32'),
  rows: tf.tensor1d([0, 0, 1, 0, 2], 'int32'),
  kept: tf.tensor2d([1, 0, 1, 0, 1], [5, 1]),
});

describe.each(['tensorflow', 'cpu'])('row packing on the %s backend', (backend) => {
  it('computes of the frames what is computed of all places, gradient included', async () => {
    await useBackend(backend);
    tf.tidy(() => {
      const packed = packing();
      const square = (x: tf.Tensor): tf.Tensor => tf.add(tf.square(x), 1);
      expectSameGradients(
        [drawnTensor(new RandomStream(1), 5, 3)],
        (x) => tf.mul(spreadRows(square(packRows(x, packed)), packed), packed.kept),
        (x) => tf.mul(square(x), packed.kept),
      );
    });
  });

  it('leaves everything as it is where nothing is packed', async () => {
    await useBackend(backend);
    tf.tidy(() => {
      const x = drawnTensor(new RandomStream(1), 5, 3);
      expect(packRows(x, undefined)).toBe(x);
      expect(spreadRows(x, undefined)).toBe(x);
    });
  });
});
