import { existsSync, mkdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { compareCurves } from '../../src/evaluation/compare/compare-curves';
import { trainingLogText } from '../../src/folder/training-log';
import { inTemporaryFolder } from '../support/clip-files';
import { sharedCommands } from '../support/commands';

const { kumpasIn } = sharedCommands();

/** Writes the log of a training that reached these accuracies. */
function writeTraining(folder: string, name: string, accuracies: readonly number[]): string {
  const place = path.join(folder, 'trained_models/transformer', name);
  mkdirSync(place, { recursive: true });
  const rows = accuracies.map((gloss_acc, index) => ({
    epoch: index + 1,
    train_loss: 1 / (index + 1),
    val_loss: 2 / (index + 1),
    gloss_acc,
    cat_acc: gloss_acc,
    lr: 1e-3,
  }));
  writeFileSync(path.join(place, 'training_log.txt'), trainingLogText(rows));
  return place;
}

describe('the curves of several trainings', () => {
  it('are set side by side with the best epoch of each, and drawn', async () => {
    await inTemporaryFolder(async (folder) => {
      const models = [writeTraining(folder, 'one', [0.1, 0.7, 0.7, 0.5]), writeTraining(folder, 'two', [0.3])];
      const { runs, files } = await compareCurves({ models, out: path.join(folder, 'out') });
      expect(runs.map(({ title, points, best }) => [title, points.length, best.epoch, best.gloss_acc])).toEqual([
        ['one', 4, 2, 0.7],
        ['two', 1, 1, 0.3],
      ]);
      expect(files).toEqual([path.join(folder, 'out/comparison_curves.png')]);
      expect(readFileSync(files[0] ?? '').subarray(1, 4)).toEqual(Buffer.from('PNG'));
      expect((await compareCurves({ models })).files).toEqual([]);
    });
  });

  it('are those of the newest where none is named', async () => {
    await inTemporaryFolder(async (folder) => {
      for (let run = 0; run < 7; run++) {
        const place = writeTraining(folder, `run-${run}`, [0.1 * run, 0.05]);
        utimesSync(path.join(place, 'training_log.txt'), 1000 + run, 1000 + run);
      }
      const { code, output } = await kumpasIn(folder, 'compare', '--curves');
      expect(code).toBe(0);
      expect(output.match(/run-\d/g)).toEqual(['run-6', 'run-5', 'run-4', 'run-3', 'run-2']);
      expect(output).toMatch(/^ {2}run-6 +2 +1 +60\.0 % +5\.0 % +1\.000$/m);
      expect(existsSync(path.join(folder, 'comparison_curves.png'))).toBe(true);
      const { output: document } = await kumpasIn(folder, 'compare', '--curves', 'run-0', 'run-3', '--json');
      expect((JSON.parse(document) as { runs: { title: string }[] }).runs.map(({ title }) => title)).toEqual(['run-0', 'run-3']);
    });
  });

  it('are refused where there are none, or too many', async () => {
    await inTemporaryFolder(async (folder) => {
      const models = [writeTraining(folder, 'one', [])];
      await expect(compareCurves({ models })).rejects.toThrow(/one: there is no log of a training in it, or no epoch has ended$/);
      await expect(compareCurves({ models: [] })).rejects.toThrow('expected the folders of trainings to show, found none');
      await expect(compareCurves({ models: Array<string>(13).fill(models[0] ?? '') })).rejects.toThrow(
        'expected at most 12 trainings, found 13',
      );
      await expect(compareCurves({ models: ['/no/such'] })).rejects.toThrow('/no/such: no such file or folder');
    });
  });
});
