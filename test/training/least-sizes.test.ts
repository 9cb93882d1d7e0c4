import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { readWeights } from '../../src/checkpoint/training-checkpoint';
import { resolveSettings } from '../../src/config/resolve';
import { startRuntime } from '../../src/engine/runtime';
import { readTrainingLog } from '../../src/folder/training-log';
import { ownModels } from '../../src/models/model-table';
import { evaluateRun, type TrainingRun } from '../../src/training/run';
import { inTemporaryFolder, writeDataFolder } from '../support/clip-files';
import { writeFeatures } from '../support/feature-files';
import { smallSettings, trainSmall } from '../support/small-training';

beforeAll(async () => {
  await startRuntime();
});

/** The smallest SignTransformer that the settings allow. */
const LEAST = { emb_dim: '2', num_heads: '1', num_layers: '1', ff_dim: '1', batch_size: '1', epochs: '1' };

function expectFiniteWeights({ folder: { files } }: TrainingRun): void {
  for (const [name, { values }] of readWeights(files.last).model) expect([name, values.every(Number.isFinite)]).toEqual([name, true]);
}

describe('the least that can be trained on', () => {
  it.each(['ce', 'focal', 'label_smoothing'])(
    'is one clip of one frame, one gloss and one category, captured and eager: %s',
    async (loss) => {
      await inTemporaryFolder(async (folder) => {
        const clip = { gloss: 0, category: 0, frames: 1 };
        writeDataFolder(path.join(folder, 'data'), { train: [{ name: 'learnt', ...clip }], val: [{ name: 'judged', ...clip }] });
        for (const compiled of ['true', 'false']) {
          const typed = { ...LEAST, loss, compile_model: compiled, focal_gamma: '0.5', grad_clip: '1', description: `least-${compiled}` };
          const { run } = await trainSmall(smallSettings(folder, typed));
          expect(readTrainingLog(run.folder.files.log)).toMatchObject([{ train_loss: 0, val_loss: 0, gloss_acc: 1, cat_acc: 1 }]);
          expectFiniteWeights(run);
        }
      });
    },
  );

  it('is one category of several glosses, whose training goes on to be evaluated', async () => {
    await inTemporaryFolder(async (folder) => {
      const clips = (split: string, count: number): { name: string; gloss: number; category: number; frames: number }[] =>
        Array.from({ length: count }, (_, index) => ({ name: `${split}_${index}`, gloss: index % 3, category: 0, frames: 4 }));
      writeDataFolder(path.join(folder, 'data'), { train: clips('train', 6), val: clips('val', 3) });
      const { run } = await trainSmall(smallSettings(folder, { epochs: '2' }));
      const [row] = readTrainingLog(run.folder.files.log);
      expect(row?.train_loss).toBeGreaterThan(0.1);
      expect(row?.cat_acc).toBe(1);
      const result = await evaluateRun(run);
      expect(result.category.metrics).toMatchObject({ accuracy: 1, loss: 0, accuracy_ci95_low: 1, expected_calibration_error: 0 });
      expect(result.category.metrics.cohen_kappa).toBeNaN();
    });
  });

  it('is one class a head for an InceptionV3-GRU of one unit', async () => {
    await inTemporaryFolder(async (folder) => {
      writeFeatures(folder);
      const data = path.join(folder, 'data');
      for (const file of ['train_labels.csv', 'val_labels.csv'].map((name) => path.join(data, name))) {
        writeFileSync(file, readFileSync(file, 'utf8').replaceAll(/,\d,\d$/gm, ',0,0'));
      }
      for (const compiled of ['true', 'false']) {
        const commandLine = {
          ...{ model: 'iv3_gru', data, save_dir: path.join(folder, 'models'), hidden1: '1', hidden2: '1' },
          ...{ epochs: '1', compile_model: compiled, description: `least-${compiled}` },
        };
        const { run } = await trainSmall(resolveSettings({ commandLine }, ownModels).settings);
        expect(readTrainingLog(run.folder.files.log)).toMatchObject([{ train_loss: 0, val_loss: 0, gloss_acc: 1, cat_acc: 1 }]);
        expectFiniteWeights(run);
      }
    });
  });

  it('is not a class token alone: with pooling cls a clip keeps a place', () => {
    expect(() => smallSettings('/nowhere', { pooling: 'cls', max_len: '1' })).toThrow(
      '--max-len: expected at least 2 with pooling cls, whose class token takes a place, found 1',
    );
    expect(smallSettings('/nowhere', { pooling: 'cls', max_len: '2' })).toMatchObject({ pooling: 'cls', max_len: 2 });
  });
});
