import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { readWeights } from '../../src/checkpoint/training-checkpoint';
import { startRuntime } from '../../src/engine/runtime';
import { tf } from '../../src/engine/tensorflow';
import { UserError } from '../../src/foundation/errors';
import type { TrainingEvent } from '../../src/training/events';
import { prepareRun } from '../../src/training/prepare-run';
import { inTemporaryFolder } from '../support/clip-files';
import { quietContext, smallSettings, trainSmall, writeSmallData } from '../support/small-training';

beforeAll(async () => {
  await startRuntime();
});

describe('a training', () => {
  it('leaves a complete model folder and frees every tensor', async () => {
    await inTemporaryFolder(async (folder) => {
      writeSmallData(folder);
      const events: TrainingEvent[] = [];
      const { run, end } = await trainSmall(smallSettings(folder), { onEvent: (event) => events.push(event) });
      expect(end).toBe('finished');
      expect(tf.memory().numTensors).toBe(0);
      expect(path.basename(run.folder.files.folder)).toBe('transformer_baseline_09-20');
      expect(readdirSync(run.folder.files.folder).sort()).toEqual([
        'README.md',
        'SignTransformer_best.pt',
        'SignTransformer_last.pt',
        'config.json',
        'metrics.jsonl',
        'training_log.txt',
      ]);

      const [header, ...rows] = readFileSync(run.folder.files.log, 'utf8').trim().split('\n');
      expect(header).toBe('epoch,train_loss,val_loss,gloss_acc,cat_acc,lr');
      expect(rows.map((row) => row.split(',')[0])).toEqual(['1', '2', '3']);
      expect(rows.every((row) => row.split(',').every((cell) => Number.isFinite(Number(cell))))).toBe(true);

      const config = JSON.parse(readFileSync(run.folder.files.config, 'utf8')) as Record<string, Record<string, unknown>>;
      expect(config).toMatchObject({
        emb_dim: 16,
        seed: 42,
        num_gloss: 3,
        num_cat: 2,
        run: { data: { synthetic: false, train_clips: 22 } },
      });
      const { config: saved, args, epoch } = readWeights(run.folder.files.last);
      expect(saved).toMatchObject({
        model: 'transformer',
        n_heads: 2,
        n_layers: 1,
        num_gloss: 3,
        gloss_labels: ['gloss 0', 'gloss 1', 'gloss 2'],
      });
      expect(args).toMatchObject({ batch_size: 4, lr: 1e-3 });
      expect(epoch).toBe(3);
      expect(events.filter(({ kind }) => kind === 'epoch-end')).toHaveLength(3);
      expect(events.filter(({ kind }) => kind === 'step')).toHaveLength(3 * 6);
    });
  });

  it('gives the same weights for the same seed, others for another', async () => {
    await inTemporaryFolder(async (folder) => {
      writeSmallData(folder);
      const weightsOf = async (seed: string, name: string): Promise<unknown> => {
        const { run } = await trainSmall(smallSettings(folder, { seed, description: name, epochs: '1' }));
        return [...readWeights(run.folder.files.last).model];
      };
      const first = await weightsOf('1', 'first');
      expect(await weightsOf('1', 'second')).toEqual(first);
      expect(await weightsOf('2', 'third')).not.toEqual(first);
    });
  });

  it('is the same where the clips are read from their files as they are needed', async () => {
    await inTemporaryFolder(async (folder) => {
      writeSmallData(folder);
      const { run: inMemory } = await trainSmall(smallSettings(folder, { epochs: '2', description: 'memory' }));
      const { run: streamed } = await trainSmall(smallSettings(folder, { epochs: '2', description: 'files', memory_budget_mb: '0.001' }));
      expect(inMemory.data.train.set.values).toHaveLength(22);
      expect(streamed.data.train.set.values).toBeUndefined();
      expect([...readWeights(streamed.folder.files.last).model]).toEqual([...readWeights(inMemory.folder.files.last).model]);
      expect(readFileSync(streamed.folder.files.log, 'utf8')).toBe(readFileSync(inMemory.folder.files.log, 'utf8'));
    });
  });

  it('takes a second folder rather than one that is there', async () => {
    await inTemporaryFolder(async (folder) => {
      writeSmallData(folder);
      await trainSmall(smallSettings(folder, { epochs: '1' }));
      const { run } = await trainSmall(smallSettings(folder, { epochs: '1' }));
      expect(path.basename(run.folder.files.folder)).toBe('transformer_baseline-2_09-20');
      expect(run.folder.record.settings['description']).toBe('baseline-2');
    });
  });

  it('stops early when validation does not get better', async () => {
    await inTemporaryFolder(async (folder) => {
      writeSmallData(folder);
      const { run, end } = await trainSmall(smallSettings(folder, { epochs: '30', early_stop: '2', lr: '1e-9' }));
      expect(end).toBe('stopped early');
      expect(run.learner.progress.completedEpochs - run.learner.progress.bestEpoch).toBe(2);
    });
  });

  it('stops at a loss that is no number, before the weights are saved', async () => {
    await inTemporaryFolder(async (folder) => {
      writeSmallData(folder);
      await expect(trainSmall(smallSettings(folder, { lr: '3e38', epochs: '4' }))).rejects.toThrow(
        /the loss became .* in epoch .*lower --lr/,
      );
    });
  });

  it('makes no folder where the data is wrong', async () => {
    await inTemporaryFolder(async (folder) => {
      writeSmallData(folder);
      const settings = smallSettings(folder, { num_gloss: '2' });
      await expect(prepareRun(settings, undefined, quietContext())).rejects.toThrow(UserError);
      expect(readdirSync(folder)).toEqual(['data']);
    });
  });
});
