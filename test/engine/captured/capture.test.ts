import { beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { capture, type Computation } from '../../../src/engine/captured/capture';
import { CaptureError, DataType } from '../../../src/engine/captured/recording';
import { rawOperation } from '../../../src/engine/native-backend';
import { startRuntime } from '../../../src/engine/runtime';
import { tf } from '../../../src/engine/tensorflow';

beforeAll(async () => {
  await startRuntime();
});

beforeEach(() => {
  expect(tf.memory().numTensors).toBe(0);
});

const given = new Map([['x', { dtype: DataType.float32, shape: [3, 4] }]]);

const recordingOf = (compute: (x: tf.Tensor) => tf.Tensor): ReturnType<typeof capture> =>
  capture(given, ({ x }, setResult) => {
    if (x !== undefined) setResult('y', compute(x));
  });

describe('capture', () => {
  it('records operations with their inputs, attributes and shapes, and runs nothing', () => {
    const recording = recordingOf((x) => tf.matMul(tf.relu(x), tf.ones([4, 5])));
    const names = recording.operations.map(({ name }) => name);
    expect(names).toContain('Relu');
    expect(names).toContain('BatchMatMulV2');
    expect(recording.types.get(recording.results.get('y') ?? -1)).toEqual({ dtype: DataType.float32, shape: [3, 5] });
    expect([...recording.given.keys()]).toEqual(['x']);
  });

  it('records gradients', () => {
    const computation: Computation = ({ x }, setResult) => {
      if (x !== undefined) setResult('dx', tf.grad((input) => tf.sum(tf.square(input)))(x));
    };
    const recording = capture(given, computation);
    expect(recording.types.get(recording.results.get('dx') ?? -1)?.shape).toEqual([3, 4]);
  });

  it('states what TensorFlow would infer when running eagerly', () => {
    const { operations } = recordingOf((x) => tf.expandDims(x, 0));
    expect(operations.find(({ name }) => name === 'ExpandDims')?.attributes).toMatchObject({
      T: { kind: 'type', value: DataType.float32 },
    });
  });

  it('keeps tensors that were made before as constants, and usable', () => {
    const outside = tf.tensor1d([1, 2, 3, 4]);
    const recording = recordingOf((x) => tf.mul(x, outside));
    const floats = [...recording.constants.values()].filter(({ dtype }) => dtype === DataType.float32);
    expect(floats.map(({ bytes }) => [...new Float32Array(bytes.buffer)])).toContainEqual([1, 2, 3, 4]);
    expect([...tf.tidy(() => tf.add(outside, 1).dataSync())]).toEqual([2, 3, 4, 5]);
    outside.dispose();
  });

  it.each<[string, (x: tf.Tensor) => tf.Tensor]>([
    ['dataSync', (x) => tf.mul(x, tf.relu(x).dataSync()[0] ?? 0)],
    ['an if over a value', (x) => (x.arraySync() === 0 ? x : tf.relu(x))],
  ])('refuses a value read back to JavaScript: %s', (_, compute) => {
    expect(() => recordingOf(compute)).toThrow(CaptureError);
    expect(() => recordingOf(compute)).toThrow('read back to JavaScript');
  });

  it('refuses a value read back even if nobody waits for it', () => {
    const quietly = (x: tf.Tensor): tf.Tensor => {
      tf.relu(x)
        .data()
        .catch(() => undefined);
      return x;
    };
    expect(() => recordingOf(quietly)).toThrow('read back to JavaScript');
  });

  it.each<[string, (x: tf.Tensor) => tf.Tensor]>([
    ['randomUniform', (x) => tf.add(x, tf.randomUniform([3, 4]))],
    ['randomNormal', (x) => tf.add(x, tf.randomNormal([3, 4]))],
    ['dropout', (x) => tf.dropout(x, 0.5)],
    ['Math.random', (x) => tf.mul(x, Math.random())],
  ])('refuses what is drawn in JavaScript: %s', (_, compute) => {
    expect(() => recordingOf(compute)).toThrow(CaptureError);
    expect(() => recordingOf(compute)).toThrow('other values each time');
  });

  it('refuses a computation that depends on a state in JavaScript', () => {
    let calls = 0;
    expect(() => recordingOf((x) => (calls++ % 2 === 0 ? tf.relu(x) : tf.neg(x)))).toThrow('other operations each time');
  });

  it('refuses a generator with a state of its own, and shapes that depend on values', () => {
    const draw = (x: tf.Tensor): tf.Tensor =>
      tf.add(
        x,
        rawOperation(
          'RandomUniform',
          [
            { name: 'dtype', kind: 'type', value: DataType.float32 },
            { name: 'T', kind: 'type', value: DataType.int32 },
          ],
          [tf.tensor1d([3, 4], 'int32')],
        ),
      );
    expect(() => recordingOf(draw)).toThrow('RandomUniform draws from a generator with a state of its own');
    const where = (x: tf.Tensor): tf.Tensor => rawOperation('Where', [{ name: 'T', kind: 'type', value: DataType.float32 }], [x]);
    expect(() => recordingOf(where)).toThrow('Where gives a tensor whose shape depends on values');
  });

  it('leaves the native binding in place, whatever happens', () => {
    expect(() =>
      recordingOf(() => {
        throw new Error('a mistake in the model');
      }),
    ).toThrow('a mistake in the model');
    expect([...tf.tidy(() => tf.add(tf.tensor1d([1]), 1).dataSync())]).toEqual([2]);
  });
});
