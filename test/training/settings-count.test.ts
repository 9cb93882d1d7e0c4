import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { readWeights } from '../../src/checkpoint/training-checkpoint';
import { optimizerFor } from '../../src/engine/optimizers/table';
import { startRuntime } from '../../src/engine/runtime';
import { required } from '../../src/foundation/required';
import { ownModels } from '../../src/models/model-table';
import { prepareRun } from '../../src/training/prepare-run';
import { closeRun } from '../../src/training/run';
import { trainEpochs } from '../../src/training/training-loop';
import { inTemporaryFolder } from '../support/clip-files';
import { quietContext, smallSettings, trainSmall, writeSmallData } from '../support/small-training';

beforeAll(async () => {
  await startRuntime();
});

/** Settings of which each must change what is learnt in two epochs of `base`, whose batches are of one shape: each is recorded anew. */
const base = { epochs: '2', lr: '1e-2', scheduler: 'none', dropout: '0.2', num_buckets: '1' };
const changes: Record<string, string>[] = [
  { lr: '2e-2' },
  { seed: '43' },
  { batch_size: '8' },
  { weight_decay: '0.1' },
  { alpha: '0.9' },
  { beta: '0.1' },
  { loss: 'focal' },
  { loss: 'label_smoothing' },
  { class_weights: 'balanced' },
  { class_weights: 'effective' },
  { sampling: 'balanced' },
  { augment_mixup: '0.5' },
  { augment_cutmix: '0.5' },
  { loss_weighting: 'uncertainty' },
  { loss_weighting: 'gradnorm' },
  { curriculum: 'gloss-first' },
  { curriculum: 'category-first' },
  { curriculum: 'dynamic', curriculum_warmup: '1' },
  { scheduler: 'cosine' },
  { scheduler: 'warmup_cosine' },
  { scheduler: 'one_cycle' },
  { scheduler: 'step', step_size: '1' },
  { grad_clip: '0.01' },
  { accumulation_steps: '2' },
  { micro_batch_size: '3' },
  { dropout: '0' },
  { stochastic_depth: '0.5' },
  { layer_decay: '0.5' },
  { pooling: 'max' },
  { max_len: '6' },
  { num_heads: '4' },
  { num_buckets: '2' },
];

/** Settings of a choice, and changes to them of which each must change what is learnt. */
const furtherChanges: [Record<string, string>, Record<string, string>][] = [
  [{ loss: 'focal' }, { focal_gamma: '5' }],
  [{ loss: 'focal' }, { focal_alpha: '3', grad_clip: '1' }],
  [{ loss: 'label_smoothing' }, { label_smoothing: '0.4' }],
  [{ loss_weighting: 'gradnorm' }, { gradnorm_alpha: '0' }],
  [{ loss_weighting: 'gradnorm' }, { gradnorm_lr: '0.2' }],
  [{ curriculum: 'gloss-first', curriculum_schedule: 'linear' }, { curriculum_schedule: 'exponential' }],
  [{ curriculum: 'gloss-first', curriculum_schedule: 'linear' }, { curriculum_epochs: '2' }],
  [{ curriculum: 'gloss-first', curriculum_schedule: 'linear' }, { curriculum_min_weight: '0.3' }],
];

/** Where settings are tested that are none of the table's; those of the augmentation in augment.test.ts, all of them. */
const elsewhere = [
  'config/inception-settings.test.ts',
  'config/resolve.test.ts',
  'data/validation-share.test.ts',
  'training/captured-training.test.ts',
  'training/derived-inputs.test.ts',
  'training/deterministic.test.ts',
  'training/least-sizes.test.ts',
  'training/mixing.test.ts',
  'training/normalize.test.ts',
  'training/not-finite.test.ts',
  'training/parameter-groups.test.ts',
  'training/schedules.test.ts',
  'training/teacher.test.ts',
  'training/tensorboard.test.ts',
  'training/train.test.ts',
  'training/unreadable-clips.test.ts',
  'training/warm-start.test.ts',
  'training/weight-average.test.ts',
];

describe('the settings of a training', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'kumpas-settings-'));
  beforeAll(() => {
    writeSmallData(folder, { train: 20, val: 8 });
  });
  afterAll(() => {
    rmSync(folder, { recursive: true });
  });

  async function learntWith(change: Record<string, string>): Promise<string> {
    const { run } = await trainSmall(smallSettings(folder, { ...base, ...change }));
    return required(readWeights(run.folder.files.last).model.get('gloss_head.3.weight'), 'gloss_head.3.weight').values.join();
  }

  const learnt = new Map<string, Promise<string>>();
  /** What one training with a change has learnt. */
  function weightOf(change: Record<string, string>): Promise<string> {
    const key = JSON.stringify(change);
    const known = learnt.get(key) ?? learntWith(change);
    learnt.set(key, known);
    return known;
  }

  it('that are the same lead to the same', async () => {
    expect(await learntWith({})).toBe(await weightOf({}));
  });

  it.each(changes)('each change what is learnt: %j', async (change) => {
    expect((await weightOf(change)) === (await weightOf({}))).toBe(false);
  });

  it.each(furtherChanges)('each change what is learnt with %j: %j', async (chosen, change) => {
    expect((await weightOf({ ...chosen, ...change })) === (await weightOf(chosen))).toBe(false);
  });

  it.each<[Record<string, string>, Record<string, unknown>]>([
    [
      { optimizer: 'adam', adam_beta1: '0.7', adam_beta2: '0.9', eps: '1e-4' },
      { betas: [0.7, 0.9], eps: 1e-4 },
    ],
    [
      { optimizer: 'adamw', adam_beta1: '0.7', adam_beta2: '0.9', eps: '1e-4' },
      { betas: [0.7, 0.9], eps: 1e-4 },
    ],
    [
      { optimizer: 'sgd', momentum: '0.8', nesterov: 'true' },
      { momentum: 0.8, nesterov: true },
    ],
  ])('%j are the optimiser’s hyperparameters, with which test/engine/optimizers steps', (typed, hyperparameters) => {
    expect(optimizerFor(smallSettings(folder, typed)).hyperparameters).toMatchObject(hyperparameters);
  });

  it.each(ownModels.names)('of %s are each named by a test of what they do', (name) => {
    const here = [base, ...changes, ...furtherChanges.flat()].flatMap((typed) => Object.keys(typed));
    const texts = [__filename, ...elsewhere.map((file) => path.join(__dirname, '..', file))].map((file) => readFileSync(file, 'utf8'));
    const isTested = (key: string): boolean =>
      here.includes(key) || key.startsWith('augment') || texts.some((text) => new RegExp(`\\b${key}:`).test(text));
    expect(Object.keys(ownModels.get(name).settings.schema.shape).filter((key) => !isTested(key))).toEqual([]);
  });

  it('plateau_patience and plateau_factor say when the rate falls, and how far', async () => {
    await inTemporaryFolder(async (folder) => {
      writeSmallData(folder);
      const ratesOf = async (typed: Record<string, string>): Promise<string[]> => {
        const { run } = await trainSmall(smallSettings(folder, { ...typed, lr: '1e-7', epochs: '5' }));
        return readFileSync(run.folder.files.log, 'utf8')
          .trim()
          .split('\n')
          .slice(1)
          .map((line) => Number(line.split(',')[5]).toExponential(1));
      };
      expect(await ratesOf({ plateau_patience: '0', plateau_factor: '0.1' })).toEqual(['1.0e-7', '1.0e-7', '1.0e-8', '1.0e-8', '1.0e-8']);
      expect(await ratesOf({ plateau_patience: '1', plateau_factor: '0.5' })).toEqual(['1.0e-7', '1.0e-7', '1.0e-7', '5.0e-8', '5.0e-8']);
    });
  });

  it('the reference’s own flags read what --data reads', async () => {
    await inTemporaryFolder(async (folder) => {
      const data = writeSmallData(folder);
      const { run: whole } = await trainSmall(smallSettings(folder, { epochs: '1' }));
      mkdirSync(path.join(folder, 'apart'));
      const parts = {
        keypoints_train: 'keypoints_train',
        keypoints_val: 'keypoints_val',
        labels_train_csv: 'train_labels.csv',
        labels_val_csv: 'val_labels.csv',
      };
      const flags = Object.fromEntries(Object.entries(parts).map(([flag, name]) => [flag, path.join(folder, 'apart', `my_${name}`)]));
      for (const [flag, name] of Object.entries(parts)) renameSync(path.join(data, name), flags[flag] ?? '');
      const reference = path.join(folder, 'names.csv');
      writeFileSync(reference, 'gloss_id,label,cat_id,category\n0,HELLO,0,SAID\n1,GOOD,1,SHOWN\n2,YOU,0,SAID\n');
      const { run: named } = await trainSmall(smallSettings(folder, { epochs: '1', data: 'none', ...flags, labels_reference: reference }));
      expect(named.data.dataset.labels).toEqual({ gloss: ['HELLO', 'GOOD', 'YOU'], category: ['SAID', 'SHOWN'] });
      expect(named.data.dataset.fingerprint).toBe(whole.data.dataset.fingerprint);
      expect([...readWeights(named.folder.files.last).model]).toEqual([...readWeights(whole.folder.files.last).model]);
      await expect(trainSmall(smallSettings(folder, { data: 'none', ...flags, kp_key: 'X2048' }))).rejects.toThrow(
        /no array "X2048"; the file holds: X, mask/,
      );
      const { run: more } = await trainSmall(smallSettings(folder, { epochs: '1', data: 'none', ...flags, num_gloss: '9', num_cat: '5' }));
      expect(more.learner.model).toMatchObject({ numGloss: 9, numCategory: 5 });
    });
  });

  it('save_every_minutes saves within a long epoch', async () => {
    await inTemporaryFolder(async (folder) => {
      writeSmallData(folder);
      const batchesSavedBy = async (minutes: string): Promise<number[]> => {
        let time = 0;
        const saved: number[] = [];
        const surroundings = quietContext((event) => {
          if (event.kind !== 'step') return;
          const file = path.join(folder, 'models', `transformer_every-${minutes}_09-20`, 'SignTransformer_last.pt');
          const batches = statSync(file, { throwIfNoEntry: false }) === undefined ? 0 : readWeights(file).config?.['progress'];
          saved.push(typeof batches === 'object' && batches !== null ? Number((batches as Record<string, unknown>)['batches_done']) : 0);
        });
        // Every look at the clock finds it a minute later.
        const clock = (): number => (time += 60_000);
        const run = await prepareRun(
          smallSettings(folder, { epochs: '1', save_every_minutes: minutes, description: `every-${minutes}` }),
          undefined,
          {
            ...surroundings,
            clock,
          },
        );
        await trainEpochs(run, new AbortController().signal);
        await closeRun(run);
        return saved;
      };
      expect(Math.max(...(await batchesSavedBy('1')))).toBeGreaterThan(0);
      expect(Math.max(...(await batchesSavedBy('100000')))).toBe(0);
    });
  });
});
