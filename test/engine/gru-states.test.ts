import { afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { gruStates } from '../../src/engine/gru-states';
import { startRuntime } from '../../src/engine/runtime';
import { tf } from '../../src/engine/tensorflow';
import { RandomStream } from '../../src/foundation/random';
import { relativeDifference } from '../support/parity';

const [frames, batch, hidden] = [7, 3, 5];
const lengths = [7, 4, 1];

beforeAll(async () => {
  await startRuntime();
});

afterEach(() => {
  expect(tf.memory().numTensors).toBe(0);
});

function drawn(seed: number, shape: number[]): tf.Tensor {
  const random = new RandomStream(seed);
  return tf.tensor(
    Float32Array.from({ length: shape.reduce((size, side) => size * side, 1) }, () => random.normal()),
    shape,
  );
}

function countedFrames(): tf.Tensor {
  return tf.tensor(
    Float32Array.from({ length: frames * batch }, (_, place) => (Math.floor(place / batch) < (lengths[place % batch] ?? 0) ? 1 : 0)),
    [frames, batch, 1],
  );
}

/** PyTorch's formulas, as they are written in its documentation, for tfjs to differentiate. */
function plainStates(projected: tf.Tensor, mask: tf.Tensor, weight: tf.Tensor, bias: tf.Tensor): tf.Tensor {
  let state: tf.Tensor = tf.zeros([batch, hidden]);
  const states: tf.Tensor[] = [];
  for (let frame = 0; frame < frames; frame++) {
    const [xr, xz, xn] = tf.split(tf.reshape(tf.slice(projected, [frame, 0, 0], [1, batch, 3 * hidden]), [batch, 3 * hidden]), 3, 1);
    const [hr, hz, hn] = tf.split(tf.add(tf.matMul(state, weight, false, true), bias), 3, 1);
    if (!xr || !xz || !xn || !hr || !hz || !hn) throw new Error('three gates');
    const [r, z] = [tf.sigmoid(tf.add(xr, hr)), tf.sigmoid(tf.add(xz, hz))];
    const n = tf.tanh(tf.add(xn, tf.mul(r, hn)));
    const next = tf.add(tf.mul(tf.sub(1, z), n), tf.mul(z, state));
    const counts = tf.reshape(tf.slice(mask, [frame, 0, 0], [1, batch, 1]), [batch, 1]);
    state = tf.add(tf.mul(counts, next), tf.mul(tf.sub(1, counts), state));
    states.push(state);
  }
  return tf.stack(states, 0);
}

const inputs = (): [tf.Tensor, tf.Tensor, tf.Tensor] => [
  drawn(1, [frames, batch, 3 * hidden]),
  drawn(2, [3 * hidden, hidden]),
  drawn(3, [3 * hidden]),
];

describe('gruStates', () => {
  it('gives the states and gradients of PyTorch’s formulas', () => {
    tf.tidy(() => {
      const mask = countedFrames();
      const weighing = drawn(4, [frames, batch, hidden]);
      const compare = (states: typeof gruStates): tf.Tensor[] =>
        tf.grads((...[projected, weight, bias]: tf.Tensor[]) => {
          if (!projected || !weight || !bias) throw new Error('three inputs');
          return tf.sum(tf.mul(states(projected, mask, weight, bias), weighing));
        })(inputs());
      const [projected, weight, bias] = inputs();
      const ours = gruStates(projected, mask, weight, bias).dataSync();
      expect(relativeDifference(ours, plainStates(projected, mask, weight, bias).dataSync())).toBeLessThan(1e-6);
      const expected = compare(plainStates);
      compare(gruStates).forEach((gradient, place) => {
        expect(relativeDifference(gradient.dataSync(), expected[place]?.dataSync() ?? [])).toBeLessThan(1e-5);
      });
    });
  });

  it('leaves a state as it is, to the last bit, where frames are padding, whatever they hold', () => {
    tf.tidy(() => {
      const [projected, weight, bias] = inputs();
      const mask = countedFrames();
      const states = gruStates(projected, mask, weight, bias).arraySync() as number[][][];
      lengths.forEach((length, clip) => {
        for (let frame = length; frame < frames; frame++) expect(states[frame]?.[clip]).toEqual(states[length - 1]?.[clip]);
      });
      const other = tf.add(projected, tf.mul(tf.sub(1, mask), 1000));
      expect(gruStates(other, mask, weight, bias).arraySync()).toEqual(states);
      const [gradient] = tf.grads((x: tf.Tensor) => tf.sum(gruStates(x, mask, weight, bias)))([projected]);
      const padded = tf.mul(gradient ?? tf.scalar(1), tf.sub(1, mask));
      expect(Math.max(...padded.abs().dataSync())).toBe(0);
    });
  });
});
