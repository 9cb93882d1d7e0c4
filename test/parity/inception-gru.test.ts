import path from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { CapturedProgram } from '../../src/engine/captured/captured-program';
import { EagerProgram } from '../../src/engine/eager-program';
import { valuesNamed } from '../../src/engine/parameters';
import { startRuntime } from '../../src/engine/runtime';
import { stepInputs } from '../../src/training/learner';
import { arrayNamed, parityFolder, readArrays, relativeDifference, relativeDistance } from '../support/parity';
import { gruBatch, gruTraining } from '../support/small-gru';

let expected: Map<string, Float32Array>;

beforeAll(async () => {
  await startRuntime();
  expected = await readArrays(path.join(parityFolder, 'iv3_gru_features.npz'));
});

describe.each([
  ['captured', CapturedProgram],
  ['eager', EagerProgram],
] as const)('InceptionV3GRU on features, %s', (_, ProgramOfKind) => {
  const inputs = (): ReturnType<typeof stepInputs> =>
    stepInputs(gruBatch(expected), { lossWeights: { alpha: 0.5, beta: 0.5 }, packPadding: false, randomSeed: [0, 0] });

  it('gives PyTorch’s logits', () => {
    const { definition, weights } = gruTraining();
    const program = new ProgramOfKind(definition, weights);
    const outputs = program.evaluate(inputs());
    expect(relativeDifference(valuesNamed(outputs, 'gloss_logits'), arrayNamed(expected, 'gloss'))).toBeLessThan(1e-5);
    expect(relativeDifference(valuesNamed(outputs, 'category_logits'), arrayNamed(expected, 'cat'))).toBeLessThan(1e-5);
    program.dispose();
  });

  it('gives PyTorch’s loss at each of 10 Adam steps, and its weights after them', () => {
    const { definition, weights } = gruTraining();
    const program = new ProgramOfKind(definition, weights);
    const losses = Array.from(
      { length: 10 },
      () => program.trainStep(inputs(), { learningRate: 1e-3, gradientScale: 1, apply: true }).loss,
    );
    expect(relativeDifference(losses, arrayNamed(expected, 'losses'))).toBeLessThan(1e-5);
    for (const [name, values] of program.readParameters()) {
      expect({ name, close: relativeDistance(values, arrayNamed(expected, `after/${name}`)) < 1e-4 }).toEqual({ name, close: true });
    }
    program.dispose();
  });
});

describe('InceptionV3GRU on features with dropout', () => {
  it('has the same gradients and losses captured and operation by operation', () => {
    const { definition, weights } = gruTraining(0.3);
    const [captured, eager] = [new CapturedProgram(definition, weights), new EagerProgram(definition, weights)];
    const inputs = (step: number): ReturnType<typeof stepInputs> =>
      stepInputs(gruBatch(expected), { lossWeights: { alpha: 0.5, beta: 0.5 }, packPadding: false, randomSeed: [42, step] });
    const gradients = captured.gradients(inputs(0));
    for (const [name, gradient] of eager.gradients(inputs(0))) {
      expect(relativeDifference(gradients.get(name) ?? [], gradient)).toBeLessThan(1e-5);
    }
    const losses = (program: CapturedProgram | EagerProgram): number[] =>
      [0, 1, 2, 3].map((step) => program.trainStep(inputs(step), { learningRate: 1e-3, gradientScale: 1, apply: true }).loss);
    expect(relativeDifference(losses(captured), losses(eager))).toBeLessThan(1e-5);
    captured.dispose();
    eager.dispose();
  });
});
