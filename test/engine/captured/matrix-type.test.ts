import { beforeAll, describe, expect, it } from '@jest/globals';
import { capture } from '../../../src/engine/captured/capture';
import { measureBfloat16Gain, withBfloat16Products } from '../../../src/engine/captured/matrix-type';
import { DataType } from '../../../src/engine/captured/recording';
import { startRuntime } from '../../../src/engine/runtime';
import { tf } from '../../../src/engine/tensorflow';

beforeAll(async () => {
  await startRuntime();
});

describe('withBfloat16Products', () => {
  const given = new Map([['x', { dtype: DataType.float32, shape: [4, 4] }]]);
  const recording = (): ReturnType<typeof capture> =>
    capture(given, ({ x }, setResult) => {
      if (x !== undefined) setResult('y', tf.softmax(tf.add(tf.matMul(x, x), tf.matMul(x, tf.relu(x)))));
    });

  it('casts around matrix products only, and each tensor once', () => {
    const plain = recording();
    const lowered = withBfloat16Products(plain);
    const count = (name: string, of = lowered): number => of.operations.filter((operation) => operation.name === name).length;
    expect(count('Cast') - count('Cast', plain)).toBeGreaterThanOrEqual(4); // Down: x and relu(x), where tfjs reshapes neither; up: two products.
    expect(count('Cast') - count('Cast', plain)).toBeLessThanOrEqual(6);
    for (const { name, attributes } of lowered.operations) {
      const product = name.includes('MatMul');
      if (attributes['T'] !== undefined) expect(attributes['T'].value === DataType.bfloat16).toBe(product);
    }
    expect(lowered.types.get(lowered.results.get('y') ?? -1)?.dtype).toBe(DataType.float32);
  });

  it('keeps in bfloat16 what only moves or picks values between two products, and computes all else in float32', () => {
    const plain = capture(given, ({ x }, setResult) => {
      if (x === undefined) return;
      const mask = tf.cast(tf.greater(x, 0), 'float32');
      const product = tf.matMul(x, x);
      setResult('moved', tf.matMul(tf.mul(tf.relu(tf.transpose(product)), mask), x));
      setResult('computed', tf.matMul(tf.exp(product), x));
      setResult('scaled', tf.matMul(tf.mul(product, 0.3), x));
    });
    const lowered = withBfloat16Products(plain);
    const typeOf = (name: string): unknown => lowered.operations.find((operation) => operation.name === name)?.attributes['T']?.value;
    expect([typeOf('Relu'), typeOf('Transpose'), typeOf('Exp')]).toEqual([DataType.bfloat16, DataType.bfloat16, DataType.float32]);
    const products = lowered.operations.filter(({ name }) => name === 'Mul').map(({ attributes }) => attributes['T']?.value);
    expect(products.toSorted()).toEqual([DataType.float32, DataType.bfloat16]);
    for (const value of lowered.results.values()) expect(lowered.types.get(value)?.dtype).toBe(DataType.float32);
  });

  it('leaves the recording that it was given as it was', () => {
    const plain = recording();
    const before = structuredClone(plain);
    withBfloat16Products(plain);
    expect(plain).toEqual(before);
  });
});

describe('measureBfloat16Gain', () => {
  it('measures something', () => {
    const gain = measureBfloat16Gain();
    expect(gain).toBeGreaterThan(0);
    expect(gain).toBeLessThan(1000);
  });
});
