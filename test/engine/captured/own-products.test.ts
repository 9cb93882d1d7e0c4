import { beforeAll, describe, expect, it } from '@jest/globals';
import { capture } from '../../../src/engine/captured/capture';
import { withBfloat16Products } from '../../../src/engine/captured/matrix-type';
import { withOwnProducts } from '../../../src/engine/captured/own-products';
import { DataType, type Recording } from '../../../src/engine/captured/recording';
import { addBias, linearProduct, matrixProduct } from '../../../src/engine/linear-and-norm';
import { hasOwnKernels, rawOperation } from '../../../src/engine/native-backend';
import { startRuntime } from '../../../src/engine/runtime';
import { inScope, tf } from '../../../src/engine/tensorflow';
import { RandomStream } from '../../../src/foundation/random';
import { drawnTensor } from '../../support/gradients';
import { relativeDifference } from '../../support/parity';

let usesGpu: boolean;

beforeAll(async () => {
  ({ usesGpu } = await startRuntime());
});

describe('withOwnProducts', () => {
  const given = new Map(
    Object.entries({ x: [300, 64], weight: [96, 64], bias: [96] }).map(([name, shape]) => [name, { dtype: DataType.float32, shape }]),
  );
  const record = (compute: (x: tf.Tensor, weight: tf.Tensor, bias: tf.Tensor) => Record<string, tf.Tensor>): Recording =>
    capture(given, ({ x, weight, bias }, setResult) => {
      if (x === undefined || weight === undefined || bias === undefined) throw new Error('an input is missing');
      for (const [name, value] of Object.entries(compute(x, weight, bias))) setResult(name, value);
    });
  const names = ({ operations }: Recording): string[] => operations.map(({ name }) => name).filter((name) => /MatMul|BiasAdd$/.test(name));

  it('takes large products in place of TensorFlow, each with its bias, forward and backward', () => {
    const plain = record((x, weight, bias) => {
      const { value, grads } = tf.valueAndGrads((...inputs: tf.Tensor[]) => {
        const [one, two, three] = inputs;
        if (one === undefined || two === undefined || three === undefined) throw new Error('three inputs are wanted');
        return tf.sum(tf.square(linearProduct(one, two, three)));
      })([x, weight, bias]);
      return { value, ...Object.fromEntries(grads.map((gradient, place) => [`gradient ${place}`, gradient])) };
    });
    const before = structuredClone(plain);
    const own = withOwnProducts(plain);
    expect(names(plain)).toEqual(['MatMul', 'BiasAdd', 'MatMul', 'MatMul']);
    expect(names(own)).toEqual(['KumpasMatMul', 'KumpasMatMul', 'KumpasMatMul']);
    const products = own.operations.filter(({ name }) => name === 'KumpasMatMul');
    expect(products.map(({ attributes }) => attributes['transposed']?.value)).toEqual([2, 0, 1]);
    expect(plain).toEqual(before);
  });

  it('leaves a bias alone where something else takes the product, too', () => {
    const own = withOwnProducts(
      record((x, weight, bias) => {
        const product = matrixProduct(x, weight, 'second');
        return { biased: addBias(product, bias), product };
      }),
    );
    expect(names(own)).toEqual(['KumpasMatMul', 'BiasAdd']);
  });

  it('leaves small products to TensorFlow, and those in bfloat16', () => {
    const small = record((x, weight) => ({ product: matrixProduct(tf.slice(x, [0, 0], [8, 64]), weight, 'second') }));
    expect(names(withOwnProducts(small))).toEqual(['MatMul']);
    const large = record((x, weight) => ({ product: matrixProduct(x, weight, 'second') }));
    expect(names(withOwnProducts(withBfloat16Products(large)))).toEqual(['MatMul']);
  });
});

describe("the own kernels' product of matrices", () => {
  const multiply = (transposed: number, left: tf.Tensor, right: tf.Tensor, bias: tf.Tensor = tf.tensor1d([])): tf.Tensor =>
    rawOperation(
      'KumpasMatMul',
      [
        { name: 'T', kind: 'type', value: DataType.float32 },
        { name: 'transposed', kind: 'int', value: transposed },
      ],
      [left, right, bias],
    );
  const onProcessor = (title: string, test: () => void): void => {
    it(title, () => {
      if (hasOwnKernels()) inScope(test);
      else expect(usesGpu).toBe(true);
    });
  };

  onProcessor('is that of its definition at any size, with a bias and without', () => {
    for (const [rows, depth, columns] of [
      [1, 1, 1],
      [7, 5, 3],
      [50, 600, 33],
      [49, 512, 32],
      [101, 1030, 130],
      [800, 3, 17],
    ] as const) {
      const random = new RandomStream(rows);
      const [left, right, bias] = [drawnTensor(random, rows, depth), drawnTensor(random, depth, columns), drawnTensor(random, columns)];
      const expected = tf.matMul(left, right);
      const same = (actual: tf.Tensor, wanted: tf.Tensor): void => {
        expect(actual.shape).toEqual(wanted.shape);
        expect(relativeDifference(actual.dataSync(), wanted.dataSync())).toBeLessThan(1e-5);
      };
      same(multiply(0, left, right), expected);
      same(multiply(1, tf.transpose(left), right, bias), tf.add(expected, bias));
      same(multiply(2, left, tf.transpose(right), bias), tf.add(expected, bias));
    }
  });

  onProcessor('is the bias where there is nothing to multiply, and NaN wherever one goes into it', () => {
    expect([...multiply(0, tf.zeros([2, 0]), tf.zeros([0, 3]), tf.tensor1d([1, 2, 3])).dataSync()]).toEqual([1, 2, 3, 1, 2, 3]);
    const holed = tf.tensor2d(
      Float32Array.from({ length: 9 * 20 }, (_, at) => (at === 67 ? NaN : 0)),
      [9, 20],
    );
    const found = multiply(0, holed, tf.zeros([20, 19])).dataSync();
    expect([...found].flatMap((value, at) => (Number.isNaN(value) ? [Math.floor(at / 19)] : []))).toEqual(new Array(19).fill(3));
  });

  onProcessor('refuses what does not fit', () => {
    expect(() => multiply(0, tf.zeros([2, 3]), tf.zeros([2, 3]))).toThrow(/do not fit each other/);
    expect(() => multiply(2, tf.zeros([2, 3]), tf.zeros([4, 3]), tf.zeros([3]))).toThrow(/do not fit each other/);
    expect(() => multiply(0, tf.zeros([6]), tf.zeros([2, 3]))).toThrow(/expected two matrices/);
  });
});
