import { beforeAll, describe, expect, it } from '@jest/globals';
import { capture } from '../../../src/engine/captured/capture';
import { measureBfloat16Gain } from '../../../src/engine/captured/matrix-speed';
import { withBfloat16Products } from '../../../src/engine/captured/matrix-type';
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
