import { beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { graphFunction, rawOperation, registerOperation, seededDropout, startRuntime, tf } from 'kumpas/engine';
import { CaptureError } from '../../src/engine/captured/recording';

beforeAll(async () => {
  await startRuntime();
});
beforeEach(() => {
  expect(tf.memory().numTensors).toBe(0);
});

const floats = (...values: number[]) => ({ shape: [values.length], values: Float32Array.of(...values) });
const valuesOf = (array: { readonly values: ArrayLike<number> }): number[] => [...Array.from(array.values)];

describe('graphFunction', () => {
  it('gives what the function gives, and calls it only while it is recorded', () => {
    let calls = 0;
    const compute = (x: tf.Tensor, y: tf.Tensor): tf.Tensor => {
      calls++;
      return tf.add(tf.mul(x, 2), tf.exp(y));
    };
    const captured = graphFunction(compute);
    for (const [x, y] of [
      [3, 0],
      [-1, 1],
      [0.5, -2],
    ] as const)
      expect(valuesOf(captured.arrays(floats(x, 1), floats(y, 0)))).toEqual([expect.closeTo(2 * x + Math.exp(y), 5), expect.closeTo(3, 5)]);
    expect({ calls, recordings: captured.recordings }).toEqual({ calls: 2, recordings: 1 });
    expect(captured.arrays(floats(1, 2, 3), floats(0)).shape).toEqual([3]);
    expect({ calls, recordings: captured.recordings }).toEqual({ calls: 4, recordings: 2 });
    captured.dispose();
    expect(captured.recordings).toBe(0);
  });

  it('takes and gives tensors, lists and names, an input among its results', () => {
    const captured = graphFunction(({ first, others }: { first: tf.Tensor; others: tf.Tensor[] }) => ({
      first,
      again: first,
      sums: others.map((other) => tf.add(first, other)),
      whole: tf.cast(first, 'int32'),
    }));
    const result = captured.arrays({ first: floats(1.5, 2.5), others: [floats(1, 1), floats(2, 2)] });
    expect(valuesOf(result.again)).toEqual([1.5, 2.5]);
    expect(result.sums.map(valuesOf)).toEqual([
      [2.5, 3.5],
      [3.5, 4.5],
    ]);
    expect(result.whole.values).toEqual(Int32Array.of(1, 2));
    tf.tidy(() => {
      const tensors = captured({ first: tf.tensor1d([1, 2]), others: [tf.tensor1d([0, 1]), tf.tensor1d([5, 5])] });
      expect([...tensors.first.dataSync()]).toEqual([1, 2]);
      expect([...tf.mul(tensors.sums[1] ?? 0, 2).dataSync()]).toEqual([12, 14]);
    });
    expect(captured.recordings).toBe(1);
    captured.dispose();
  });

  it('replays gradients', () => {
    const slope = graphFunction((x: tf.Tensor) => tf.grad((value) => tf.sum(tf.pow(value, 3)))(x));
    expect(valuesOf(slope.arrays(floats(1, 2, -3)))).toEqual([3, 12, 27].map((value) => expect.closeTo(value, 4)));
    expect(valuesOf(slope.arrays(floats(0, 1, 4)))).toEqual([0, 3, 48].map((value) => expect.closeTo(value, 4)));
    slope.dispose();
  });

  it('reads variables anew, differentiates them, and keeps all else as it was', () => {
    const weight = tf.tidy(() => tf.variable(tf.scalar(2)));
    const offset = tf.scalar(10);
    const captured = graphFunction((x: tf.Tensor) =>
      tf.variableGrads(() => tf.sum(tf.add(tf.mul(x, tf.square(weight)), offset)).asScalar(), [weight]),
    );
    const step = (): number[] => {
      const { value, grads } = captured.arrays(floats(1, 3));
      return [...valuesOf(value), ...Object.values(grads).flatMap(valuesOf)];
    };
    expect(step()).toEqual([36, 16]);
    tf.tidy(() => {
      weight.assign(tf.scalar(5));
    });
    expect(step()).toEqual([120, 40]);
    expect(captured.recordings).toBe(1);
    captured.dispose();
    tf.dispose([weight, offset]);
  });

  it('is simply called within another', () => {
    const square = graphFunction((x: tf.Tensor) => tf.square(x));
    const slope = graphFunction((x: tf.Tensor) => tf.grad((value) => square(value))(x));
    expect(valuesOf(slope.arrays(floats(3)))).toEqual([6]);
    expect([square.recordings, slope.recordings]).toEqual([0, 1]);
    slope.dispose();
  });

  it.each<[string, RegExp, (x: tf.Tensor) => tf.Tensor]>([
    ['random numbers of JavaScript', /other values each time/, (x) => tf.add(x, tf.randomUniform([2]))],
    ['a counter', /other values each time/, (x) => tf.add(x, counter++)],
    ['a value that is read back', /read back/, (x) => tf.mul(x, x.dataSync()[0] ?? 0)],
  ])('refuses %s, which would be frozen', (_, reason, compute) => {
    const captured = graphFunction(compute);
    expect(() => captured.arrays(floats(1, 2))).toThrow(CaptureError);
    expect(() => captured.arrays(floats(1, 2))).toThrow(reason);
    expect(captured.recordings).toBe(0);
  });

  it('draws what its seed says', () => {
    const dropped = graphFunction((x: tf.Tensor, seed: tf.Tensor1D) => seededDropout(seed)(x, 0.5));
    const draw = (step: number): number[] =>
      valuesOf(dropped.arrays({ shape: [64], values: new Float32Array(64).fill(1) }, { shape: [3], values: Int32Array.of(7, step, 0) }));
    expect(draw(1)).toEqual(draw(1));
    expect(draw(1)).not.toEqual(draw(2));
    dropped.dispose();
  });
});

let counter = 0;

describe('registerOperation', () => {
  it('tells the shape of an operation, which is then not run while it is recorded', () => {
    const asked: number[][] = [];
    registerOperation({
      name: 'Cosh',
      shapes: ({ inputs: [x] }) => {
        asked.push([...(x?.shape ?? [])]);
        return x;
      },
    });
    const captured = graphFunction((x: tf.Tensor) => rawOperation('Cosh', [{ name: 'T', kind: 'type', value: 1 }], [x]));
    expect(valuesOf(captured.arrays(floats(0, 1)))).toEqual([1, expect.closeTo(Math.cosh(1), 5)]);
    expect(asked).toEqual([[2], [2]]);
    captured.dispose();
    expect(() => {
      registerOperation({ name: 'Cosh', shapes: () => undefined });
    }).toThrow('registered already');
  });
});

// The last: tfjs counts the variable's old value as freed.
it('refuses to assign to a variable, and what is no tensor', () => {
  const weight = tf.tidy(() => tf.variable(tf.scalar(2)));
  const assigns = graphFunction((x: tf.Tensor) => {
    weight.assign(tf.sum(x));
    return x;
  });
  expect(() => assigns.arrays(floats(1))).toThrow('it assigns to a variable');
  expect([...weight.dataSync()]).toEqual([2]);
  const numbers = graphFunction((x: tf.Tensor) => ({ sum: 3 as unknown as tf.Tensor, x }));
  expect(() => numbers.arrays(floats(1))).toThrow('expected tensors, found 3 at /sum');
  weight.dispose();
});
