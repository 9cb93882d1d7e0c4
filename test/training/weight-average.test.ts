import { readFileSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { readTrainingCheckpoint, readWeights } from '../../src/checkpoint/training-checkpoint';
import { readTorchFile } from '../../src/checkpoint/torch-file';
import { optimizerForms } from '../../src/engine/optimizers/table';
import { startRuntime } from '../../src/engine/runtime';
import { modelOfFile } from '../../src/evaluation/loaded-model';
import { elementAt, required } from '../../src/foundation/required';
import { optimizerParameters } from '../../src/models/model';
import { readResumePoint } from '../../src/training/resume';
import { evaluateRun } from '../../src/training/run';
import { promote } from '../../src/zoo/registry';
import { inTemporaryFolder } from '../support/clip-files';
import { resumeSmall, smallSettings, trainSmall, writeSmallData } from '../support/small-training';

beforeAll(async () => {
  await startRuntime();
});

const typed = { ema: 'true', ema_decay: '0.9', lr: '1e-2' };

describe('a training that keeps an average of its weights', () => {
  it('is judged by it: _best.pt is of the average, _last.pt of what is trained, with the other beside it', async () => {
    await inTemporaryFolder(async (folder) => {
      writeSmallData(folder, { train: 20, val: 8 });
      const { run } = await trainSmall(smallSettings(folder, typed));
      const { best, last, log } = run.folder.files;
      const names = optimizerParameters(run.learner.model)[0];
      const keysOf = (file: string): unknown[] => readTorchFile(file, (value) => (value instanceof Map ? [...value.keys()] : []));
      expect(keysOf(best)).toEqual(['epoch', 'model', 'raw', 'optimizer', 'scheduler', 'scaler', 'best_metric', 'args', 'config']);
      expect(keysOf(last)).toEqual(['epoch', 'model', 'ema', 'optimizer', 'scheduler', 'scaler', 'best_metric', 'args', 'config']);
      for (const file of [best, last]) {
        const { model, average } = readTrainingCheckpoint(file, names, optimizerForms);
        expect([...required(average, 'the average').keys()]).toEqual([...model.keys()]);
        expect(average?.get('embedding.weight')).not.toEqual(model.get('embedding.weight'));
        expect(average?.get('pos_encoder.pe')).toEqual(model.get('pos_encoder.pe'));
      }
      const { average } = readTrainingCheckpoint(best, names, optimizerForms);
      expect(readWeights(best)).toMatchObject({ model: average, notes: [] });
      expect(modelOfFile(best).notes).toEqual([]);
      expect(modelOfFile(last).notes).toEqual([
        'it holds averaged weights too, under ema: those under model were taken; --key ema takes the others',
      ]);
      expect(readResumePoint(last, {}).notes).toEqual([]);

      const name = path.basename(run.folder.files.folder);
      await promote(name, { root: path.dirname(run.folder.files.folder) });
      expect(readWeights(path.join(run.folder.files.folder, 'SignTransformer_production.pt')).model).toEqual(average);

      const { gloss } = await evaluateRun(run);
      const row = readFileSync(log, 'utf8').trim().split('\n')[readWeights(best).epoch ?? NaN];
      expect(gloss.metrics.accuracy).toBeCloseTo(Number(elementAt(required(row, 'the row of the best epoch').split(','), 3)), 12);
    });
  });

  it('goes on from _best.pt with the weights that were trained', async () => {
    await inTemporaryFolder(async (folder) => {
      writeSmallData(folder, { train: 20, val: 8 });
      const { run } = await trainSmall(smallSettings(folder, { ...typed, epochs: '1' }));
      const { run: branch } = await resumeSmall(run.folder.files.best, { epochs: '2' });
      const { run: straight } = await resumeSmall(run.folder.files.last, { epochs: '2' });
      const names = optimizerParameters(run.learner.model)[0];
      const [one, other] = [branch, straight].map(({ folder: { files } }) => readTrainingCheckpoint(files.last, names, optimizerForms));
      expect(one?.model).toEqual(other?.model);
      expect(one?.average).toEqual(other?.average);
    });
  });

  it('learns what a training without one learns', async () => {
    await inTemporaryFolder(async (folder) => {
      writeSmallData(folder, { train: 20, val: 8 });
      const { run: averaged } = await trainSmall(smallSettings(folder, { ...typed, epochs: '1' }));
      const { run: plain } = await trainSmall(smallSettings(folder, { lr: '1e-2', epochs: '1' }));
      expect(readWeights(averaged.folder.files.last).model).toEqual(readWeights(plain.folder.files.last).model);
      expect(readWeights(averaged.folder.files.best).model).not.toEqual(readWeights(plain.folder.files.best).model);
      const { run: shorter } = await trainSmall(smallSettings(folder, { ...typed, ema_decay: '0.2', epochs: '1' }));
      expect(readWeights(shorter.folder.files.best).model).not.toEqual(readWeights(averaged.folder.files.best).model);
    });
  });
});
