import { readFileSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { readTrainingCheckpoint, readWeights } from '../../src/checkpoint/training-checkpoint';
import { featureAugmentSettings, keypointAugmentSettings, pictureAugmentSettings } from '../../src/config/augment-settings';
import { resolveSettings } from '../../src/config/resolve';
import { optimizerForms } from '../../src/engine/optimizers/table';
import { startRuntime } from '../../src/engine/runtime';
import { modelOfFile } from '../../src/evaluation/loaded-model';
import { ownModels } from '../../src/models/model-table';
import type { TrainingRun } from '../../src/training/run';
import { inTemporaryFolder } from '../support/clip-files';
import { resumeSmall, smallSettings, trainSmall, writeSmallData } from '../support/small-training';

beforeAll(async () => {
  await startRuntime();
});

/** Weights, the optimiser's state and the log. */
function outcome(run: TrainingRun): unknown {
  const names = run.learner.model.parameters.filter(({ trainable }) => trainable).map(({ name }) => name);
  const { model, optimizer } = readTrainingCheckpoint(run.folder.files.last, names, optimizerForms);
  return { weights: [...model], optimizer, log: readFileSync(run.folder.files.log, 'utf8') };
}

/** Aborts after so many steps. */
function abortAfter(steps: number): { signal: AbortSignal; onEvent: (event: { kind: string }) => void } {
  const controller = new AbortController();
  let count = 0;
  const onEvent = ({ kind }: { kind: string }): void => {
    if (kind === 'step' && ++count === steps) controller.abort();
  };
  return { signal: controller.signal, onEvent };
}

describe('a training with --augment strong', () => {
  it('is bit for bit the same when it was interrupted twice, and when its clips are read as needed; otherwise than without', async () => {
    await inTemporaryFolder(async (folder) => {
      writeSmallData(folder);
      const recipe = { augment: 'strong' };
      const { run: whole } = await trainSmall(smallSettings(folder, { ...recipe, description: 'whole' }));
      const { run: first, end } = await trainSmall(smallSettings(folder, { ...recipe, description: 'parts' }), abortAfter(2));
      expect(end).toBe('interrupted');
      await resumeSmall(first.folder.files.last, {}, abortAfter(6));
      const { run: third } = await resumeSmall(first.folder.files.last);
      expect(outcome(third)).toEqual(outcome(whole));
      const { run: read } = await trainSmall(smallSettings(folder, { ...recipe, description: 'read', memory_budget_mb: '0.001' }));
      expect(outcome(read)).toEqual(outcome(whole));
      const { run: plain } = await trainSmall(smallSettings(folder, { description: 'plain' }));
      expect(outcome(plain)).not.toEqual(outcome(whole));
      await expect(resumeSmall(first.folder.files.last, { epochs: '4', augment: 'light' })).rejects.toThrow(
        /--augment: a resumed run keeps strong, found light/,
      );
    });
  });

  it('keeps its settings in config.json, and nothing that prediction would apply; its validation clips stay as they are', async () => {
    await inTemporaryFolder(async (folder) => {
      writeSmallData(folder);
      const { run } = await trainSmall(smallSettings(folder, { epochs: '1', augment: 'strong', augment_mirror: '0' }));
      const { files } = run.folder;
      const record: unknown = JSON.parse(readFileSync(path.join(files.folder, 'config.json'), 'utf8'));
      expect(record).toMatchObject({ augment: 'strong', augment_mirror: 0, augment_noise: null });
      expect(modelOfFile(files.last).transforms).toEqual([]);
      expect(readWeights(files.last).config).not.toHaveProperty('transforms');
      const { run: plain } = await trainSmall(smallSettings(folder, { epochs: '1' }));
      const validation = async ({ data }: TrainingRun): Promise<string[]> => {
        const batches: string[] = [];
        for await (const { features } of data.validation.batches.epoch(data.validation.plan(1))) batches.push(features.join());
        return batches;
      };
      expect(await validation(run)).toEqual(await validation(plain));
    });
  });
});

describe('the settings of the augmentation', () => {
  const transformsOf = (typed: Readonly<Record<string, string>>): unknown => {
    const { settings } = resolveSettings({ commandLine: typed }, ownModels);
    return ownModels.get(settings.model).clipLocation(settings).transforms;
  };

  it('are none by default; a preset is a set of values, which each setting takes the place of', () => {
    expect(transformsOf({})).toEqual([]);
    expect(transformsOf({ augment_noise: '0.3', augment_time_mask: '0.1' })).toEqual([
      { name: 'noise', p: 0.3, std: 0.01 },
      { name: 'time_mask', p: 0.1, share: 0.1 },
    ]);
    expect(transformsOf({ augment: 'light' })).toEqual([
      { name: 'speed', p: 0.3, change: 0.1 },
      { name: 'shift', p: 0.2, share: 0.05 },
      { name: 'rotation', p: 0.3, degrees: 5 },
      { name: 'scale', p: 0.3, change: 0.1 },
      { name: 'translation', p: 0.3, share: 0.05 },
      { name: 'noise', p: 0.3, std: 0.01 },
      { name: 'time_mask', p: 0.1, share: 0.1 },
    ]);
    const names = (typed: Readonly<Record<string, string>>): string[] =>
      (transformsOf(typed) as { name: string }[]).map(({ name }) => name);
    expect(names({ augment: 'strong' })).toHaveLength(14);
    expect(names({ augment: 'strong', augment_mirror: '0' })).not.toContain('mirror');
    expect(transformsOf({ augment_mirror: '0.5', normalize: 'shoulders' })).toEqual([
      { name: 'mirror', p: 0.5 },
      { name: 'normalize', by: 'shoulders' },
    ]);
  });

  it('of features are noise and time mask', () => {
    expect(transformsOf({ model: 'iv3_gru', augment: 'light' })).toEqual([
      { name: 'noise', p: 0.3, std: 0.01 },
      { name: 'time_mask', p: 0.1, share: 0.1 },
    ]);
    expect(() => transformsOf({ model: 'iv3_gru', augment_rotation: '0.5' })).toThrow(
      '--augment-rotation: a flag of model transformer, not of this one',
    );
  });

  it.each([
    ['key points', keypointAugmentSettings, {}],
    ['features', featureAugmentSettings, { model: 'iv3_gru' }],
    ['pictures', pictureAugmentSettings, { model: 'iv3_gru', data: 'clips', train_on: 'frames', freeze_backbone: 'false' }],
  ])('each change what clips of %s go through', (_, settings, clips) => {
    const all = { ...clips, augment: 'strong', augment_mixup: '0.3', augment_cutmix: '0.3' };
    for (const key of Object.keys(settings)) {
      const value = key === 'augment' ? 'light' : key.endsWith('_fingers') ? '1' : '0.17';
      expect({ key, transforms: transformsOf({ ...all, [key]: value }) }).not.toEqual({ key, transforms: transformsOf(all) });
    }
  });

  it('refuse a strength of what is off', () => {
    expect(() => transformsOf({ augment_rotation_degrees: '20' })).toThrow(
      '--augment-rotation-degrees: changes nothing while augment_rotation is 0; give the share of clips that it is for, as augment_rotation 0.3, or augment light or strong',
    );
    expect(transformsOf({ augment_rotation: '0', augment_rotation_degrees: '20' })).toEqual([]);
  });

  it('of pictures that the model itself sees are mirror, crop, colour and time mask; features of a frozen backbone have theirs', () => {
    const frozen = { model: 'iv3_gru', data: 'clips', train_on: 'frames', backbone: 'b.pt' };
    const trained = { ...frozen, freeze_backbone: 'false' };
    expect(transformsOf({ ...trained, augment: 'strong' })).toEqual([
      { name: 'mirror', p: 0.3 },
      { name: 'picture_crop', p: 0.5, share: 0.2 },
      { name: 'picture_colour', p: 0.5, change: 0.3 },
      { name: 'time_mask', p: 0.3, share: 0.1 },
    ]);
    expect(transformsOf({ ...trained, augment: 'light' })).toEqual([
      { name: 'picture_crop', p: 0.3, share: 0.1 },
      { name: 'picture_colour', p: 0.3, change: 0.1 },
      { name: 'time_mask', p: 0.1, share: 0.1 },
    ]);
    expect(transformsOf({ ...frozen, augment: 'strong' })).toEqual([
      { name: 'noise', p: 0.5, std: 0.01 },
      { name: 'time_mask', p: 0.3, share: 0.1 },
    ]);
    expect(() => transformsOf({ ...trained, augment_noise: '0.2' })).toThrow(
      '--augment-noise: is of features, and these clips are pictures',
    );
    for (const clips of [frozen, { model: 'iv3_gru' }])
      expect(() => transformsOf({ ...clips, augment_mirror: '0.5' })).toThrow(
        '--augment-mirror: changes pictures that the model itself sees, and these clips are features; leave it out, or train on frames with --no-freeze-backbone',
      );
    expect(() => transformsOf({ ...frozen, augment: 'light', augment_picture_colour_change: '0.5' })).toThrow(
      '--augment-picture-colour-change: changes pictures',
    );
    expect(() => transformsOf({ ...trained, augment_picture_crop_share: '0.5' })).toThrow(
      '--augment-picture-crop-share: changes nothing while augment_picture_crop is 0',
    );
  });
});
