import { beforeAll, describe, expect, it } from '@jest/globals';
import { capture } from '../../../src/engine/captured/capture';
import { withBfloat16Products, withProductsIn } from '../../../src/engine/captured/matrix-type';
import { DataType } from '../../../src/engine/captured/recording';
import { linearProduct } from '../../../src/engine/linear-and-norm';
import { productKinds, type ProductKind } from '../../../src/engine/precision';
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

describe('withProductsIn', () => {
  const recording = capture.bind(undefined, new Map(), (_, setResult) => {
    const clips = tf.ones([1024, 256]);
    const layer = (x: tf.Tensor2D, columns: number): tf.Tensor => linearProduct(x, tf.ones([columns, 256]), tf.ones([columns]));
    setResult('large', layer(tf.ones([1024, 256]), 128));
    setResult('small', layer(tf.slice(clips, [0, 0], [32, 256]) as tf.Tensor2D, 128));
    setResult('batched', tf.matMul(tf.ones([64, 32, 64]), tf.ones([64, 64, 64])));
  });
  const lowered = (...kinds: ProductKind[]): Record<string, boolean> => {
    const { operations, types, results } = withProductsIn(kinds, recording());
    const products = operations.filter(({ name }) => name.includes('MatMul'));
    const [large, small, batched] = products.map(({ attributes }) => attributes['T']?.value === DataType.bfloat16) as [
      boolean,
      boolean,
      boolean,
    ];
    for (const value of results.values()) expect(types.get(value)?.dtype).toBe(DataType.float32);
    return { large, small, batched };
  };

  it.each(productKinds)('computes the %s products alone in bfloat16', (kind) => {
    expect(lowered(kind)).toEqual({ large: false, small: false, batched: false, [kind]: true });
  });

  it('leaves a recording as it is where none are asked for', () => {
    const plain = recording();
    expect(withProductsIn([], plain)).toBe(plain);
    expect(withProductsIn('float32', plain)).toBe(plain);
    expect(withProductsIn('bfloat16', plain)).toEqual(withProductsIn(productKinds, plain));
  });
});
