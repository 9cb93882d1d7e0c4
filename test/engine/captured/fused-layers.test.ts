import { beforeAll, describe, expect, it } from '@jest/globals';
import { withFusedLayers } from '../../../src/engine/captured/fused-layers';
import { inputTypesOf, recordEvaluation } from '../../../src/engine/captured/recorded-program';
import { createProgram } from '../../../src/engine/create-program';
import { relu } from '../../../src/engine/dropout';
import { layerNorm, linearProduct } from '../../../src/engine/linear-and-norm';
import { hasOwnKernels } from '../../../src/engine/native-backend';
import { initialiseParameters, standardNormal, tensorNamed, valuesNamed, type NamedTensors } from '../../../src/engine/parameters';
import type { ProgramDefinition } from '../../../src/engine/program';
import { startRuntime } from '../../../src/engine/runtime';
import { tf } from '../../../src/engine/tensorflow';
import { RandomStream } from '../../../src/foundation/random';

/** Sizes that are no multiples of a tile, and more values a row than are multiplied at once. */
const [ROWS, WIDTH, INNER] = [203, 37, 601];

type Layers = (x: tf.Tensor, linear: (name: string, x: tf.Tensor) => tf.Tensor, norm: (x: tf.Tensor) => tf.Tensor) => tf.Tensor;

function definitionOf(layers: Layers): ProgramDefinition {
  const parameter = (name: string, shape: number[]): ProgramDefinition['parameters'][number] => ({
    name,
    shape,
    trainable: true,
    initialise: standardNormal,
  });
  const linear =
    (parameters: NamedTensors) =>
    (name: string, x: tf.Tensor): tf.Tensor =>
      linearProduct(x, tensorNamed(parameters, `${name}.weight`), tensorNamed(parameters, `${name}.bias`));
  return {
    parameters: [
      ...[parameter('gamma', [WIDTH]), parameter('beta', [WIDTH])],
      ...[parameter('first.weight', [INNER, WIDTH]), parameter('first.bias', [INNER])],
      ...[parameter('second.weight', [WIDTH, INNER]), parameter('second.bias', [WIDTH])],
    ],
    evaluate: (parameters, inputs) => ({
      y: layers(tensorNamed(inputs, 'x'), linear(parameters), (x) =>
        layerNorm(x, tensorNamed(parameters, 'gamma'), tensorNamed(parameters, 'beta')),
      ),
    }),
  };
}

function inputs(rows = ROWS): { x: { shape: number[]; values: Float32Array } } {
  const random = new RandomStream(5);
  return { x: { shape: [rows, WIDTH], values: Float32Array.from({ length: rows * WIDTH }, () => random.normal(0, 1)) } };
}

function fusedNames(layers: Layers, rows = ROWS): string[] {
  const recording = recordEvaluation(definitionOf(layers), inputTypesOf(inputs(rows)));
  return withFusedLayers(recording).operations.map(({ name }) => name);
}

/** The largest difference between a captured and an eager run, beside the largest value. */
function difference(layers: Layers): number {
  const definition = definitionOf(layers);
  const weights = initialiseParameters(definition.parameters, new RandomStream(3));
  const [captured, eager] = (['captured', 'eager'] as const).map((mode) => {
    const program = createProgram(definition, weights, { mode });
    const values = valuesNamed(program.evaluate(inputs()), 'y');
    program.dispose();
    return Float32Array.from(values);
  });
  if (captured === undefined || eager === undefined) throw new Error('two runs');
  const largest = eager.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  return eager.reduce((most, value, place) => Math.max(most, Math.abs(value - (captured[place] ?? NaN))), 0) / largest;
}

const feedForward: Layers = (x, linear, norm) => tf.add(x, linear('second', relu(linear('first', norm(x)))));
const normed: Layers = (x, linear, norm) => linear('first', norm(x));
const plain: Layers = (x, linear) => relu(linear('first', x));
const added: Layers = (x, linear) => tf.add(linear('second', tf.tile(x, [1, 17]).slice([0, 0], [ROWS, INNER])), x);

describe('layers without a gradient', () => {
  beforeAll(async () => {
    await startRuntime();
  });

  const withKernels = (name: string, test: () => void): void => {
    it(name, () => {
      if (hasOwnKernels()) test();
    });
  };

  withKernels('become own kernels, with the norm before them and the relu or the sum behind them', () => {
    expect(fusedNames(feedForward)).toEqual(['KumpasFeedForward']);
    expect(fusedNames(normed)).toEqual(['KumpasLinear']);
    expect(fusedNames(plain)).toEqual(['KumpasLinear']);
    expect(fusedNames(added).at(-1)).toBe('KumpasLinear');
  });

  withKernels('give what they give one by one', () => {
    for (const layers of [feedForward, normed, plain, added]) expect(difference(layers)).toBeLessThan(1e-5);
  });

  withKernels('stay as they are where something else takes what lies between them, and where there are few rows', () => {
    const shared: Layers = (x, linear, norm) => {
      const inner = relu(linear('first', norm(x)));
      return tf.add(linear('second', inner), tf.sum(inner, 1, true));
    };
    expect(fusedNames(shared)).toEqual(expect.arrayContaining(['KumpasLinear', 'Sum']));
    expect(fusedNames(shared)).not.toContain('KumpasFeedForward');
    expect(fusedNames(normed, 8)).toEqual(['KumpasLayerNorm', 'MatMul', 'BiasAdd']);
    expect(difference(shared)).toBeLessThan(1e-5);
  });

  withKernels('hand NaN on', () => {
    const definition = definitionOf(feedForward);
    const program = createProgram(definition, initialiseParameters(definition.parameters, new RandomStream(3)), { mode: 'captured' });
    const given = inputs();
    given.x.values[WIDTH] = NaN;
    const values = Float32Array.from(valuesNamed(program.evaluate(given), 'y'));
    program.dispose();
    expect(values.subarray(WIDTH, 2 * WIDTH).every((value) => Number.isNaN(value))).toBe(true);
    expect(values.filter((value) => Number.isNaN(value))).toHaveLength(WIDTH);
  });
});
