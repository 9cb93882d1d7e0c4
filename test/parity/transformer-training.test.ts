import { readFileSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import type { ParameterValues } from '../../src/engine/parameters';
import { startRuntime } from '../../src/engine/runtime';
import type { LossSettings } from '../../src/training/losses';
import { stepInputs } from '../../src/training/learner';
import { arrayNamed, parityFolder, readArrays, relativeDifference, relativeDistance, torchFolder } from '../support/parity';
import { parityBatch, tinyProgram } from '../support/tiny-transformer';
import { readWeightValues } from '../support/torch-weights';

interface Recipe {
  readonly loss: LossSettings['loss'];
  readonly steps: number;
  readonly wd: number;
  readonly clip: number | null;
  readonly weights?: readonly [number, number];
  readonly losses: readonly number[];
  readonly lr: number;
}

const recipes = Object.entries(
  JSON.parse(readFileSync(path.join(parityFolder, 'transformer_training.json'), 'utf8')) as Record<string, Recipe>,
);

/**
 * A bias that is added to every key shifts all scores of a query alike, and softmax does not see it: its gradient is 0, and what either side computes is rounding.
 * Without weight decay, Adam makes full-size steps of that rounding, so only there is this parameter left out.
 */
const hasNoGradient = (name: string): boolean => name.endsWith('W_k.bias');

let expected: Map<string, Float32Array>;
let weights: ParameterValues;

beforeAll(async () => {
  await startRuntime({ verbose: false });
  expected = await readArrays(path.join(parityFolder, 'transformer_training.npz'));
  weights = readWeightValues(path.join(torchFolder, 'tiny_initial.pt'));
});

describe.each(recipes)('training by the recipe %s', (name, recipe) => {
  const [alpha, beta] = recipe.weights ?? [0.5, 0.5];
  const program = (): ReturnType<typeof tinyProgram> =>
    tinyProgram(weights, { loss: recipe.loss, adam: { weightDecay: recipe.wd, clipNorm: recipe.clip ?? undefined } });
  const inputs = (): ReturnType<typeof stepInputs> =>
    stepInputs(parityBatch(expected), { lossWeights: { alpha, beta }, packPadding: true, randomSeed: [0, 0] });

  it('gives PyTorch’s loss at every step and its weights after the last', () => {
    const tiny = program();
    const losses = recipe.losses.map(() => tiny.trainStep(inputs(), { learningRate: recipe.lr, gradientScale: 1, apply: true }).loss);
    expect(relativeDifference(losses, recipe.losses)).toBeLessThan(1e-5);
    const compared = [...tiny.readParameters()].filter(([parameter]) => expected.has(`${name}/after/${parameter}`));
    expect(compared).toHaveLength(45);
    for (const [parameter, values] of compared) {
      if (recipe.wd === 0 && hasNoGradient(parameter)) continue;
      expect({ parameter, close: relativeDistance(values, arrayNamed(expected, `${name}/after/${parameter}`)) < 1e-4 }).toEqual({
        parameter,
        close: true,
      });
    }
    tiny.dispose();
  });

  it('gives PyTorch’s gradients where the fixture has them', () => {
    const tiny = program();
    const gradients = [...tiny.gradients(inputs())].filter(([parameter]) => expected.has(`${name}/grad/${parameter}`));
    if (name === 'ce') expect(gradients).toHaveLength(44);
    for (const [parameter, values] of gradients) {
      if (hasNoGradient(parameter)) expect(Math.max(...values.map(Math.abs))).toBeLessThan(1e-7);
      else expect(relativeDifference(values, arrayNamed(expected, `${name}/grad/${parameter}`))).toBeLessThan(1e-4);
    }
    tiny.dispose();
  });
});
