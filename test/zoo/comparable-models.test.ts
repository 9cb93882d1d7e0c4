import { linkSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { importCheckpoint } from '../../src/conversion/import-checkpoint';
import { startRuntime } from '../../src/engine/runtime';
import { evaluateRun } from '../../src/training/run';
import { planPruning } from '../../src/zoo/archive/archive-model';
import { listModels, modelsIn, summariseModel, type ListedModel } from '../../src/zoo/registered-models';
import { inTemporaryFolder } from '../support/clip-files';
import { importOptions } from '../support/import-options';
import { torchFolder } from '../support/parity';
import { addModel } from '../support/small-registry';
import { smallSettings, trainSmall, writeSmallData } from '../support/small-training';

beforeAll(async () => {
  await startRuntime();
});

function listed(root: string): ListedModel[] {
  return listModels(modelsIn(root).map(summariseModel), 'name');
}

describe('models on the same data', () => {
  it('are compared whether a training ended with its evaluation or was interrupted, alike in list and prune', async () => {
    await inTemporaryFolder(async (folder) => {
      writeSmallData(folder);
      const root = path.join(folder, 'models');
      const settings = (description: string, seed: string) =>
        smallSettings(folder, { save_dir: path.join(root, 'transformer'), description, seed, epochs: '2' });
      const { run } = await trainSmall(settings('whole', '1'));
      await evaluateRun(run);
      await trainSmall(settings('interrupted', '2'));

      const plan = planPruning(modelsIn(root), 1);
      expect(plan.map(({ reason }) => reason).sort()).toEqual(['number 1 of 2 on the same data', 'number 2 of 2 on the same data']);
      expect(plan.filter(({ goes }) => goes)).toHaveLength(1);
      const models = listed(root);
      const [kept] = plan.filter(({ goes }) => !goes);
      const best = models.filter((model) => model.best).map(({ name }) => name);
      expect(best).toContain(kept?.name);
      expect(new Set(models.map((model) => model.measured_on)).size).toBe(1);
      expect(plan.map(({ bytes }) => bytes)).toEqual(models.map(({ bytes }) => bytes));
    });
  });
});

describe('the size of a model', () => {
  it('counts a checkpoint once that has two names', async () => {
    await inTemporaryFolder(async (root) => {
      const { folder } = await addModel(root, 'shared');
      const [before] = listed(root);
      const weights = path.join(folder, 'further.bin');
      writeFileSync(weights, Buffer.alloc(5000));
      linkSync(weights, path.join(folder, 'same.bin'));
      const [after] = listed(root);
      expect((after?.bytes ?? 0) - (before?.bytes ?? 0)).toBe(statSync(weights).size);
    });
  });
});

describe('an imported model', () => {
  it('is listed with the accuracy that the import told, and neither the best nor pruned by it', async () => {
    await inTemporaryFolder(async (root) => {
      const source = { best: path.join(torchFolder, 'tiny_full.pt'), log: undefined };
      const imported = await importCheckpoint(source, importOptions(path.join(root, 'transformer'), { description: 'theirs' }));
      expect(imported.bestMetric).toBeGreaterThan(0);
      expect(listed(root)).toMatchObject([{ gloss_acc: imported.bestMetric, epoch: imported.epoch, measured_on: null, best: false }]);
      expect(planPruning(modelsIn(root), 0)).toMatchObject([
        { goes: false, reason: 'not known on which clips its accuracy was measured; evaluate it' },
      ]);
    });
  });
});
