import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { readTrainingCheckpoint, readWeights } from '../../src/checkpoint/training-checkpoint';
import { optimizerForms } from '../../src/engine/optimizers/table';
import { startRuntime } from '../../src/engine/runtime';
import { readTrainingLog } from '../../src/folder/training-log';
import type { TrainingRun } from '../../src/training/run';
import { inTemporaryFolder } from '../support/clip-files';
import { resumeSmall, smallSettings, trainSmall, writeSmallData } from '../support/small-training';

beforeAll(async () => {
  await startRuntime();
});

/** Weights, the optimiser's state and the log. */
function outcome(run: TrainingRun): unknown {
  const names = run.learner.model.parameters.filter(({ trainable }) => trainable).map(({ name }) => name);
  const { model, average, optimizer } = readTrainingCheckpoint(run.folder.files.last, names, optimizerForms);
  return { weights: [...model], average, optimizer, log: readFileSync(run.folder.files.log, 'utf8') };
}

describe('a training whose clips are mixed', () => {
  it('is bit for bit the same where it was interrupted, or reads its clips as needed: with gathered gradients, class weights, balanced sampling and an average', async () => {
    await inTemporaryFolder(async (folder) => {
      writeSmallData(folder);
      const recipe = {
        augment_mixup: '0.5',
        augment_cutmix: '0.3',
        augment_noise: '0.5',
        accumulation_steps: '2',
        class_weights: 'balanced',
        sampling: 'balanced',
        ema: 'true',
        num_buckets: '1',
        epochs: '2',
      };
      const { run: whole } = await trainSmall(smallSettings(folder, { ...recipe, description: 'whole' }));
      const controller = new AbortController();
      let steps = 0;
      const { run: first, end } = await trainSmall(smallSettings(folder, { ...recipe, description: 'parts' }), {
        signal: controller.signal,
        onEvent: ({ kind }) => {
          if (kind === 'step' && ++steps === 3) controller.abort();
        },
      });
      expect(end).toBe('interrupted');
      const { run: resumed } = await resumeSmall(first.folder.files.last);
      expect(outcome(resumed)).toEqual(outcome(whole));
      const read = { ...recipe, description: 'read', memory_budget_mb: '0.001' };
      expect(outcome((await trainSmall(smallSettings(folder, read))).run)).toEqual(outcome(whole));
      expect(outcome((await trainSmall(smallSettings(folder, { ...recipe, augment_mixup: '0' }))).run)).not.toEqual(outcome(whole));
      expect(readWeights(first.folder.files.last).config).not.toHaveProperty('transforms');
      await expect(resumeSmall(first.folder.files.last, { augment_mixup: '0.6' })).rejects.toThrow(
        /--augment-mixup: a resumed run keeps 0\.5, found 0\.6/,
      );
    });
  });

  it('loses the same where its batches are divided among devices, with a teacher too', async () => {
    await inTemporaryFolder(async (folder) => {
      writeSmallData(folder);
      const plain = { epochs: '1', dropout: '0', num_buckets: '1' };
      const { run: teacher } = await trainSmall(smallSettings(folder, plain));
      const lossOf = async (enable_parallel: string): Promise<number | undefined> => {
        const typed = { ...plain, class_weights: 'balanced', augment_mixup: '0.8', teacher: teacher.folder.files.folder, enable_parallel };
        const { run } = await trainSmall(smallSettings(folder, typed), { sharingDevices: ['/device:CPU:0', '/device:CPU:0'] });
        return readTrainingLog(run.folder.files.log)[0]?.train_loss;
      };
      const whole = await lossOf('false');
      expect(await lossOf('true')).toBeCloseTo(whole ?? NaN, 5);
    });
  });
});
