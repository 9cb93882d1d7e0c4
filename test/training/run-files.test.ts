import { mkdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { createRunFolder } from '../../src/folder/folder-name';
import { checkpointToResume, newestCheckpoint } from '../../src/folder/named-checkpoint';
import { MetricsLog, readTrainingLog, TrainingLog } from '../../src/folder/training-log';
import { updateOf } from '../../src/training/training-loop';
import { inTemporaryFolder } from '../support/clip-files';

describe('a run’s folder', () => {
  it('is named after model, description and day, and never taken twice', async () => {
    await inTemporaryFolder((folder) => {
      const make = (): { folder: string; description: string } =>
        createRunFolder(path.join(folder, 'deep', 'er'), 'transformer', 'baseline', new Date(2024, 0, 5));
      expect(make()).toEqual({ folder: path.join(folder, 'deep/er/transformer_baseline_01-05'), description: 'baseline' });
      expect(make()).toEqual({ folder: path.join(folder, 'deep/er/transformer_baseline-2_01-05'), description: 'baseline-2' });
      expect(make().description).toBe('baseline-3');
      writeFileSync(path.join(folder, 'file'), '');
      expect(() => createRunFolder(path.join(folder, 'file'), 'transformer', 'x', new Date())).toThrow(
        /--save-dir .*file: no folder can be made/,
      );
    });
  });

  it('is found again by its name, its file, or as the newest', async () => {
    await inTemporaryFolder((folder) => {
      const runs = ['one', 'two'].map((name, index) => {
        const file = path.join(folder, 'models', name, 'Model_last.pt');
        mkdirSync(path.dirname(file), { recursive: true });
        writeFileSync(file, '');
        utimesSync(file, 1000 - index, 1000 - index);
        return file;
      });
      expect(newestCheckpoint([path.join(folder, 'models'), path.join(folder, 'absent')])).toBe(runs[0]);
      expect(checkpointToResume(path.join(folder, 'models', 'two'))).toBe(runs[1]);
      expect(checkpointToResume(runs[1] ?? '')).toBe(runs[1]);
      expect(() => checkpointToResume(path.join(folder, 'three'))).toThrow('no such file or folder');
      expect(() => checkpointToResume(folder)).toThrow(/no checkpoint that ends in _last.pt/);
      expect(newestCheckpoint([path.join(folder, 'absent')])).toBeUndefined();
    });
  });
});

describe('the logs', () => {
  const row = { epoch: 1, train_loss: 1.5, val_loss: 1.25, gloss_acc: 0.5, cat_acc: 0.75, lr: 3e-4 };

  it('keep what a checkpoint stands for, and drop what was logged beyond it', async () => {
    await inTemporaryFolder((folder) => {
      const file = path.join(folder, 'training_log.txt');
      const log = new TrainingLog(file, 0);
      for (const epoch of [1, 2, 3]) log.append({ ...row, epoch });
      expect(readFileSync(file, 'utf8').split('\n')[1]).toBe('1,1.5,1.25,0.5,0.75,0.0003');
      const again = new TrainingLog(file, 2);
      again.append({ ...row, epoch: 3, val_loss: 9 });
      expect(readTrainingLog(file).map(({ epoch, val_loss }) => [epoch, val_loss])).toEqual([
        [1, 1.25],
        [2, 1.25],
        [3, 9],
      ]);
    });
  });

  it('of metrics survive a line that a crash cut off', async () => {
    await inTemporaryFolder((folder) => {
      const file = path.join(folder, 'metrics.jsonl');
      writeFileSync(file, '{"epoch":1}\n{"epoch":2}\n{"epoch":3}\n{"epo');
      new MetricsLog(file, 2);
      expect(readFileSync(file, 'utf8')).toBe('{"epoch":1}\n{"epoch":2}\n');
    });
  });

  it('are refused where they are none', async () => {
    await inTemporaryFolder((folder) => {
      const file = path.join(folder, 'training_log.txt');
      writeFileSync(file, 'epoch,loss\n1,2\n');
      expect(() => readTrainingLog(file)).toThrow(/expected the columns epoch,train_loss/);
      writeFileSync(file, 'epoch,train_loss,val_loss,gloss_acc,cat_acc,lr\n1,2,3,4,5,6\nx\n');
      expect(() => readTrainingLog(file)).toThrow(/line 3: expected an epoch’s|line 3: expected an epoch's/);
    });
  });
});

describe('accumulation', () => {
  it('gathers whole groups, and a smaller one at the end of the epoch', () => {
    expect([0, 1, 2, 3, 4].map((batch) => updateOf(batch, 5, 2))).toEqual([
      { gradientScale: 0.5, apply: false },
      { gradientScale: 0.5, apply: true },
      { gradientScale: 0.5, apply: false },
      { gradientScale: 0.5, apply: true },
      { gradientScale: 1, apply: true },
    ]);
    expect(updateOf(3, 5, 1)).toEqual({ gradientScale: 1, apply: true });
  });
});
