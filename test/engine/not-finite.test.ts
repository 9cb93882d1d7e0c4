import { DataType } from '../../src/engine/captured/recording';
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { CapturedProgram } from '../../src/engine/captured/captured-program';
import { drawAttributes, relu } from '../../src/engine/dropout';
import { EagerProgram } from '../../src/engine/eager-program';
import { layerNorm } from '../../src/engine/linear-and-norm';
import { hasOwnKernels, rawOperation, rawOperations } from '../../src/engine/native-backend';
import { constantValue, tensorNamed, type NamedArrays } from '../../src/engine/parameters';
import type { Program, ProgramDefinition, UpdateRequest } from '../../src/engine/program';
import { startRuntime } from '../../src/engine/runtime';
import { inScope, tf } from '../../src/engine/tensorflow';
import { drawnInputs, tinyTraining } from '../support/captured';
import { adam } from '../../src/engine/optimizers/adam';

let usesGpu: boolean;

beforeAll(async () => {
  ({ usesGpu } = await startRuntime());
});

const once: UpdateRequest = { learningRate: 1e-3, gradientScale: 1, apply: true };
const { definition, weights } = tinyTraining({ dropout: 0.3, adam: { clipNorm: 0.5, weightDecay: 0.01 } });

const programs: readonly (readonly [string, () => Program])[] = [
  ['captured', () => new CapturedProgram(definition, weights)],
  ['captured, bfloat16', () => new CapturedProgram(definition, weights, 'bfloat16')],
  ['captured, divided', () => new CapturedProgram(definition, weights, 'float32', ['/device:CPU:0', '/device:CPU:0'])],
  ['eager', () => new EagerProgram(definition, weights)],
];

/** The inputs of a step whose first clip holds a value that is none. */
function spoilt(step: number): NamedArrays {
  const inputs = drawnInputs({ step, packed: false });
  const features = tensorValues(inputs, 'features');
  features[0] = NaN;
  return inputs;
}

function tensorValues(inputs: NamedArrays, name: string): Float32Array {
  const values = inputs[name]?.values;
  if (!(values instanceof Float32Array)) throw new Error(`no floats are named ${name}`);
  return values;
}

/** All that a program holds, as it is. */
function stateOf(program: Program): unknown {
  return { parameters: [...program.readParameters()], optimizer: program.readOptimizer() };
}

describe.each(programs)('a step that is not finite, %s', (_, create) => {
  it('says so and changes nothing, and the next goes on as if it had never been', () => {
    const [program, other] = [create(), create()];
    for (const some of [program, other]) expect(some.trainStep(drawnInputs({ packed: false }), once).finite).toBe(true);
    const before = stateOf(program);
    const { loss, finite } = program.trainStep(spoilt(1), once);
    expect([loss, finite]).toEqual([NaN, false]);
    expect(stateOf(program)).toEqual(before);
    for (const some of [program, other]) some.trainStep(drawnInputs({ step: 2, packed: false }), once);
    expect(stateOf(program)).toEqual(stateOf(other));
    program.dispose();
    other.dispose();
  });

  it('forgets what was accumulated, where one of the steps is not', () => {
    const [program, other] = [create(), create()];
    const before = stateOf(program);
    const half = { ...once, gradientScale: 0.5 };
    expect(program.trainStep(drawnInputs({ packed: false }), { ...half, apply: false }).finite).toBe(true);
    expect(program.trainStep(spoilt(1), half)).toMatchObject({ loss: NaN, finite: false });
    expect(stateOf(program)).toEqual(before);
    for (const some of [program, other]) {
      some.trainStep(drawnInputs({ step: 2, packed: false }), { ...half, apply: false });
      expect(some.trainStep(drawnInputs({ step: 3, packed: false }), half).finite).toBe(true);
    }
    expect(stateOf(program)).toEqual(stateOf(other));
    program.dispose();
    other.dispose();
  });

  it('takes no step of a size that is none in float32', () => {
    const program = create();
    const before = stateOf(program);
    expect(program.trainStep(drawnInputs({ packed: false }), { ...once, learningRate: 1e40 }).finite).toBe(false);
    expect(stateOf(program)).toEqual(before);
    program.dispose();
  });
});

/** The root of a weight, whose gradient at 0 is infinite, and a running mean that is moved by an input. */
const steep: ProgramDefinition = {
  parameters: [
    { name: 'weight', shape: [2], trainable: true, initialise: constantValue(0) },
    { name: 'mean', shape: [], trainable: false, initialise: constantValue(0) },
  ],
  optimizer: adam(),
  clipNorm: 1,
  evaluate: () => ({}),
  train: (parameters, inputs) => ({
    loss: tf.sum(tf.sqrt(tensorNamed(parameters, 'weight'))),
    outputs: {},
    increments: { mean: tensorNamed(inputs, 'amount') },
  }),
};

describe.each([
  ['captured', CapturedProgram],
  ['eager', EagerProgram],
] as const)('a step of a finite loss, %s', (_, ProgramOfKind) => {
  const stepOf = (weight: number, amount: number, update = once): unknown => {
    const program = new ProgramOfKind(
      steep,
      new Map([
        ['weight', Float32Array.of(weight, 4)],
        ['mean', Float32Array.of(1)],
      ]),
    );
    const { loss, finite, gradientNorm } = program.trainStep({ amount: { shape: [], values: Float32Array.of(amount) } }, update);
    const after = program.readParameters();
    const optimizer = program.readOptimizer();
    program.dispose();
    return { loss, finite, gradientNorm, weight: after.get('weight')?.[0], mean: after.get('mean')?.[0], steps: optimizer.step };
  };

  it('changes nothing where the gradient is infinite, at once and accumulated', () => {
    const kept = { loss: 2, finite: false, gradientNorm: Infinity, weight: 0, steps: 0 };
    expect(stepOf(0, 1)).toEqual({ ...kept, mean: 1 });
    expect(stepOf(0, 1, { ...once, gradientScale: 0.5 })).toMatchObject(kept);
  });

  it.each([NaN, Infinity])('changes nothing where %p would be added to a buffer', (amount) => {
    expect(stepOf(1, amount)).toMatchObject({ loss: 3, finite: false, weight: 1, mean: 1, steps: 0 });
    expect(stepOf(1, amount, { ...once, apply: false })).toMatchObject({ finite: false, mean: 1 });
    expect(stepOf(1, 0.5)).toMatchObject({ finite: true, mean: 1.5, steps: 1 });
  });
});

describe('NaN', () => {
  const notNumbers = (tensor: tf.Tensor | undefined): number => tensor?.dataSync<'float32'>().filter(Number.isNaN).length ?? -1;

  it('goes through relu and its gradient', () => {
    inScope(() => {
      const x = tf.tensor1d([NaN, -1, 2]);
      expect([...relu(x).dataSync()]).toEqual([NaN, 0, 2]);
      expect(
        [
          ...tf
            .grad((given) => relu(given))(x)
            .dataSync(),
        ].slice(1),
      ).toEqual([0, 1]);
    });
  });

  it('goes through every own kernel', () => {
    if (!hasOwnKernels()) {
      expect(usesGpu).toBe(true);
      return;
    }
    inScope(() => {
      const width = 100; // Whole vectors and a rest.
      const draw = drawAttributes(1, 128);
      const oneType = [{ name: 'T', kind: 'type', value: DataType.float32 }] as const;
      const [seed, none] = [tf.tensor1d([1, 2, 0], 'int32'), tf.tensor1d([], 'int32')];
      const ones = tf.ones([2, width]);
      const flat = tf.ones([width]);
      for (const place of [0, 1, 50, 99]) {
        const x = tf.tensor2d(
          Float32Array.from({ length: 2 * width }, (_, at) => (at === width + place ? NaN : at % 5)),
          [2, width],
        );
        expect(notNumbers(rawOperation('KumpasReluDropout', draw, [x, seed, none]))).toBe(1);
        expect(notNumbers(rawOperation('KumpasDropout', draw, [x, seed, none]))).toBe(1);
        expect(notNumbers(rawOperation('KumpasDropoutAdd', draw, [x, ones, seed, none]))).toBe(1);
        expect(notNumbers(rawOperation('KumpasDropoutAdd', draw, [ones, x, seed, none]))).toBe(1);
        expect(notNumbers(rawOperation('KumpasReluGrad', oneType, [ones, x]))).toBe(1);
        expect(notNumbers(rawOperation('KumpasColumnSum', oneType, [x]))).toBe(1);
        expect(notNumbers(layerNorm(x, flat, flat))).toBe(width);
      }
    });
  });

  it('goes through attention: from a query to what it asks, from a key or value to all that ask it', () => {
    if (!hasOwnKernels()) {
      expect(usesGpu).toBe(true);
      return;
    }
    inScope(() => {
      const [frames, width] = [19, 17];
      const attributes = [...drawAttributes(1, 0), { name: 'heads', kind: 'int', value: 1 } as const];
      const others = [tf.zeros([1, 1, 1, frames]), tf.tensor1d([], 'int32'), tf.tensor1d([1, 2, 0], 'int32')];
      const withNaN = (rows: number, columns: number, at?: number): tf.Tensor =>
        tf.tensor2d(
          Float32Array.from({ length: rows * columns }, (_, place) => (place === at ? NaN : (place % 7) / 7)),
          [rows, columns],
        );
      for (const frame of [0, 7, 18]) {
        for (const [part, expected] of [
          [0, width],
          [1, frames * width],
          [2, frames],
        ] as const) {
          const projected = withNaN(frames, 3 * width, frame * 3 * width + part * width + 16);
          expect(notNumbers(rawOperations('KumpasAttention', attributes, [projected, ...others], 2)[0])).toBe(expected);
        }
        const [dmixed, projected] = [withNaN(frames, width, frame * width + 16), withNaN(frames, 3 * width)];
        const sums = tf.zeros([1, 1, frames]);
        // One query's gradient, those of all keys, and the values' in that column.
        expect(notNumbers(rawOperation('KumpasAttentionGrad', attributes, [dmixed, projected, sums, ...others]))).toBe(
          width + frames * width + frames,
        );
      }
    });
  });

  it('goes through a linear layer and its relu in a graph, with oneDNN and without', () => {
    const root = path.resolve(__dirname, '../..');
    const program = `
      const { startRuntime } = require('./src/engine/runtime.ts');
      const { createProgram } = require('./src/engine/create-program.ts');
      const { linearProduct } = require('./src/engine/linear-and-norm.ts');
      const { relu } = require('./src/engine/dropout.ts');
      void startRuntime().then(() => {
        const parameters = [{ name: 'w', shape: [8, 8], trainable: true }, { name: 'b', shape: [8], trainable: true }];
        const evaluate = ({ w, b }, { x }) => ({ y: relu(linearProduct(x, w, b)) });
        const values = new Map([['w', new Float32Array(64).fill(1)], ['b', Float32Array.of(NaN, 1, 1, 1, 1, 1, 1, 1)]]);
        const captured = createProgram({ parameters, evaluate }, values, { mode: 'captured' });
        const { y } = captured.evaluate({ x: { shape: [32, 8], values: new Float32Array(256).fill(1) } });
        console.log(y.values.filter(Number.isNaN).length);
      });`;
    const said = (oneDnn: string): string => {
      const env = { ...process.env, TF_ENABLE_ONEDNN_OPTS: oneDnn };
      return spawnSync(process.execPath, ['--import', 'tsx', '--eval', program], { cwd: root, env, encoding: 'utf8' }).stdout.trim();
    };
    expect([said('1'), said('0')]).toEqual(['32', '32']);
  });
});
