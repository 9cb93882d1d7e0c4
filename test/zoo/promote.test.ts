import { existsSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { readTorchFile } from '../../src/checkpoint/torch-file';
import { readWeights } from '../../src/checkpoint/training-checkpoint';
import { evaluateModel } from '../../src/evaluation/evaluate';
import { modelOfFile } from '../../src/evaluation/loaded-model';
import { ModelFolder } from '../../src/folder/model-folder';
import { lockFolder } from '../../src/foundation/folder-lock';
import { fileDigest, sameBits } from '../../src/zoo/checksums';
import { completeReleases, unfinishedReleases } from '../../src/zoo/release/complete-releases';
import { promoteModel } from '../../src/zoo/release/promote';
import { readProduction } from '../../src/zoo/release/release-record';
import { openFolder } from '../support/open-folder';
import { bestOf, changeBest, contentOf, ownData, releaseWorld, trainedZoo } from '../support/small-zoo';

const { original, inZoo } = trainedZoo();

describe('promote', () => {
  it('writes weights alone, which give the very logits of the best checkpoint', async () => {
    await inZoo(async ({ model, data }) => {
      let timesRead = 0;
      const world = releaseWorld();
      const onProgress = (done: number, total: number): void => {
        if (done === total) timesRead++;
      };
      const watch = { ...world.watch, onProgress };
      const record = await promoteModel(model, { dtype: 'float32', data: ownData }, { ...world, watch });
      expect(timesRead).toBe(1);
      const file = path.join(model.folder, 'SignTransformer_production.pt');
      expect(record).toMatchObject({ ...fileDigest(file), dtype: 'float32', version: null, largest_logit_difference: 0 });
      expect(record.source).toEqual({ file: 'SignTransformer_best.pt', sha256: fileDigest(bestOf(model)).sha256 });
      expect(record.after).toEqual(record.before);
      expect(record.after.gloss.accuracy).toBe(1);
      expect(readProduction(model.folder)).toEqual(record);
      expect(new ModelFolder(model.folder).readConfig().run.stage).toBe('production');

      const held = readTorchFile(file, (value) => (value instanceof Map ? ['optimizer', 'scheduler'].map((key) => value.get(key)) : []));
      expect(held).toEqual([null, null]);
      expect(statSync(file).size).toBeLessThan(statSync(bestOf(model)).size / 2);
      const { config, args, epoch } = readWeights(file);
      expect(config).toMatchObject({ model: 'transformer', gloss_labels: ['gloss 0', 'gloss 1', 'gloss 2'], emb_dim: 16 });
      expect(config).not.toHaveProperty('progress');
      expect(args).toMatchObject({ kp_key: 'X' });
      expect(epoch).toBe(readWeights(bestOf(model)).epoch);

      const dataset = await openFolder(data, { numGloss: 3, numCat: 2 });
      const [before, after] = [
        await evaluateModel(modelOfFile(bestOf(model)), dataset, 32),
        await evaluateModel(modelOfFile(file), dataset, 32),
      ];
      expect(sameBits(before.outputs.glossLogits, after.outputs.glossLogits)).toBe(true);
      expect(sameBits(before.outputs.categoryLogits, after.outputs.categoryLogits)).toBe(true);
    });
  });

  it('measures what float16 changes', async () => {
    await inZoo(async ({ model }) => {
      // Of all clips alike gloss 1 is the likeliest, by less than float16 tells apart: there gloss 0, the first of equals, takes its place.
      changeBest(model, (name, values) => {
        if (name === 'gloss_head.3.weight') return values.fill(0);
        return name === 'gloss_head.3.bias' ? Float32Array.of(1, 1.0003, 1) : values;
      });
      const exact = await promoteModel(model, { dtype: 'float32', data: ownData }, releaseWorld(20));
      const halved = await promoteModel(model, { dtype: 'float16', data: ownData }, releaseWorld(21));
      expect(halved.bytes).toBeLessThan(exact.bytes * 0.7);
      expect(halved.before).toEqual(exact.before);
      expect(halved.largest_logit_difference).toBeGreaterThan(0);
      expect(halved.after.gloss.accuracy).not.toBe(halved.before.gloss.accuracy);
      expect(halved.after.category.accuracy).toBe(halved.before.category.accuracy);
    });
  });

  it('refuses damaged weights, those that float16 cannot hold, and a folder that another process works on; nothing is written then', async () => {
    await inZoo(async ({ root, model }) => {
      const refusals: [RegExp, 'float32' | 'float16', (name: string, values: Float32Array) => Float32Array][] = [
        [
          /_best\.pt: its weights are damaged: .*gloss_head\.0\.bias \((\d+) of \1 values\)/,
          'float32',
          (name, values) => (name === 'gloss_head.0.bias' ? values.fill(NaN) : values),
        ],
        [
          /_best\.pt: float16 cannot hold its weights: (\d+) of \1 values of gloss_head\.3\.bias/,
          'float16',
          (name, values) => (name === 'gloss_head.3.bias' ? values.fill(1e6) : values),
        ],
      ];
      for (const [message, dtype, change] of refusals) {
        rmSync(bestOf(model));
        writeFileSync(bestOf(model), readFileSync(bestOf(original().model)));
        changeBest(model, change);
        const before = contentOf(root);
        await expect(promoteModel(model, { dtype, data: ownData }, releaseWorld())).rejects.toThrow(message);
        expect(contentOf(root)).toEqual(before);
      }
      rmSync(bestOf(model));
      writeFileSync(bestOf(model), readFileSync(bestOf(original().model)));
      const lock = lockFolder(model.folder, 'train');
      await expect(promoteModel(model, { dtype: 'float32', data: ownData }, releaseWorld())).rejects.toThrow(/\(train\) is at work on it/);
      lock.release();
      const other = { ...ownData, data: path.join(root, 'nowhere') };
      await expect(promoteModel(model, { dtype: 'float32', data: other }, releaseWorld())).rejects.toThrow(/nowhere/);
      expect(existsSync(path.join(model.folder, 'production.json'))).toBe(false);
    });
  });

  it('is completed where it was stopped before production.json was written, and left alone where a file was put there by hand', async () => {
    await inZoo(async ({ model }) => {
      const record = await promoteModel(model, { dtype: 'float32', data: ownData }, releaseWorld());
      writeFileSync(path.join(model.folder, 'production.json'), '{"file": 1}');
      writeFileSync(path.join(model.folder, 'config.json'), readFileSync(path.join(original().model.folder, 'config.json')));
      expect(unfinishedReleases(model)).toEqual(['production.json of SignTransformer_production.pt']);
      expect(completeReleases(model).completed).toHaveLength(1);
      expect(readProduction(model.folder)).toEqual(record);
      expect(new ModelFolder(model.folder).readConfig().run.stage).toBe('production');
      expect(completeReleases(model)).toEqual({ completed: [], problems: [] });

      writeFileSync(path.join(model.folder, record.file), readFileSync(bestOf(model)));
      expect(unfinishedReleases(model)).toEqual([]);
    });
  });
});
