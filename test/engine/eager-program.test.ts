import path from 'node:path';
import { beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { Batch } from '../../src/data/batch';
import type { NamedArrays, ParameterValues } from '../../src/engine/parameters';
import { startRuntime } from '../../src/engine/runtime';
import { tf } from '../../src/engine/tensorflow';
import { stepInputs } from '../../src/training/learner';
import { parityFolder, readArrays, relativeDifference, torchFolder } from '../support/parity';
import { parityBatch, tinyProgram } from '../support/tiny-transformer';
import { readWeightValues } from '../support/torch-weights';
import { slotOf } from '../support/optimizer-slots';

let weights: ParameterValues;
let batch: Batch;

beforeAll(async () => {
  await startRuntime();
  weights = readWeightValues(path.join(torchFolder, 'tiny_initial.pt'));
  batch = parityBatch(await readArrays(path.join(parityFolder, 'transformer_training.npz')));
});

beforeEach(() => {
  expect(tf.memory().numTensors).toBe(0);
});

const inputsOf = (some: Batch, step = 0): NamedArrays =>
  stepInputs(some, { lossWeights: { alpha: 0.5, beta: 0.5 }, packPadding: true, randomSeed: [42, step] });

/** Rows `from` to `to` of a batch. */
function rows(from: number, to: number): Batch {
  const { frames, width } = batch;
  return {
    ...batch,
    size: to - from,
    count: to - from,
    features: batch.features.slice(from * frames * width, to * frames * width),
    mask: batch.mask.slice(from * frames, to * frames),
    gloss: batch.gloss.slice(from, to),
    category: batch.category.slice(from, to),
    weight: batch.weight.slice(from, to),
  };
}

/** The batch with its last row turned into padding of weight 0. */
function padded(): Batch {
  const { frames, width, size } = batch;
  const weight = batch.weight.slice();
  weight[size - 1] = 0;
  const mask = batch.mask.slice();
  mask.fill(0, (size - 1) * frames + 1);
  const features = batch.features.slice();
  features.fill(0, (size - 1) * frames * width);
  return { ...batch, count: size - 1, weight, mask, features };
}

describe('EagerProgram', () => {
  it('sees nothing of a padded row, in the loss or in any gradient', () => {
    const program = tinyProgram(weights);
    const short = program.gradients(inputsOf(rows(0, 5)));
    const long = program.gradients(inputsOf(padded()));
    for (const [name, gradient] of short) {
      if (name.endsWith('W_k.bias')) continue; // Its gradient is 0: what is computed is rounding.
      expect({ name, close: relativeDifference(long.get(name) ?? [], gradient) < 1e-5 }).toEqual({ name, close: true });
    }
    const step = { learningRate: 0, gradientScale: 1, apply: true };
    expect(program.trainStep(inputsOf(padded()), step).loss).toBeCloseTo(program.trainStep(inputsOf(rows(0, 5)), step).loss, 6);
    program.dispose();
  });

  it('accumulates: two halves make the update of the whole', () => {
    const whole = tinyProgram(weights, { adam: { clipNorm: 0.5, weightDecay: 0.01 } });
    const halves = tinyProgram(weights, { adam: { clipNorm: 0.5, weightDecay: 0.01 } });
    const once = whole.trainStep(inputsOf(batch), { learningRate: 1e-3, gradientScale: 1, apply: true });
    const first = halves.trainStep(inputsOf(rows(0, 3)), { learningRate: 1e-3, gradientScale: 0.5, apply: false });
    expect(first.gradientNorm).toBeUndefined();
    const second = halves.trainStep(inputsOf(rows(3, 6)), { learningRate: 1e-3, gradientScale: 0.5, apply: true });
    expect(second.gradientNorm).toBeCloseTo(once.gradientNorm ?? NaN, 5);
    const after = halves.readParameters();
    for (const [name, values] of whole.readParameters()) {
      expect({ name, close: relativeDifference(after.get(name) ?? [], values) < 1e-5 }).toEqual({ name, close: true });
    }
    whole.dispose();
    halves.dispose();
  });

  it('goes on from written parameters and optimizer state bit for bit', () => {
    const step = { learningRate: 1e-3, gradientScale: 1, apply: true };
    const one = tinyProgram(weights, { dropout: 0.3 });
    one.trainStep(inputsOf(batch, 0), step);
    const other = tinyProgram(weights, { dropout: 0.3 });
    other.writeParameters(one.readParameters());
    other.writeOptimizer(one.readOptimizer());
    for (let count = 1; count < 4; count++) {
      expect(other.trainStep(inputsOf(batch, count), step).loss).toBe(one.trainStep(inputsOf(batch, count), step).loss);
    }
    expect([...other.readParameters()]).toEqual([...one.readParameters()]);
    expect(other.readOptimizer()).toEqual(one.readOptimizer());
    expect(slotOf(one.readOptimizer(), 'exp_avg').has('cls_token')).toBe(false); // Mean pooling leaves it without a gradient.
    one.dispose();
    other.dispose();
  });

  it('holds no more tensors, and hardly more memory, after many steps', () => {
    const program = tinyProgram(weights, { dropout: 0.1 });
    const step = (count: number): void => {
      program.trainStep(inputsOf(batch, count), { learningRate: 1e-3, gradientScale: 1, apply: true });
      program.evaluate(inputsOf(batch));
    };
    for (let count = 0; count < 20; count++) step(count);
    const tensors = tf.memory().numTensors;
    const resident = process.memoryUsage.rss();
    for (let count = 0; count < 80; count++) step(count);
    expect(tf.memory().numTensors).toBe(tensors);
    expect(process.memoryUsage.rss() / resident).toBeLessThan(1.15);
    program.dispose();
  });

  it('refuses values that do not fit', () => {
    const program = tinyProgram(weights);
    expect(() => {
      program.writeParameters(new Map([...weights].filter(([name]) => name !== 'embedding.bias')));
    }).toThrow('no values for the parameter embedding.bias');
    expect(() => {
      program.writeParameters(new Map([...weights, ['embedding.bias', new Float32Array(3)]]));
    }).toThrow('embedding.bias: expected 32 values (32), found 3');
    program.dispose();
  });
});
