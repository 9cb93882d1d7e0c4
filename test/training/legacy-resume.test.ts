import { copyFileSync, existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import type { PythonDict, PythonValue } from '../../src/checkpoint/python-values';
import { readTorchFile, writeTorchFile } from '../../src/checkpoint/torch-file';
import { readWeights } from '../../src/checkpoint/training-checkpoint';
import type { Settings } from '../../src/config/model-settings';
import { importCheckpoint } from '../../src/conversion/import-checkpoint';
import { startRuntime } from '../../src/engine/runtime';
import { readTrainingLog } from '../../src/folder/training-log';
import type { TrainingEvent } from '../../src/training/events';
import { recogniseSchedule } from '../../src/training/legacy-settings';
import { readResumePoint, resumedSettings } from '../../src/training/resume';
import { inTemporaryFolder, writeDataFolder } from '../support/clip-files';
import { importOptions } from '../support/import-options';
import { torchFolder } from '../support/parity';
import { resumeSmall } from '../support/small-training';

const tinyFull = path.join(torchFolder, 'tiny_full.pt');

/** Clips of as many classes as tiny_full tells apart. */
function writeClips(folder: string): string {
  const clips = (split: string, count: number): { name: string; gloss: number; category: number; frames: number }[] =>
    Array.from({ length: count }, (_, index) => ({
      name: `${split}_${index}`,
      gloss: index % 7,
      category: index % 3,
      frames: 6 + (index % 5),
    }));
  const data = path.join(folder, 'data');
  writeDataFolder(data, { train: clips('train', 14), val: clips('val', 7) });
  return data;
}

/** A copy of tiny_full with changes, such as its scheduler's. */
function changed(folder: string, change: (value: PythonDict) => unknown): string {
  const file = path.join(folder, 'changed.pt');
  readTorchFile(tinyFull, (value) => {
    if (!(value instanceof Map)) throw new Error('no dict');
    change(value);
    writeTorchFile(file, value);
  });
  return file;
}

const optimizerIn = (value: PythonDict): PythonDict => value.get('optimizer') as PythonDict;
const groupOf = (value: PythonDict): PythonDict => (optimizerIn(value).get('param_groups') as [PythonDict])[0];

/** An SGD whose momentum is what tiny_full's Adam keeps as average. */
function sgdState(value: PythonDict): PythonDict {
  const states = [...(optimizerIn(value).get('state') as Map<PythonValue, PythonDict>)];
  const group = dict({
    lr: 0.001,
    momentum: 0.9,
    dampening: 0,
    weight_decay: 0.5,
    nesterov: true,
    params: groupOf(value).get('params') ?? [],
  });
  return dict({
    state: new Map(states.map(([position, state]) => [position, dict({ momentum_buffer: state.get('exp_avg') ?? null })])),
    param_groups: [group],
  });
}

const dict = (items: Readonly<Record<string, PythonValue>>): PythonDict => new Map<PythonValue, PythonValue>(Object.entries(items));
const asked = (values: Readonly<Record<string, string>>): { source: string; values: Readonly<Record<string, string>> }[] => [
  { source: 'command line', values },
];

beforeAll(async () => {
  await startRuntime({ verbose: false });
});

describe('a training that PyTorch began', () => {
  it('is gone on with: epoch, Adam’s steps, rate, schedule and best metric, in a folder of its own', async () => {
    await inTemporaryFolder(async (folder) => {
      const data = writeClips(folder);
      const old = path.join(folder, 'old', 'SignTransformer_last.pt');
      const events: TrainingEvent[] = [];
      const { run } = await resumeSmall(
        tinyFull,
        { data, epochs: '14', batch_size: '7', save_dir: path.join(folder, 'models') },
        { onEvent: (event) => events.push(event) },
      );
      expect(existsSync(old)).toBe(false);
      expect(run.settings).toMatchObject({
        lr: 0.001,
        weight_decay: 0.001,
        scheduler: 'plateau',
        plateau_patience: 2,
        batch_size: 7,
        dropout: 0.1,
      });
      expect(events.filter(({ kind }) => kind === 'epoch-end')).toMatchObject([
        { epoch: 13, learningRate: 0.001 },
        { epoch: 14, learningRate: 0.001 },
      ]);
      readTorchFile(run.folder.files.last, (value) => {
        const optimizer = value instanceof Map ? (value.get('optimizer') as PythonDict) : dict({});
        const state = (optimizer.get('state') as PythonDict).get(1) as PythonDict;
        expect((state.get('step') as { toFloat32(): Float32Array }).toFloat32()).toEqual(Float32Array.of(3 + 2 * 2));
      });
      expect(readWeights(run.folder.files.last)).toMatchObject({ epoch: 14, bestMetric: 11 / 13 });
      expect(readTrainingLog(run.folder.files.log).map(({ epoch }) => epoch)).toEqual([13, 14]);
    });
  });

  it('leaves the folder of the other program alone', async () => {
    await inTemporaryFolder(async (folder) => {
      const data = writeClips(folder);
      const old = path.join(folder, 'SignTransformer_last.pt');
      copyFileSync(tinyFull, old);
      const { run } = await resumeSmall(old, { data, epochs: '13', save_dir: path.join(folder, 'models') });
      expect(path.dirname(run.folder.files.folder)).toBe(path.join(folder, 'models'));
      expect(readdirSync(folder).sort()).toEqual(['SignTransformer_last.pt', 'data', 'models']);
    });
  });

  it('is gone on with in its model folder once it is imported', async () => {
    await inTemporaryFolder(async (folder) => {
      const data = writeClips(folder);
      const imported = await importCheckpoint({ best: tinyFull }, importOptions(path.join(folder, 'models')));
      const last = path.join(imported.folder, 'SignTransformer_last.pt');
      expect(() => resumedSettings(readResumePoint(last), asked({ epochs: '13' }))).toThrow(/does not say on which data; give --data/);
      const { run } = await resumeSmall(last, { data, epochs: '13', batch_size: '5' });
      expect(run.folder.files.folder).toBe(imported.folder);
      expect(run.settings.batch_size).toBe(5);
      await expect(resumeSmall(last, { epochs: '14', batch_size: '6' })).rejects.toThrow(/--batch-size: a resumed run keeps 5, found 6/);
    });
  });

  it('keeps what its file tells, and lets the rest be chosen', () => {
    const point = readResumePoint(tinyFull);
    expect(resumedSettings(point, asked({ data: 'x', epochs: '20', seed: '7', loss: 'focal' }))).toMatchObject({ seed: 7, loss: 'focal' });
    expect(() => resumedSettings(point, asked({ data: 'x', lr: '0.5' }))).toThrow(/--lr: a resumed run keeps 0.001, found 0.5/);
    expect(() => resumedSettings(point, asked({ data: 'x', epochs: '12' }))).toThrow(/has done 12 of 12 epochs/);
  });

  it('takes heads and pooling that its file does not tell', async () => {
    await inTemporaryFolder((folder) => {
      const file = changed(folder, (value) => value.delete('config'));
      expect(readResumePoint(file).notes).toEqual([
        'the checkpoint does not say: num_heads 8 was taken',
        'the checkpoint does not say: pooling mean was taken',
      ]);
      const point = readResumePoint(file, { n_heads: 4, pooling_method: 'mean' });
      expect(point.notes).toEqual([]);
      expect(resumedSettings(point, asked({ data: 'x', num_heads: '4', dropout: '0.2' }))).toMatchObject({ num_heads: 4, dropout: 0.2 });
    });
  });

  it('keeps its own optimiser, whatever args say of another', async () => {
    await inTemporaryFolder((folder) => {
      const settingsOf = (change: (group: PythonDict, value: PythonDict) => unknown): Settings => {
        const point = readResumePoint(changed(folder, (value) => change(groupOf(value), value)));
        return resumedSettings(point, asked({ data: 'x', epochs: '20' }));
      };
      expect(settingsOf((group) => group.set('betas', [0.9, 0.98]))).toMatchObject({
        optimizer: 'adam',
        adam_beta1: 0.9,
        adam_beta2: 0.98,
      });
      const adamw = { optimizer: 'adamw', weight_decay: 0.001, eps: 1e-6, momentum: 0 };
      expect(
        settingsOf((group, value) => {
          group.set('decoupled_weight_decay', true).set('eps', 1e-6);
          value.set('args', dict({ optimizer: 'sgd', momentum: 0.9 }));
        }),
      ).toMatchObject(adamw);
      expect(settingsOf((_, value) => value.set('optimizer', sgdState(value)))).toMatchObject({
        ...{ optimizer: 'sgd', momentum: 0.9, nesterov: true, weight_decay: 0.5, lr: 0.001 },
        ...{ adam_beta1: 0.9, adam_beta2: 0.999, eps: 1e-8 },
      });
      const point = readResumePoint(changed(folder, (value) => value.set('optimizer', sgdState(value))));
      expect(() => resumedSettings(point, asked({ data: 'x', epochs: '20', optimizer: 'adam' }))).toThrow(
        /a resumed run keeps its optimizer sgd, found "adam"; leave --optimizer out/,
      );
    });
  });

  it('goes on with SGD, and saves a state that goes on again', async () => {
    await inTemporaryFolder(async (folder) => {
      const file = changed(folder, (value) => value.set('optimizer', sgdState(value)));
      const { run } = await resumeSmall(file, { data: writeClips(folder), epochs: '13', save_dir: folder });
      expect(readResumePoint(run.folder.files.last).checkpoint.optimizer).toMatchObject({
        form: { className: 'SGD' },
        step: undefined,
        hyperparameters: { momentum: 0.9, nesterov: true, weight_decay: 0.5 },
      });
      const moved = readResumePoint(run.folder.files.last).checkpoint.optimizer?.slots.get('momentum_buffer');
      expect(moved?.get('embedding.weight')).not.toEqual(
        readResumePoint(file).checkpoint.optimizer?.slots.get('momentum_buffer')?.get('embedding.weight'),
      );
      expect(readFileSync(run.folder.files.readme, 'utf8')).toContain('- Optimizer: sgd, weight decay 0.5, momentum 0.9, nesterov');
    });
  });

  it('is refused where it would not go on as it was', async () => {
    await inTemporaryFolder((folder) => {
      const amsgrad = changed(folder, (value) => groupOf(value).set('amsgrad', true));
      expect(() => readResumePoint(amsgrad)).toThrow(
        /--resume .*changed\.pt: no training goes on from its optimizer: it is Adam with amsgrad/,
      );
      expect(() => readResumePoint(path.join(torchFolder, 'iv3_none.pt'))).toThrow(/no such file/);
      expect(() => readResumePoint(path.join(torchFolder, 'bad_wrong_shape.pt'))).toThrow(
        /embedding\.weight has shape \[32, 10\], expected \[32, 156\]/,
      );
    });
  });
});

describe('the state_dict of a scheduler', () => {
  it.each<[string, Record<string, unknown> | undefined, unknown, RegExp | undefined]>([
    ['none', undefined, { scheduler: 'none', lr: 0.25 }, undefined],
    [
      'ReduceLROnPlateau',
      { mode: 'max', factor: 0.2, patience: 3, num_bad_epochs: 1, threshold: 1e-4, threshold_mode: 'rel', cooldown: 0 },
      { scheduler: 'plateau', lr: 0.25, plateau_factor: 0.2, plateau_patience: 3 },
      undefined,
    ],
    [
      'ReduceLROnPlateau of a loss',
      { mode: 'min', patience: 3, num_bad_epochs: 1 },
      { scheduler: 'none', lr: 0.25 },
      /waits for a metric to fall/,
    ],
    [
      'ReduceLROnPlateau with a cooldown',
      { mode: 'max', factor: 0.5, patience: 3, num_bad_epochs: 1, cooldown: 4 },
      { scheduler: 'plateau', lr: 0.25, plateau_factor: 0.5, plateau_patience: 3 },
      /cooldown 4/,
    ],
    [
      'CosineAnnealingLR',
      { T_max: 30, eta_min: 0, base_lrs: [0.5], last_epoch: 3 },
      { scheduler: 'cosine', lr: 0.5, epochs: 30 },
      undefined,
    ],
    [
      'CosineAnnealingLR with an end',
      { T_max: 30, eta_min: 0.1, base_lrs: [0.5] },
      { scheduler: 'cosine', lr: 0.5, epochs: 30 },
      /eta_min 0\.1/,
    ],
    ['LambdaLR', { lr_lambdas: [null], base_lrs: [0.5] }, { scheduler: 'warmup_cosine', lr: 0.5 }, /does not hold its function/],
    ['StepLR', { step_size: 30, gamma: 0.1, base_lrs: [0.5] }, { scheduler: 'step', lr: 0.5, step_size: 30, step_gamma: 0.1 }, undefined],
    [
      'MultiStepLR',
      { milestones: [30, 60], gamma: 0.1, base_lrs: [0.5] },
      { scheduler: 'none', lr: 0.25 },
      /milestones, gamma, base_lrs\) is none of Kumpas/,
    ],
  ])('of %s tells the schedule', (_what, state, settings, note) => {
    const recognised = recogniseSchedule(state, 0.25);
    expect(recognised.settings).toEqual(settings);
    if (note === undefined) expect(recognised.notes).toEqual([]);
    else expect(recognised.notes).toEqual([expect.stringMatching(note)]);
  });
});
