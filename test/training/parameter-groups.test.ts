import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { readTrainingCheckpoint } from '../../src/checkpoint/training-checkpoint';
import { pythonFloat } from '../../src/checkpoint/python-values';
import { startRuntime } from '../../src/engine/runtime';
import { optimizerForms } from '../../src/engine/optimizers/table';
import { inspectCheckpoint } from '../../src/conversion/inspect';
import { required } from '../../src/foundation/required';
import { optimizerParameters } from '../../src/models/model';
import { ownModels } from '../../src/models/model-table';
import { resolveSettings } from '../../src/config/resolve';
import type { Settings } from '../../src/config/model-settings';
import { parameterGroups } from '../../src/training/parameter-groups';
import { inTemporaryFolder } from '../support/clip-files';
import { smallSettings, trainSmall, writeSmallData } from '../support/small-training';

function settingsOf(commandLine: Readonly<Record<string, string>>): Settings {
  return resolveSettings({ commandLine }, ownModels).settings;
}

function groupsOf(typed: Readonly<Record<string, string>>): ReturnType<typeof parameterGroups> {
  const settings = settingsOf(typed);
  return parameterGroups(ownModels.get(settings.model).fromSettings(settings, { gloss: 5, category: 2 }), settings);
}

describe('the groups of parameters', () => {
  it('are none where all parameters are updated alike', () => {
    expect(groupsOf({})).toBeUndefined();
    expect(groupsOf({ weight_decay: '0.1' })).toBeUndefined();
    expect(groupsOf({ weight_decay: '0', weight_decay_on: 'weights' })).toBeUndefined();
  });

  it('spare biases, norms and the class token the weight decay', () => {
    const [decayed, spared, ...others] = required(groupsOf({ weight_decay: '0.1', weight_decay_on: 'weights', num_layers: '1' }), 'groups');
    expect(others).toEqual([]);
    expect([decayed, spared].map((group) => [group?.rateFactor, group?.optimizer.hyperparameters['weight_decay']])).toEqual([
      [1, 0.1],
      [1, 0],
    ]);
    expect(decayed?.names.every((name) => name.endsWith('.weight'))).toBe(true);
    expect(spared?.names).toEqual(
      expect.arrayContaining(['cls_token', 'embedding.bias', 'input_norm.gamma', 'encoder_layers.0.attention.W_q.bias']),
    );
    expect(spared?.names.some((name) => /(linear\d|W_.|embedding|_head\.\d)\.weight$/.test(name))).toBe(false);
  });

  it('lower the learning rate from layer to layer towards the input, the heads first', () => {
    const groups = required(groupsOf({ layer_decay: '0.5', num_layers: '2' }), 'groups');
    const namesAt = (place: number): readonly string[] => required(groups[place], 'a group').names;
    expect(groups.map(({ rateFactor }) => rateFactor)).toEqual([1, 0.5, 0.25, 0.125]);
    expect(namesAt(0).every((name) => /^(gloss|category)_head\./.test(name))).toBe(true);
    expect(namesAt(1).every((name) => name.startsWith('encoder_layers.1.'))).toBe(true);
    expect(namesAt(2).every((name) => name.startsWith('encoder_layers.0.'))).toBe(true);
    expect(namesAt(3)).toEqual(['cls_token', 'embedding.weight', 'embedding.bias', 'input_norm.gamma', 'input_norm.beta']);
    const ofGru = required(groupsOf({ model: 'iv3_gru', layer_decay: '0.5' }), 'groups');
    expect(ofGru.map(({ names }) => [...new Set(names.map((name) => name.split('.')[0]))])).toEqual([
      ['gloss_head', 'category_head'],
      ['gru2'],
      ['gru1'],
    ]);
  });
});

describe('a training in groups of parameters', () => {
  beforeAll(async () => {
    await startRuntime();
  });

  it('leaves them in its checkpoint as PyTorch has them, each with its rates', async () => {
    await inTemporaryFolder(async (folder) => {
      writeSmallData(folder);
      const typed = {
        optimizer: 'adamw',
        weight_decay: '0.3',
        weight_decay_on: 'weights',
        layer_decay: '0.5',
        scheduler: 'warmup_cosine',
        epochs: '2',
      };
      const { run } = await trainSmall(smallSettings(folder, typed));
      const { last, log } = run.folder.files;
      const { optimizer, scheduler } = readTrainingCheckpoint(last, optimizerParameters(run.learner.model)[0], optimizerForms);
      const groups = required(optimizer?.groups, 'groups');
      expect(groups.map(({ hyperparameters }) => hyperparameters['weight_decay'])).toEqual([0.3, 0, 0.3, 0, 0.3, 0]);
      expect(groups.map(({ learningRate }) => learningRate / Number(groups[0]?.learningRate))).toEqual([1, 1, 0.5, 0.5, 0.25, 0.25]);
      expect(scheduler).toMatchObject({ base_lrs: [1e-3, 1e-3, 5e-4, 5e-4, 2.5e-4, 2.5e-4] });
      expect(scheduler).toMatchObject({ lr_lambdas: Array.from({ length: 6 }, () => null) });
      const initial = groups.map(({ furtherGroupKeys }) => furtherGroupKeys?.get('initial_lr'));
      expect(initial).toEqual([1e-3, 1e-3, 5e-4, 5e-4, 2.5e-4, 2.5e-4].map(pythonFloat));
      expect(inspectCheckpoint(last, {}, {}).optimizer).toMatchObject({ groups: 6, otherwise: undefined });
      expect(readFileSync(log, 'utf8')).toMatch(/,0\.0001\n/);
    });
  });

  it.each([{ weight_decay_on: 'weights' }, { layer_decay: '0.5' }])('learns otherwise: %j', async (change) => {
    await inTemporaryFolder(async (folder) => {
      writeSmallData(folder);
      const typed = { optimizer: 'adamw', weight_decay: '0.9', lr: '1e-2', epochs: '1', scheduler: 'none' };
      const learnt = await Promise.all(
        [{}, change].map(async (further) => {
          const { run } = await trainSmall(smallSettings(folder, { ...typed, ...further }));
          const { model } = readTrainingCheckpoint(run.folder.files.last, optimizerParameters(run.learner.model)[0], optimizerForms);
          return ['embedding.bias', 'embedding.weight'].map((name) => model.get(name)?.values);
        }),
      );
      expect(learnt[0]).not.toEqual(learnt[1]);
    });
  });
});
