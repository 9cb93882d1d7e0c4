import path from 'node:path';
import { beforeAll, describe, expect } from '@jest/globals';
import { noDropout } from '../../src/engine/dropout';
import { EagerProgram } from '../../src/engine/eager-program';
import type { ProgramDefinition } from '../../src/engine/program';
import { startRuntime } from '../../src/engine/runtime';
import { tf } from '../../src/engine/tensorflow';
import { modelOfFile } from '../../src/evaluation/loaded-model';
import { crossEntropy } from '../../src/training/losses';
import { arrayNamed, parityFolder, readArrays, relativeDifference } from '../support/parity';
import { itWithShared } from '../support/shared';
import { adam } from '../../src/engine/optimizers/adam';

beforeAll(async () => {
  await startRuntime();
});

const [clips, frames, side] = [2, 2, 299];
const prefix = 'feat_extractor.backbone.';

/** Pixels that are the same in Python: see the fixture's makers in docs/inception.md. */
function pixels(): Float32Array {
  const [row, picture] = [side * 3, side * side * 3];
  return Float32Array.from(
    { length: clips * frames * picture },
    (_, place) => (place * 7919 + Math.floor(place / row) * 104729 + Math.floor(place / picture) * 15485863) % 256,
  );
}

/**
 * The expected figures were computed in float64. Rounding turns a relu or a maximum here and there the other way, and 94 layers of batch statistics over four
 * pictures make much of it: PyTorch's own gradients in float32 are up to 0.035 from these, so they are held to 0.1 here, their lengths to 0.05.
 */
describe('a training step with the backbone', () => {
  itWithShared(
    'fixtures/torch/iv3_gru_full.pt',
    'has PyTorch’s loss, gradients and running statistics',
    async (file) => {
      const expected = await readArrays(path.join(parityFolder, 'iv3_gru_unfrozen.npz'));
      const { model, weights } = modelOfFile(file, { transform_input: true, freeze_backbone: false });
      const definition: ProgramDefinition = {
        parameters: model.parameters,
        optimizer: adam(),
        evaluate: () => ({}),
        train: (parameters, { pictures, mask }) => {
          if (!pictures || !mask) throw new Error('given');
          const increments: Record<string, tf.Tensor> = {};
          const { glossLogits, categoryLogits } = model.forward(
            parameters,
            { features: pictures, mask },
            {
              dropout: noDropout,
              addToBuffer: (name, amount) => {
                increments[name] = amount;
              },
            },
          );
          const gloss = crossEntropy(glossLogits, tf.tensor1d([1, 5], 'int32'));
          const category = crossEntropy(categoryLogits, tf.tensor1d([0, 3], 'int32'));
          return { loss: tf.mean(tf.mul(tf.add(gloss, category), 0.5)), outputs: {}, increments };
        },
      };
      const program = new EagerProgram(definition, weights);
      const inputs = {
        pictures: { shape: [clips, frames, side * side * 3], values: pixels() },
        mask: { shape: [clips, frames], values: new Float32Array(clips * frames).fill(1) },
      };
      const { loss } = program.trainStep(inputs, { learningRate: 0, gradientScale: 1, apply: true });
      expect(Math.abs(loss / (arrayNamed(expected, 'loss')[0] ?? NaN) - 1)).toBeLessThan(1e-4);
      const averages = program.readOptimizer().slots.get('exp_avg'); // After one step of Adam, a tenth of the gradients.
      const gradient = (name: string): Float32Array => (averages?.get(prefix + name) ?? new Float32Array()).map((value) => value * 10);
      const names = [...expected.keys()].filter((key) => key.startsWith('gradhead/')).map((key) => key.slice('gradhead/'.length));
      expect(names).toHaveLength(6);
      for (const name of names) {
        const norm = Math.sqrt(gradient(name).reduce((sum, value) => sum + value * value, 0));
        expect(norm / (arrayNamed(expected, `grad/${name}`)[0] ?? NaN)).toBeCloseTo(1, 1);
        const gamma = name.replace('conv.weight', 'bn.weight');
        expect(relativeDifference(gradient(gamma), arrayNamed(expected, `grad/${gamma}`))).toBeLessThan(0.1);
      }
      expect(averages?.has(`${prefix}AuxLogits.fc.weight`)).toBe(false);

      const after = program.readParameters();
      for (const [key, values] of expected) {
        if (!key.startsWith('after/')) continue;
        expect(relativeDifference(after.get(prefix + key.slice('after/'.length)) ?? [], values)).toBeLessThan(1e-3);
      }
      program.dispose();
    },
    300_000,
  );
});
