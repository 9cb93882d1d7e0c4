import { beforeAll, describe, expect, it } from '@jest/globals';
import { CapturedProgram } from '../../src/engine/captured/captured-program';
import { EagerProgram } from '../../src/engine/eager-program';
import { tensorNamed, constantValue } from '../../src/engine/parameters';
import type { ProgramDefinition } from '../../src/engine/program';
import { startRuntime } from '../../src/engine/runtime';
import { tf } from '../../src/engine/tensorflow';
import { adam } from '../../src/engine/optimizers/adam';

beforeAll(async () => {
  await startRuntime();
});

/** A weight, and a running mean that each step moves half of the way to the mean of its inputs. */
const definition: ProgramDefinition = {
  parameters: [
    { name: 'weight', shape: [], trainable: true, initialise: constantValue(1) },
    { name: 'running_mean', shape: [], trainable: false, initialise: constantValue(0) },
  ],
  optimizer: adam(),
  evaluate: () => ({}),
  train: (parameters, inputs) => {
    const x = tensorNamed(inputs, 'x');
    const mean = tensorNamed(parameters, 'running_mean');
    return {
      loss: tf.sum(tf.mul(tf.sub(x, mean), tensorNamed(parameters, 'weight'))),
      outputs: { mean: tf.mul(mean, 1) },
      increments: { running_mean: tf.mul(tf.sub(tf.mean(x), mean), 0.5) },
    };
  },
};
const weights = new Map([
  ['weight', Float32Array.of(1)],
  ['running_mean', Float32Array.of(0)],
]);

describe.each([
  ['captured', CapturedProgram],
  ['eager', EagerProgram],
] as const)('a program with running statistics, %s', (_, ProgramOfKind) => {
  const inputs = { x: { shape: [2], values: Float32Array.of(2, 6) } };
  const step = { learningRate: 0.1, gradientScale: 1, apply: true };

  it('moves them once a step, after the step has read them, and not for gradients alone', () => {
    const program = new ProgramOfKind(definition, weights);
    const mean = (): number | undefined => program.readParameters().get('running_mean')?.[0];
    program.gradients(inputs);
    expect(mean()).toBe(0);
    const { outputs, loss } = program.trainStep(inputs, step);
    expect([outputs['mean']?.values[0], loss, mean()]).toEqual([0, 8, 2]);
    expect(program.trainStep(inputs, step).outputs['mean']?.values[0]).toBe(2);
    expect(mean()).toBe(3);
    program.dispose();
  });

  it('moves them with each batch whose gradients are accumulated', () => {
    const program = new ProgramOfKind(definition, weights);
    program.trainStep(inputs, { ...step, gradientScale: 0.5, apply: false });
    program.trainStep(inputs, { ...step, gradientScale: 0.5, apply: true });
    expect(program.readParameters().get('running_mean')?.[0]).toBe(3);
    program.dispose();
  });
});
