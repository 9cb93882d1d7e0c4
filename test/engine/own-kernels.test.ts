import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { attentionProduct, type AttentionRows } from '../../src/engine/attention-product';
import { inferenceGraphBytes } from '../../src/engine/captured/inference-graph';
import { capture } from '../../src/engine/captured/capture';
import { inputTypesOf, recordTraining } from '../../src/engine/captured/recorded-program';
import { withBfloat16Products, type MatrixType } from '../../src/engine/captured/matrix-type';
import { DataType, type Recording } from '../../src/engine/captured/recording';
import { type ProgramDefinition } from '../../src/engine/program';
import { addDropped, drawAttributes, seededDropout, droppedRelu } from '../../src/engine/dropout';
import { layerNorm, linearProduct, normedLinearProduct } from '../../src/engine/linear-and-norm';
import { sizeOfShape, type ParameterValues } from '../../src/engine/parameters';
import { hasOwnKernels, type OperationAttribute, rawOperation, rawOperations } from '../../src/engine/native-backend';
import { startRuntime } from '../../src/engine/runtime';
import { inScope, tf } from '../../src/engine/tensorflow';
import { relativeDifference } from '../support/parity';
import { adam } from '../../src/engine/optimizers/adam';
import { createProgram } from '../../src/engine/create-program';

let usesGpu: boolean;

beforeAll(async () => {
  ({ usesGpu } = await startRuntime());
});

const oneType = [{ name: 'T', kind: 'type', value: DataType.float32 }] as const;

const attention = (heads: number): OperationAttribute[] => [...drawAttributes(0, 0), { name: 'heads', kind: 'int', value: heads }];

const onProcessor = (title: string, test: () => void): void => {
  it(title, () => {
    if (hasOwnKernels()) inScope(test);
    else expect(usesGpu).toBe(true);
  });
};

describe('the own kernels', () => {
  onProcessor('refuse shapes and seeds that do not fit, and compute nothing of nothing', () => {
    const x = tf.ones([4, 8]);
    const none = tf.tensor1d([], 'int32');
    const norm = (width: number): unknown => rawOperations('KumpasLayerNorm', oneType, [x, tf.ones([width]), tf.ones([width])], 3);
    expect(() => norm(7)).toThrow(/gamma and beta: expected as many values as x has columns/);
    expect(() => rawOperation('KumpasDropout', drawAttributes(1, 26), [x, tf.tensor1d([1, 2], 'int32'), none])).toThrow(
      /seed: expected three numbers/,
    );
    expect(() => rawOperation('KumpasDropout', drawAttributes(1, 256), [x, tf.tensor1d([1, 2, 0], 'int32'), none])).toThrow(
      /threshold: expected 0 to 255/,
    );
    expect(() => rawOperation('KumpasReluGrad', oneType, [x, tf.ones([3])])).toThrow(/expected the same shape/);
    const seed = tf.tensor1d([1, 2, 0], 'int32');
    const attend = (heads: number, bias: number[], places: number[], shape = [4, 24]): unknown =>
      rawOperations('KumpasAttention', attention(heads), [tf.ones(shape), tf.zeros(bias), tf.tensor1d(places, 'int32'), seed], 2);
    expect(() => attend(2, [1, 1, 1, 3], [])).toThrow(/do not fit each other/);
    expect(() => attend(3, [1, 1, 1, 4], [])).toThrow(/do not fit each other/);
    expect(() => attend(2, [1, 1, 1, 4], [0, 1, 2])).toThrow(/do not fit each other/);
    expect(() => attend(2, [1, 1, 1, 4], [0, 1, 2, 4])).toThrow(/places: expected rows of projected/);
    expect(() => attend(0, [1, 1, 1, 4], [])).toThrow(/heads: expected at least one/);
    expect(() => attend(2, [0, 1, 1, 4], [], [0, 24])).not.toThrow();
    expect(layerNorm(tf.zeros([0, 8]), tf.ones([8]), tf.ones([8])).shape).toEqual([0, 8]);
  });

  onProcessor('draw values that do not depend on each other, whatever their places', () => {
    const draws = [
      [42, 7],
      [42, 8],
      [43, 7],
    ].map((seed) => {
      const dropout = seededDropout(tf.tensor1d([...seed, 0], 'int32'));
      return [0, 1].map(() => dropout.draw([200, 501], 0.5)?.kept().dataSync() ?? []);
    });
    const [first = [], ...others] = draws.flat();
    const half = 128 / 256;
    const agreement = (one: ArrayLike<number>, other: ArrayLike<number>, lag = 0): number => {
      let same = 0;
      for (let place = 0; place + lag < one.length; place++) if (one[place + lag] === other[place]) same++;
      return same / (one.length - lag);
    };
    // 100,200 throws of a coin: five standard deviations are 0.008.
    for (const other of others) expect(Math.abs(agreement(first, other) - half)).toBeLessThan(0.008);
    for (const lag of [1, 2, 16, 63, 64, 501]) expect(Math.abs(agreement(first, first, lag) - half)).toBeLessThan(0.008);
  });

  onProcessor('take nothing from frames that are masked, and let weights that add up to 1 mix the others', () => {
    // Two frames and a masked one: scores of 80 and -80, values of 1, which must come out as they are.
    const projected = tf.tensor([80, 1, 1, 1, -1, 1, NaN, NaN, NaN], [3, 3]);
    const bias = tf.tensor([0, 0, -1e9], [1, 1, 1, 3]);
    const [mixed] = rawOperations(
      'KumpasAttention',
      attention(1),
      [projected, bias, tf.tensor1d([], 'int32'), tf.tensor1d([0, 0, 0], 'int32')],
      2,
    );
    const values = [...(mixed?.dataSync() ?? [])];
    expect([values[0], values[1]]).toEqual([expect.closeTo(1, 6), expect.closeTo(1, 6)]);
    expect(values[2]).toBeNaN(); // It asks itself.
  });
});

it('are left out where KUMPAS_KERNELS says so', () => {
  const root = path.resolve(__dirname, '../..');
  const program = `
    const { startRuntime } = require('./src/engine/runtime.ts');
    const { hasOwnKernels } = require('./src/engine/native-backend.ts');
    void startRuntime().then(() => console.log(hasOwnKernels()));`;
  const said = (kernels: string): string => {
    const env = { ...process.env, KUMPAS_KERNELS: kernels };
    return spawnSync(process.execPath, ['--import', 'tsx', '--eval', program], { cwd: root, env, encoding: 'utf8' }).stdout.trim();
  };
  expect([said(''), said('tensorflow')]).toEqual([String(!usesGpu), 'false']);
});

describe('the own kernels in graphs', () => {
  const record = (computation: (x: tf.Tensor) => tf.Tensor): Recording =>
    capture(new Map([['x', { dtype: DataType.float32, shape: [8, 8] }]]), ({ x }, setResult) => {
      if (x !== undefined) setResult('y', computation(x));
    });
  const ones = (): tf.Tensor => tf.ones([8]);
  const normTypes = (recording: Recording): unknown[] =>
    withBfloat16Products(recording)
      .operations.filter(({ name }) => name === 'KumpasLayerNorm')
      .map(({ attributes }) => attributes['T']?.value);

  onProcessor('give bfloat16 to products, and float32 to all else', () => {
    expect(normTypes(record((x) => tf.matMul(layerNorm(x, ones(), ones()), x)))).toEqual([DataType.bfloat16]);
    expect(normTypes(record((x) => tf.exp(layerNorm(x, ones(), ones()))))).toEqual([DataType.float32]);
    expect(
      normTypes(
        record((x) => {
          const normed = layerNorm(x, ones(), ones());
          return tf.add(normed, tf.matMul(normed, x)); // A residual: rounding it would add up from layer to layer.
        }),
      ),
    ).toEqual([DataType.float32]);
  });

  const everyRow: AttentionRows = { places: undefined, spread: (rows) => rows, rowsOf: (positions) => positions };

  onProcessor('compute in bfloat16 what they compute in float32, forward and backward, but for rounding', () => {
    const shape = { batch: 2, frames: 9, heads: 2, headWidth: 16 };
    const values = (name: number, size: number): Float32Array =>
      Float32Array.from({ length: size }, (_, place) => Math.sin(place * (name + 1)) / 2);
    const parameters = ['weight', 'gamma', 'beta', 'bias'].map((name, place) => {
      const dimensions = name === 'weight' ? [96, 32] : name === 'bias' ? [96] : [32];
      return { name, shape: dimensions, trainable: true, initialise: () => values(place, sizeOfShape(dimensions)) };
    });
    const definition: ProgramDefinition = {
      parameters,
      evaluate: () => ({}),
      optimizer: adam(),
      train: ({ weight, gamma, beta, bias }, { x, seed }) => {
        if (
          weight === undefined ||
          gamma === undefined ||
          beta === undefined ||
          bias === undefined ||
          x === undefined ||
          seed === undefined
        )
          throw new Error('an input is missing');
        const dropout = seededDropout(seed);
        const projected = normedLinearProduct(x, gamma, beta, weight, bias);
        const drop = dropout.draw([2, 2, 9, 9], 0.3);
        const mixed = attentionProduct(projected, everyRow, tf.zeros([2, 1, 1, 9]), shape, { drop });
        const query = tf.slice(weight, [0, 0], [32, 32]);
        const raised = droppedRelu(linearProduct(mixed, query, beta), dropout.draw([18, 32], 0.3));
        const lowered = linearProduct(raised, query, beta);
        const out = addDropped(x, lowered, dropout.draw([18, 32], 0.3));
        return { loss: tf.sum(tf.square(out)), outputs: { out } };
      },
    };
    const inputs = {
      x: { shape: [18, 32], values: values(9, 18 * 32) },
      seed: { shape: [3], values: Int32Array.of(4, 2, 0) },
    };
    const initial = new Map(parameters.map(({ name, initialise }) => [name, initialise()]));
    const gradients = (matrixType: MatrixType): ParameterValues => {
      const program = createProgram(definition, initial, { mode: 'captured', matrixType });
      try {
        return program.gradients(inputs);
      } finally {
        program.dispose();
      }
    };
    const [exact, low] = [gradients('float32'), gradients('bfloat16')];
    for (const { name } of parameters) {
      const difference = relativeDifference(low.get(name) ?? [], exact.get(name) ?? []);
      // bfloat16 has eight bits: 2^-9 a value, several products and norms deep. Where the processor has no AVX-512, TensorFlow's products round more often:
      // the sum that gamma's gradient is, of values that cancel, was 0.039 off there.
      expect([name, difference < 0.05, difference > 1e-6]).toEqual([name, true, true]);
    }
    const recording = withBfloat16Products(recordTraining(definition, inputTypesOf(inputs)));
    const types = recording.operations
      .filter(({ name }) => name.startsWith('Kumpas'))
      .map(({ name, attributes }) => [name, attributes['T']?.value]);
    const names = [
      'Attention',
      'AttentionGrad',
      'ColumnSum',
      'Dropout',
      'DropoutAdd',
      'LayerNorm',
      'LayerNormGrad',
      'ReluDropout',
      'ReluGrad',
    ];
    expect([...new Set(types.map(([name]) => name))].sort()).toEqual(names.map((name) => `Kumpas${name}`));
    expect(types.filter(([, type]) => type !== DataType.bfloat16)).toEqual([]);
  });

  onProcessor('are not in a graph that goes to others', () => {
    const parameter = { name: 'gamma', shape: [8], trainable: true, initialise: () => new Float32Array(8) };
    const bytes = inferenceGraphBytes({
      definition: {
        parameters: [parameter],
        evaluate: ({ gamma }, { x }) => (gamma === undefined || x === undefined ? {} : { y: layerNorm(x, gamma, gamma) }),
      },
      weights: new Map([['gamma', new Float32Array(8).fill(1)]]),
      inputs: { x: [4, 8] },
      asset: 'labels.json',
    });
    const graph = Buffer.from(bytes).toString('latin1');
    expect(graph).toContain('Rsqrt');
    expect(graph).not.toContain('Kumpas');
  });
});
