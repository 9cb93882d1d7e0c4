import { readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { readTrainingCheckpoint, readWeights } from '../../src/checkpoint/training-checkpoint';
import { clipFolders } from '../../src/config/data-settings';
import type { Settings } from '../../src/config/model-settings';
import { resolveSettings } from '../../src/config/resolve';
import { optimizerForms } from '../../src/engine/optimizers/table';
import { startRuntime } from '../../src/engine/runtime';
import { evaluate, evaluateModel } from '../../src/evaluation/evaluate';
import { modelOfFile } from '../../src/evaluation/loaded-model';
import { predictClips } from '../../src/evaluation/predict-clips';
import { ownModels } from '../../src/models/model-table';
import type { TrainingRun } from '../../src/training/run';
import { inTemporaryFolder } from '../support/clip-files';
import { writeFeatures } from '../support/feature-files';
import { openFolder } from '../support/open-folder';
import { resumeSmall, trainSmall } from '../support/small-training';

beforeAll(async () => {
  await startRuntime();
});

function settingsIn(folder: string, typed: Readonly<Record<string, string>> = {}): Settings {
  return resolveSettings(
    {
      commandLine: {
        model: 'iv3_gru',
        data: path.join(folder, 'data'),
        save_dir: path.join(folder, 'models'),
        gru_hidden: '6',
        hidden2: '5',
        batch_size: '4',
        num_buckets: '2',
        lr: '1e-2',
        epochs: '4',
        ...typed,
      },
    },
    ownModels,
  ).settings;
}

/** Everything that must not differ, bit for bit. */
function outcome({ learner: { model }, folder: { files } }: TrainingRun): unknown {
  const names = model.parameters.filter(({ trainable }) => trainable).map(({ name }) => name);
  const { model: weights, optimizer, scheduler, epoch, config } = readTrainingCheckpoint(files.last, names, optimizerForms);
  return { weights: [...weights], optimizer, scheduler, epoch, progress: config['progress'], log: readFileSync(files.log, 'utf8') };
}

describe('a training of the InceptionV3GRU on features', () => {
  it('leaves a folder of its own, and its checkpoints are evaluated and recognise clips', async () => {
    await inTemporaryFolder(async (folder) => {
      writeFeatures(folder);
      const { run, end } = await trainSmall(settingsIn(folder));
      expect(end).toBe('finished');
      expect(path.relative(folder, run.folder.files.best)).toBe(path.join('models', 'iv3_gru_baseline_09-20', 'InceptionV3GRU_best.pt'));
      expect(readFileSync(run.folder.files.readme, 'utf8')).toContain('An InceptionV3GRU that recognises 3 glosses');
      const loaded = modelOfFile(run.folder.files.last);
      expect(loaded).toMatchObject({
        name: 'iv3_gru',
        assumptions: [],
        model: { config: { hidden1: 6, hidden2: 5, dropout: 0.3, backbone: false } },
      });
      expect([...readWeights(run.folder.files.last).model.keys()].slice(0, 2)).toEqual(['gru1.weight_ih_l0', 'gru1.weight_hh_l0']);
      const dataset = await openFolder(path.join(folder, 'data'), {
        key: 'X2048',
        width: 2048,
        layout: clipFolders('features'),
      });
      const { scores } = await evaluateModel(loaded, dataset, 4);
      expect(scores.gloss.accuracy).toBe(run.folder.rows.at(-1)?.gloss_acc);
      const [prediction] = await predictClips(loaded, [path.join(folder, 'data/features_val/val_0.npz')], { key: 'X2048', topK: 0 });
      expect(prediction?.gloss).toHaveLength(3);
    });
  });

  it('takes a share of the clips to validate, and keeps it', async () => {
    await inTemporaryFolder(async (folder) => {
      writeFeatures(folder);
      for (const own of ['features_val', 'val_labels.csv']) rmSync(path.join(folder, 'data', own), { recursive: true });
      const { run } = await trainSmall(settingsIn(folder, { epochs: '1', val_share: '0.2' }));
      const { train, validation } = run.data;
      const names = validation.set.entries.map(({ name }) => name);
      expect([train.set.entries.length, names.length]).toEqual([11, 3]);
      const { run: resumed } = await resumeSmall(run.folder.files.last, { epochs: '2' });
      expect(resumed.data.validation.set.entries.map(({ name }) => name)).toEqual(names);
      const { result } = await evaluate({ model: run.folder.files.folder });
      expect(result.clips.map(({ name }) => name)).toEqual(names);
    });
  });

  it('is, stopped and gone on with, bit for bit the training that was not; and the same where clips are read as they are needed', async () => {
    await inTemporaryFolder(async (folder) => {
      writeFeatures(folder, 'keypoints');
      const { run: whole } = await trainSmall(settingsIn(folder, { description: 'whole' }));
      const { run: first } = await trainSmall(settingsIn(folder, { description: 'parts', epochs: '2' }));
      const { run: second } = await resumeSmall(first.folder.files.last, { epochs: '4' });
      expect(outcome(second)).toEqual(outcome(whole));
      const { run: streamed } = await trainSmall(settingsIn(folder, { description: 'streamed', memory_budget_mb: '0.001' }));
      expect(streamed.data.train.set.values).toBeUndefined();
      expect(outcome(streamed)).toEqual(outcome(whole));
    });
  });
});
