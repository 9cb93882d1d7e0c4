import path from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { CapturedProgram } from '../../src/engine/captured/captured-program';
import { EagerProgram } from '../../src/engine/eager-program';
import { startRuntime } from '../../src/engine/runtime';
import { signTransformer } from '../../src/models/transformer/sign-transformer';
import { trainedParameters } from '../../src/models/model';
import { importCheckpoint } from '../../src/conversion/import-checkpoint';
import { readTrainingCheckpoint } from '../../src/checkpoint/training-checkpoint';
import { classificationLoss } from '../../src/training/losses';
import { stepDefinition, stepInputs } from '../../src/training/learner';
import { inTemporaryFolder } from '../support/clip-files';
import { importOptions } from '../support/import-options';
import { arrayNamed, parityFolder, readArrays, relativeDifference, relativeDistance, torchFolder } from '../support/parity';
import { parityBatch, tinyArchitecture } from '../support/tiny-transformer';
import { adam } from '../../src/engine/optimizers/adam';
import { optimizerForms } from '../../src/engine/optimizers/table';
import { slotOf } from '../support/optimizer-slots';

beforeAll(async () => {
  await startRuntime({ verbose: false });
});

// tiny_full_steps.npz was made by tiny_full_steps.py beside it: PyTorch 2.15, three steps from tiny_full.pt with its Adam state.
describe.each([
  ['captured', CapturedProgram],
  ['eager', EagerProgram],
])('three %s steps after importing tiny_full with its Adam state', (_mode, Program) => {
  it('are those of PyTorch', async () => {
    const expected = await readArrays(path.join(parityFolder, 'tiny_full_steps.npz'));
    const batch = parityBatch(await readArrays(path.join(parityFolder, 'transformer_training.npz')));
    await inTemporaryFolder(async (folder) => {
      const { folder: imported } = await importCheckpoint({ best: path.join(torchFolder, 'tiny_full.pt') }, importOptions(folder));
      const model = signTransformer({ ...tinyArchitecture, dropout: 0 });
      const { model: weights, optimizer } = readTrainingCheckpoint(
        path.join(imported, 'SignTransformer_last.pt'),
        trainedParameters(model),
        optimizerForms,
      );
      if (optimizer === undefined) throw new Error('the import lost the optimizer');
      const loss = classificationLoss({ loss: 'ce', focal_gamma: 2, focal_alpha: 1, label_smoothing: 0.1 });
      const definition = stepDefinition(model, loss, {
        optimizer: adam({ weightDecay: Number(optimizer.hyperparameters['weight_decay']) }),
      });
      const program = new Program(definition, new Map([...weights].map(([name, { values }]) => [name, values])));
      program.writeOptimizer(optimizer);
      const update = { learningRate: optimizer.learningRate, gradientScale: 1, apply: true };
      const inputs = stepInputs(batch, { lossWeights: { alpha: 0.5, beta: 0.5 }, packPadding: true, randomSeed: [0, 0] });
      const losses = [1, 2, 3].map(() => program.trainStep(inputs, update).loss);
      expect(relativeDifference(losses, arrayNamed(expected, 'losses'))).toBeLessThan(1e-5);

      const after = program.readParameters();
      const state = program.readOptimizer();
      expect(state.step).toBe(6);
      for (const name of trainedParameters(model)) {
        const norm = Math.hypot(...(after.get(name) ?? []));
        expect({ name, close: relativeDifference([norm], arrayNamed(expected, `norm ${name}`)) < 1e-4 }).toEqual({ name, close: true });
      }
      const compared = [...expected.keys()].filter((name) => !name.startsWith('norm ') && name !== 'losses');
      expect(compared).toHaveLength(15);
      for (const key of compared) {
        const [kind = '', name = ''] = key.split(' ');
        const values = (kind === 'weight' ? after : slotOf(state, kind)).get(name) ?? [];
        expect({ key, close: relativeDistance(values, arrayNamed(expected, key)) < 1e-4 }).toEqual({ key, close: true });
      }
      program.dispose();
    });
  });
});
