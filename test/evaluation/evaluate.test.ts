import { copyFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { writeTrainingCheckpoint } from '../../src/checkpoint/training-checkpoint';
import { startRuntime } from '../../src/engine/runtime';
import { tf } from '../../src/engine/tensorflow';
import { evaluateModel } from '../../src/evaluation/evaluate';
import { modelOfFile } from '../../src/evaluation/loaded-model';
import { predictClips, rankClasses } from '../../src/evaluation/predict-clips';
import { modelFile } from '../../src/folder/named-checkpoint';
import { inTemporaryFolder } from '../support/clip-files';
import { openFolder } from '../support/open-folder';
import { torchFolder } from '../support/parity';
import { smallSettings, trainSmall, writeSmallData } from '../support/small-training';

beforeAll(async () => {
  await startRuntime();
});

describe('evaluating a trained model', () => {
  it('gives the accuracy that its training logged, whatever the batch size', async () => {
    await inTemporaryFolder(async (folder) => {
      const data = writeSmallData(folder);
      const { run } = await trainSmall(smallSettings(folder));
      const loaded = modelOfFile(modelFile(run.folder.files.folder));
      expect(loaded.assumptions).toEqual([]);
      const dataset = await openFolder(data, { numGloss: 3, numCat: 2 });
      const best = run.folder.rows.find(({ epoch }) => epoch === run.learner.progress.bestEpoch);
      for (const batchSize of [1, 4, 32]) {
        const { scores, cutClips } = await evaluateModel(loaded, dataset, batchSize);
        expect(scores.gloss.accuracy).toBe(best?.gloss_acc);
        expect(scores.category.accuracy).toBe(best?.cat_acc);
        expect(cutClips).toBe(dataset.validation.entries.filter(({ frames }) => frames > 12).length);
      }
      expect(tf.memory().numTensors).toBe(0);
    });
  });

  it('predicts each clip as the evaluation saw it', async () => {
    await inTemporaryFolder(async (folder) => {
      const data = writeSmallData(folder);
      const { run } = await trainSmall(smallSettings(folder, { epochs: '1' }));
      const loaded = modelOfFile(run.folder.files.last);
      const dataset = await openFolder(data, { numGloss: 3, numCat: 2 });
      const { outputs } = await evaluateModel(loaded, dataset, 4);
      const files = dataset.validation.entries.map(({ file }) => file);
      const predictions = await predictClips(loaded, files, { key: 'X', topK: 0 });
      predictions.forEach(({ file, gloss, category }, clip) => {
        expect(file).toBe(files[clip]);
        expect(gloss).toHaveLength(3);
        expect(category).toHaveLength(2);
        expect(gloss.reduce((sum, { probability }) => sum + probability, 0)).toBeCloseTo(1, 9);
        const expected = rankClasses(outputs.glossLogits.subarray(clip * 3, clip * 3 + 3), ['gloss 0', 'gloss 1', 'gloss 2'], 0);
        expect(gloss.map(({ label }) => label)).toEqual(expected.map(({ label }) => label));
        gloss.forEach(({ probability }, rank) => {
          expect(probability).toBeCloseTo(expected[rank]?.probability ?? NaN, 5);
        });
      });
      expect(tf.memory().numTensors).toBe(0);
    });
  });

  it('refuses data of other classes, and an empty split', async () => {
    await inTemporaryFolder(async (folder) => {
      const data = writeSmallData(folder);
      const { run } = await trainSmall(smallSettings(folder, { epochs: '1' }));
      const loaded = modelOfFile(run.folder.files.last);
      const dataset = await openFolder(data, { numGloss: 4, numCat: 2 });
      await expect(evaluateModel(loaded, dataset, 4)).rejects.toThrow('gloss: the model has 3 classes, the data 4');
      const renamed = { ...dataset, labels: { gloss: ['A', 'B', 'C'], category: ['X', 'Y'] } };
      const named = { ...loaded, labels: { gloss: ['A', 'C', 'B'], category: ['X', 'Y'] } };
      await expect(evaluateModel(named, renamed, 4)).rejects.toThrow('gloss 1: the model knows it as C, the data as B');
      const empty = { ...dataset, validation: { ...dataset.validation, entries: [] } };
      await expect(evaluateModel(loaded, empty, 4)).rejects.toThrow('no validation clips');
    });
  });
});

describe('the model that a path means', () => {
  it('is a file, or the best checkpoint of a folder', async () => {
    await inTemporaryFolder((folder) => {
      const source = path.join(torchFolder, 'tiny_full.pt');
      expect(modelFile(source)).toBe(source);
      expect(() => modelFile(path.join(folder, 'absent'))).toThrow('no such file or folder');
      expect(() => modelFile(folder)).toThrow('found no .pt file');
      for (const name of ['A_best.pt', 'A_last.pt']) copyFileSync(source, path.join(folder, name));
      expect(modelFile(folder)).toBe(path.join(folder, 'A_best.pt'));
      rmSync(path.join(folder, 'A_best.pt'));
      expect(modelFile(folder)).toBe(path.join(folder, 'A_last.pt'));
    });
  });

  it('is loaded whatever PyTorch called its keys, and refused with a reason where it cannot be', () => {
    const tiny = modelOfFile(path.join(torchFolder, 'tiny_full.pt'));
    expect(tiny).toMatchObject({ name: 'transformer', assumptions: [], labels: undefined });
    for (const name of [
      'tiny_bare_state_dict',
      'tiny_dataparallel_prefix',
      'tiny_compiled_prefix',
      'tiny_half',
      'tiny_full_legacy_nonzip',
    ]) {
      expect(modelOfFile(path.join(torchFolder, `${name}.pt`), { n_heads: 4 }).model.config).toMatchObject({
        emb_dim: 32,
        n_layers: 2,
        n_heads: 4,
      });
    }
    expect(() => modelOfFile(path.join(torchFolder, 'bad_missing_key.pt'))).toThrow(/missing/);
    expect(() => modelOfFile(path.join(torchFolder, 'bad_wrong_shape.pt'))).toThrow(/shape/);
    expect(modelOfFile(path.join(torchFolder, 'iv3_gru_features_only.pt'))).toMatchObject({ name: 'iv3_gru', assumptions: [] });
  });

  it('is refused where its tensors are those of no model', async () => {
    await inTemporaryFolder((folder) => {
      const file = path.join(folder, 'other.pt');
      const model = new Map([['encoder.weight', { shape: [2], values: new Float32Array(2) }]]);
      writeTrainingCheckpoint(file, {
        epoch: 0,
        bestMetric: 0,
        model,
        optimizer: undefined,
        scheduler: undefined,
        config: {},
        args: undefined,
      });
      expect(() => modelOfFile(file)).toThrow(/its tensors \(encoder.weight, …\) are those of none of the models/);
    });
  });
});

describe('rankClasses', () => {
  it('puts the likeliest first, of equal ones the lower id, and names as many as asked for', () => {
    const ranked = rankClasses([0, 1, 1, -1], ['a', 'b', 'c', 'd'], 3);
    expect(ranked.map(({ id, label }) => `${id} ${label}`)).toEqual(['1 b', '2 c', '0 a']);
    expect(rankClasses([0, 1], ['a', 'b'], 0)).toHaveLength(2);
  });
});
