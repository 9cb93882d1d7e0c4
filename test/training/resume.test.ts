import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { readTrainingCheckpoint, type TrainingCheckpoint } from '../../src/checkpoint/training-checkpoint';
import { formatNpz } from '../../src/data/npz';
import { optimizerForms } from '../../src/engine/optimizers/table';
import { startRuntime } from '../../src/engine/runtime';
import type { TrainingEvent } from '../../src/training/events';
import { readResumePoint } from '../../src/training/resume';
import { evaluateRun, type TrainingRun } from '../../src/training/run';
import { clipArrays, inTemporaryFolder } from '../support/clip-files';
import { resumeSmall, smallSettings, trainSmall, writeSmallData } from '../support/small-training';

beforeAll(async () => {
  await startRuntime();
});

function checkpointOf(run: TrainingRun, file = run.folder.files.last): TrainingCheckpoint {
  const names = run.learner.model.parameters.filter(({ trainable }) => trainable).map(({ name }) => name);
  return readTrainingCheckpoint(file, names, optimizerForms);
}

/** Everything that must not differ: weights and the optimiser's state bit for bit, the schedule, the log. */
function outcome(run: TrainingRun): unknown {
  const { model, average, optimizer, lossWeighting, scheduler, epoch, bestMetric, config } = checkpointOf(run);
  return {
    weights: [...model],
    average: average && [...average],
    optimizer,
    lossWeighting: lossWeighting && [...lossWeighting],
    scheduler,
    epoch,
    bestMetric,
    progress: config['progress'],
    log: readFileSync(run.folder.files.log, 'utf8'),
    best: [...checkpointOf(run, run.folder.files.best).model],
  };
}

/** Aborts after so many steps. */
function abortAfter(steps: number): { signal: AbortSignal; onEvent: (event: TrainingEvent) => void } {
  const controller = new AbortController();
  let count = 0;
  const onEvent = (event: TrainingEvent): void => {
    if (event.kind === 'step' && ++count === steps) controller.abort();
  };
  return { signal: controller.signal, onEvent };
}

/** Clips of which the last batch is as full as the others: each recipe records fewer shapes than the first test, which has rests. */
const WHOLE_BATCHES = { train: 20, val: 8 };

const recipes: Record<string, string>[] = [
  { scheduler: 'plateau', plateau_patience: '0' },
  { scheduler: 'cosine' },
  { scheduler: 'warmup_cosine', warmup_epochs: '2', weight_decay: '0.01', grad_clip: '0.5' },
  { accumulation_steps: '4', pooling: 'cls', loss: 'focal' },
  { optimizer: 'adamw', weight_decay: '0.1', adam_beta2: '0.98' },
  { sampling: 'balanced', class_weights: 'effective', loss: 'label_smoothing', curriculum: 'gloss-first', curriculum_epochs: '2' },
  {
    loss_weighting: 'uncertainty',
    augment_mixup: '0.5',
    ema: 'true',
    ema_decay: '0.6',
    layer_decay: '0.7',
    weight_decay: '0.1',
    grad_clip: '0.5',
  },
  {
    loss_weighting: 'gradnorm',
    accumulation_steps: '2',
    micro_batch_size: '3',
    augment_cutmix: '0.5',
    optimizer: 'sgd',
    lr: '0.05',
    momentum: '0.9',
  },
  { curriculum: 'dynamic', curriculum_schedule: 'cosine', curriculum_warmup: '1', curriculum_epochs: '2', accumulation_steps: '2' },
  { optimizer: 'sgd', lr: '0.05', momentum: '0.9', nesterov: 'true', grad_clip: '0.5' },
  { ema: 'true', ema_decay: '0.6', optimizer: 'sgd', accumulation_steps: '2', scheduler: 'one_cycle' },
  {
    optimizer: 'adamw',
    weight_decay: '0.3',
    weight_decay_on: 'weights',
    layer_decay: '0.7',
    stochastic_depth: '0.5',
    scheduler: 'step',
    step_size: '1',
  },
];

describe('a training that stops and goes on', () => {
  it('is, after 3 + 3 epochs, bit for bit the training of 6', async () => {
    await inTemporaryFolder(async (folder) => {
      writeSmallData(folder);
      const { run: whole } = await trainSmall(smallSettings(folder, { epochs: '6', description: 'whole' }));
      const { run: first } = await trainSmall(smallSettings(folder, { epochs: '3', description: 'parts' }));
      const { run: second, end } = await resumeSmall(first.folder.files.last, { epochs: '6' });
      expect(end).toBe('finished');
      expect(second.folder.files.folder).toBe(first.folder.files.folder);
      expect(outcome(second)).toEqual(outcome(whole));
    });
  });

  it.each(recipes)('is the same when it was interrupted in the middle of an epoch, twice: %p', async (recipe) => {
    await inTemporaryFolder(async (folder) => {
      writeSmallData(folder, WHOLE_BATCHES);
      const { run: whole } = await trainSmall(smallSettings(folder, { ...recipe, description: 'whole' }));
      const { run: first, end } = await trainSmall(smallSettings(folder, { ...recipe, description: 'parts' }), abortAfter(2));
      expect(end).toBe('interrupted');
      expect(existsSync(first.folder.files.best)).toBe(false);
      const { end: secondEnd } = await resumeSmall(first.folder.files.last, {}, abortAfter(6));
      expect(secondEnd).toBe('interrupted');
      const { run: third } = await resumeSmall(first.folder.files.last);
      expect(outcome(third)).toEqual(outcome(whole));
    });
  });

  it('does again what a killed run had logged beyond its last checkpoint', async () => {
    await inTemporaryFolder(async (folder) => {
      writeSmallData(folder, WHOLE_BATCHES);
      const { run: whole } = await trainSmall(smallSettings(folder, { epochs: '4', description: 'whole' }));
      const { run: first } = await trainSmall(smallSettings(folder, { epochs: '2', description: 'parts' }));
      const afterTwo = readFileSync(first.folder.files.last);
      await resumeSmall(first.folder.files.last, { epochs: '3' });
      const unfinished = path.join(first.folder.files.folder, '.SignTransformer_last.pt.0a1b2c3d.tmp');
      writeFileSync(unfinished, 'half');
      writeFileSync(first.folder.files.last, afterTwo); // As if the process had died before it wrote the last checkpoint.
      const { run: again } = await resumeSmall(first.folder.files.last, { epochs: '4' });
      expect(existsSync(unfinished)).toBe(false);
      expect(outcome(again)).toEqual(outcome(whole));
      expect(
        readFileSync(again.folder.files.metrics, 'utf8')
          .trim()
          .split('\n')
          .map((line) => (JSON.parse(line) as { epoch: number }).epoch),
      ).toEqual([1, 2, 3, 4]);
    });
  });

  it('never overwrites a run with one that branches off its best checkpoint', async () => {
    await inTemporaryFolder(async (folder) => {
      writeSmallData(folder, WHOLE_BATCHES);
      const { run } = await trainSmall(smallSettings(folder));
      const before = readFileSync(run.folder.files.last);
      const { run: branch } = await resumeSmall(run.folder.files.best, { epochs: '4' });
      expect(path.basename(branch.folder.files.folder)).toBe('transformer_baseline-2_09-20');
      expect(readFileSync(run.folder.files.last)).toEqual(before);
      expect(readFileSync(branch.folder.files.log, 'utf8').trim().split('\n')).toHaveLength(1 + 4);
    });
  });

  it('warns where the data is not what it was', async () => {
    await inTemporaryFolder(async (folder) => {
      const data = writeSmallData(folder);
      const { run } = await trainSmall(smallSettings(folder, { epochs: '1', max_len: '16' }));
      const warnings: string[] = [];
      const onEvent = (event: TrainingEvent): void => {
        if (event.kind === 'warning') warnings.push(event.text);
      };
      await resumeSmall(run.folder.files.last, { epochs: '2' }, { onEvent });
      expect(warnings).toEqual([]);
      writeFileSync(path.join(data, 'keypoints_train', 'train_0.npz'), formatNpz(clipArrays(9, 77)));
      await resumeSmall(run.folder.files.last, { epochs: '3' }, { onEvent });
      expect(warnings).toEqual([expect.stringMatching(/is not the data that .*_last\.pt was trained on/)]);
    });
  });

  it('refuses what would make it another run, and an end that is reached, a line each', async () => {
    await inTemporaryFolder(async (folder) => {
      writeSmallData(folder);
      const { run } = await trainSmall(smallSettings(folder));
      await evaluateRun(run);
      const { last } = run.folder.files;
      await expect(resumeSmall(last, { epochs: '9', lr: '0.5', seed: '7' })).rejects.toThrow(
        /cannot change[^]*--lr: a resumed run keeps 0.001, found 0.5[^]*--seed: a resumed run keeps 42, found 7/,
      );
      await expect(resumeSmall(last)).rejects.toThrow(/has done 3 of 3 epochs.*give --epochs/);
      expect(() => readResumePoint(path.resolve(__dirname, '../fixtures/torch/tiny_bare_state_dict.pt'))).toThrow(
        /holds weights alone, no optimizer/,
      );
    });
  });
});
