import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import type { PythonDict } from '../../src/checkpoint/python-values';
import { readTorchFile, writeTorchFile } from '../../src/checkpoint/torch-file';
import { readWeights } from '../../src/checkpoint/training-checkpoint';
import { formatNpz } from '../../src/data/npz';
import { startRuntime } from '../../src/engine/runtime';
import type { RunRecord } from '../../src/folder/config-file';
import { readTrainingLog } from '../../src/folder/training-log';
import type { TrainingEvent } from '../../src/training/events';
import { PlateauSchedule, withoutBestMetric } from '../../src/training/schedules';
import { clipArrays, inTemporaryFolder } from '../support/clip-files';
import { itWithShared } from '../support/shared';
import { resumeSmall, smallSettings, trainSmall, writeSmallData } from '../support/small-training';

beforeAll(async () => {
  await startRuntime();
});

function writeNames(data: string, glosses: readonly string[], categories: readonly string[] = ['SAID', 'SHOWN']): void {
  const rows = glosses.map((label, id) => `${id},${label},${id % categories.length},${categories[id % categories.length] ?? ''}`);
  writeFileSync(path.join(data, 'labels_reference.csv'), ['gloss_id,label,cat_id,category', ...rows, ''].join('\n'));
}

/** Every file below a folder with the sum of its bytes. */
function contentOf(folder: string): Record<string, string> {
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => statSync(path.join(folder, name)).isFile());
  const sumOf = (name: string): string =>
    createHash('sha256')
      .update(readFileSync(path.join(folder, name)))
      .digest('hex');
  return Object.fromEntries(files.sort().map((name) => [name, sumOf(name)]));
}

function recordOf(file: string): RunRecord['run'] {
  return (JSON.parse(readFileSync(file, 'utf8')) as { run: RunRecord['run'] }).run;
}

/** What was said of the data being another one than before. */
function comparisonsOf(events: readonly TrainingEvent[]): string[] {
  return events.flatMap((event) => (event.kind === 'warning' && event.text.includes('is not the data') ? [event.text] : []));
}

/** A small run on data with names, in `folder/models`. */
async function namedRun(folder: string, typed: Readonly<Record<string, string>> = {}): Promise<{ data: string; last: string }> {
  const data = writeSmallData(folder);
  writeNames(data, ['A', 'B', 'C']);
  const { run } = await trainSmall(smallSettings(folder, { epochs: '2', ...typed }));
  return { data, last: run.folder.files.last };
}

describe('a run whose data has other classes', () => {
  it('is refused with the first differences, and nothing is written', async () => {
    await inTemporaryFolder(async (folder) => {
      const { data, last } = await namedRun(folder);
      const before = contentOf(path.join(folder, 'models'));
      const refusals: [readonly string[], readonly string[], RegExp][] = [
        [
          ['C', 'B', 'A'],
          ['SAID', 'SHOWN'],
          /^--resume .*_last\.pt: the run was trained on other classes than .*data has; .*--init-from .*_last\.pt\ngloss 0: the run knows it as A, the data as C\ngloss 2: the run knows it as C, the data as A$/,
        ],
        [['X', 'Y', 'Z'], ['SAID', 'SHOWN'], /\ngloss 0: the run knows it as A, the data as X\n/],
        [['A', 'B', 'C'], ['SAID', 'SIGNED'], /has; [^\n]*\ncategory 1: the run knows it as SHOWN, the data as SIGNED$/],
        [['A', 'B', 'C', 'D'], ['SAID', 'SHOWN'], /\ngloss: the run has 3 classes, the data 4$/],
      ];
      for (const [glosses, categories, refusal] of refusals) {
        writeNames(data, glosses, categories);
        await expect(resumeSmall(last, { epochs: '4' })).rejects.toThrow(refusal);
      }
      await expect(resumeSmall(last, { epochs: '4', data: 'none' })).rejects.toThrow(
        /synthetic demo set has; .*\ngloss: the run has 3 classes, the data 105/,
      );
      rmSync(path.join(data, 'labels_reference.csv'));
      const labels = path.join(data, 'train_labels.csv');
      writeFileSync(labels, readFileSync(labels, 'utf8').replace('train_0,0,', 'train_0,5,'));
      await expect(resumeSmall(last, { epochs: '4' })).rejects.toThrow(/\ngloss: the run has 3 classes, the data 6$/);
      expect(contentOf(path.join(folder, 'models'))).toEqual(before);
      expect(readdirSync(path.join(folder, 'models')).filter((name) => name.endsWith('.lock'))).toEqual([]);
    });
  });

  it('is refused where the data names fewer classes than the run', async () => {
    await inTemporaryFolder(async (folder) => {
      const { data, last } = await namedRun(folder);
      for (const name of ['train_labels.csv', 'val_labels.csv']) {
        const file = path.join(data, name);
        writeFileSync(file, readFileSync(file, 'utf8').replaceAll(/,2,([01])/g, ',1,$1'));
      }
      writeNames(data, ['A', 'B']);
      await expect(resumeSmall(last, { epochs: '4' })).rejects.toThrow(/\ngloss: the run has 3 classes, the data 2$/);
    });
  });

  for (const set of ['permuted-ids', 'other-names']) {
    itWithShared(`cases/sets/${set}`, `is refused on ${set}`, async (data) => {
      await inTemporaryFolder(async (folder) => {
        const { run } = await trainSmall(smallSettings(folder, { data: path.join(data, '../ok'), epochs: '1' }));
        const before = contentOf(path.join(folder, 'models'));
        await expect(resumeSmall(run.folder.files.last, { epochs: '4', data })).rejects.toThrow(
          /\ngloss 0: the run knows it as A, the data as [CX]\n/,
        );
        expect(contentOf(path.join(folder, 'models'))).toEqual(before);
      });
    });
  }
});

describe('the names of a run', () => {
  it('stay where its data has none any more, in its checkpoints and its record', async () => {
    await inTemporaryFolder(async (folder) => {
      const { data, last } = await namedRun(folder);
      rmSync(path.join(data, 'labels_reference.csv'));
      const { run } = await resumeSmall(last, { epochs: '3' });
      expect(run.folder.files.last).toBe(last);
      expect(readWeights(last).config).toMatchObject({ gloss_labels: ['A', 'B', 'C'], category_labels: ['SAID', 'SHOWN'] });
      expect(recordOf(run.folder.files.config)).toMatchObject({ gloss_labels: ['A', 'B', 'C'], category_labels: ['SAID', 'SHOWN'] });
    });
  });

  it('are those of its data where it had none, also where it has more classes than its data names', async () => {
    await inTemporaryFolder(async (folder) => {
      const data = writeSmallData(folder);
      const { run } = await trainSmall(smallSettings(folder, { epochs: '1', num_gloss: '4' }));
      expect(recordOf(run.folder.files.config).gloss_labels).toEqual(['gloss 0', 'gloss 1', 'gloss 2', 'gloss 3']);
      writeNames(data, ['A', 'B', 'C']);
      await resumeSmall(run.folder.files.last, { epochs: '2' });
      expect(readWeights(run.folder.files.last).config).toMatchObject({
        gloss_labels: ['A', 'B', 'C', 'gloss 3'],
        category_labels: ['SAID', 'SHOWN'],
      });
    });
  });
});

describe('a run whose data is not what it was', () => {
  it('goes on in a new folder where the validation clips are others, and finds its best epoch anew', async () => {
    await inTemporaryFolder(async (folder) => {
      const { data, last } = await namedRun(folder, { lr: '1e-9', scheduler: 'plateau', plateau_patience: '0', early_stop: '3' });
      const old = path.dirname(last);
      const before = contentOf(old);
      writeFileSync(path.join(data, 'keypoints_val', 'val_0.npz'), formatNpz(clipArrays(9, 77)));
      const events: TrainingEvent[] = [];
      const { run, end } = await resumeSmall(last, { epochs: '4' }, { onEvent: (event) => events.push(event) });
      expect(end).toBe('finished');
      expect(contentOf(old)).toEqual(before);
      expect(path.basename(run.folder.files.folder)).toBe('transformer_baseline-2_09-20');
      expect(comparisonsOf(events)).toEqual([
        expect.stringMatching(
          /data is not the data that .*_last\.pt was trained on so far .*; its validation clips are others: the training goes on in a new folder/,
        ),
      ]);
      expect(events.filter(({ kind }) => kind === 'epoch-end')).toMatchObject([
        { epoch: 3, best: true, bestEpoch: 3 },
        { epoch: 4, bestEpoch: 3 },
      ]);
      expect(readWeights(run.folder.files.best)).toMatchObject({
        epoch: 3,
        bestMetric: readTrainingLog(run.folder.files.log)[0]?.gloss_acc,
      });
      expect(readTrainingLog(run.folder.files.log).map(({ epoch }) => epoch)).toEqual([3, 4]);
      expect(recordOf(run.folder.files.config).data.validation_fingerprint).toBe(run.data.dataset.validationFingerprint);
      const { run: further } = await resumeSmall(run.folder.files.last, { epochs: '5' });
      expect(further.folder.files.folder).toBe(run.folder.files.folder);
    });
  });

  it('stays in its folder where only training clips are others, and its best stays what must be beaten', async () => {
    await inTemporaryFolder(async (folder) => {
      const { data, last } = await namedRun(folder, { lr: '1e-9' });
      writeFileSync(path.join(data, 'keypoints_train', 'train_0.npz'), formatNpz(clipArrays(9, 77)));
      const events: TrainingEvent[] = [];
      const { run } = await resumeSmall(last, { epochs: '3' }, { onEvent: (event) => events.push(event) });
      expect(run.folder.files.last).toBe(last);
      expect(comparisonsOf(events)).toEqual([expect.stringMatching(/its validation clips are the same: the best epoch stays/)]);
      expect(readWeights(last).config?.['progress']).toMatchObject({ best_epoch: 1 });
    });
  });

  it('takes a checkpoint that did not record its validation clips for one of others, unless all clips are the same', async () => {
    await inTemporaryFolder(async (folder) => {
      const { data, last } = await namedRun(folder);
      const forget = (): void => {
        readTorchFile(last, (value) => {
          const config = value instanceof Map ? (value.get('config') as PythonDict) : undefined;
          expect((config?.get('data') as PythonDict).delete('validation_fingerprint')).toBe(true);
          writeTorchFile(last, value);
        });
      };
      forget();
      const { run: same } = await resumeSmall(last, { epochs: '3' });
      expect(same.folder.files.last).toBe(last);
      writeFileSync(path.join(data, 'keypoints_train', 'train_0.npz'), formatNpz(clipArrays(9, 77)));
      forget();
      const { run: unsure } = await resumeSmall(last, { epochs: '4' });
      expect(unsure.folder.files.folder).not.toBe(same.folder.files.folder);
      expect(readWeights(unsure.folder.files.best).epoch).toBe(4);
    });
  });

  it('goes on bit for bit where the same clips lie elsewhere', async () => {
    await inTemporaryFolder(async (folder) => {
      const { data, last } = await namedRun(folder);
      const { run: whole } = await trainSmall(smallSettings(folder, { epochs: '4', description: 'whole' }));
      const moved = path.join(folder, 'moved');
      renameSync(data, moved);
      const { run } = await resumeSmall(last, { epochs: '4', data: moved });
      expect(run.folder.files.last).toBe(last);
      expect([...readWeights(last).model]).toEqual([...readWeights(whole.folder.files.last).model]);
    });
  });
});

describe('the plateau schedule of a run with other validation clips', () => {
  it('keeps its rate and compares with nothing of before', () => {
    const schedule = new PlateauSchedule(1e-3, 0.5, 0);
    schedule.endEpoch(0.9);
    schedule.endEpoch(0.5);
    expect(schedule.learningRate).toBe(5e-4);
    const onOthers = new PlateauSchedule(1e-3, 0.5, 0);
    onOthers.loadStateDict(withoutBestMetric({ ...schedule.stateDict() }));
    onOthers.endEpoch(0.1);
    expect(onOthers.learningRate).toBe(5e-4);
    onOthers.endEpoch(0.1);
    expect(onOthers.learningRate).toBe(2.5e-4);
    expect(withoutBestMetric({ last_epoch: 3 })).toEqual({ last_epoch: 3 });
  });
});
