import path from 'node:path';
import { afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { valuesNamed, type NamedArrays, type ParameterValues } from '../../src/engine/parameters';
import { startRuntime } from '../../src/engine/runtime';
import { tf } from '../../src/engine/tensorflow';
import { noDropout } from '../../src/engine/dropout';
import { signTransformer } from '../../src/models/transformer/sign-transformer';
import { stepInputs } from '../../src/training/learner';
import { arrayNamed, parityFolder, readArrays, relativeDifference, torchFolder } from '../support/parity';
import { parityBatch, tinyArchitecture, tinyProgram } from '../support/tiny-transformer';
import { readWeightValues } from '../support/torch-weights';

let expected: Map<string, Float32Array>;
let weights: ParameterValues;

beforeAll(async () => {
  await startRuntime({ verbose: false });
  expected = await readArrays(path.join(parityFolder, 'transformer_forward.npz'));
  weights = readWeightValues(path.join(torchFolder, 'tiny_initial.pt'));
});

afterEach(() => {
  expect(tf.memory().numTensors).toBe(0);
});

describe('SignTransformer forward', () => {
  it.each(['mean', 'max', 'cls'] as const)('gives PyTorch’s logits with %s pooling, with and without a mask', (pooling) => {
    const program = tinyProgram(weights, { pooling });
    for (const masked of [true, false]) {
      const outputs: NamedArrays = program.evaluate(
        stepInputs(parityBatch(expected, masked), { lossWeights: { alpha: 0.5, beta: 0.5 }, packPadding: true, randomSeed: [0, 0] }),
      );
      const prefix = masked ? pooling : `${pooling}_nomask`;
      expect(relativeDifference(valuesNamed(outputs, 'gloss_logits'), arrayNamed(expected, `${prefix}_gloss`))).toBeLessThan(1e-5);
      expect(relativeDifference(valuesNamed(outputs, 'category_logits'), arrayNamed(expected, `${prefix}_cat`))).toBeLessThan(1e-5);
    }
    program.dispose();
  });

  it('lets the attention weights of a layer be read, equal to PyTorch’s', () => {
    const batch = parityBatch(expected);
    const model = signTransformer(tinyArchitecture);
    const attention = tf.tidy(() => {
      const parameters = Object.fromEntries(
        model.parameters.map(({ name, shape }) => [name, tf.tensor(arrayNamed(new Map(weights), name), [...shape])]),
      );
      const observed = new Map<string, Float32Array>();
      const inputs = { features: tf.tensor(batch.features, [6, 24, 156]), mask: tf.tensor(batch.mask, [6, 24]) };
      model.forward(parameters, inputs, {
        dropout: noDropout,
        observe: (name, tensor) => observed.set(`${name} ${tensor.shape.join('×')}`, tensor.dataSync<'float32'>()),
      });
      return [...observed.entries()] as never;
    }) as unknown as [string, Float32Array][];
    expect(attention.map(([name]) => name)).toEqual(['encoder_layers.0.attention 6×4×24×24', 'encoder_layers.1.attention 6×4×24×24']);
    expect(relativeDifference(attention[0]?.[1] ?? [], arrayNamed(expected, 'attn_layer0'))).toBeLessThan(1e-5);
  });
});
