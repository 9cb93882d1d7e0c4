import { copyFileSync, cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { resolveSettings } from '../../src/config/resolve';
import { exportCheckpoint } from '../../src/conversion/export-checkpoint';
import { importCheckpoint } from '../../src/conversion/import-checkpoint';
import { startRuntime } from '../../src/engine/runtime';
import { UserError } from '../../src/foundation/errors';
import { ownModels } from '../../src/models/model-table';
import type { TrainingEvent } from '../../src/training/events';
import { evaluateRun } from '../../src/training/run';
import { archiveModel } from '../../src/zoo/archive/archive-model';
import { packModel } from '../../src/zoo/pack/pack-model';
import { unpackModel } from '../../src/zoo/pack/unpack-model';
import { inTemporaryFolder } from '../support/clip-files';
import { writeFeatures } from '../support/feature-files';
import { importOptions } from '../support/import-options';
import { torchFolder } from '../support/parity';
import { findingsOf, later } from '../support/small-registry';
import { resumeSmall, smallSettings, trainSmall, writeSmallData } from '../support/small-training';

beforeAll(async () => {
  await startRuntime();
});

/** Aborts at an event of a kind, the first time or a later one. */
function abortAt(kind: TrainingEvent['kind'], time = 1): { signal: AbortSignal; onEvent: (event: TrainingEvent) => void } {
  const controller = new AbortController();
  let count = 0;
  const onEvent = (event: TrainingEvent): void => {
    if (event.kind === kind && ++count === time) controller.abort();
  };
  return { signal: controller.signal, onEvent };
}

describe('a check', () => {
  it('is clean on what trainings leave: finished, interrupted, resumed, branched off, stopped early, killed', async () => {
    await inTemporaryFolder(async (folder) => {
      writeSmallData(folder);
      const root = path.join(folder, 'models');
      const settings = (description: string, typed: Readonly<Record<string, string>> = {}): ReturnType<typeof smallSettings> =>
        smallSettings(folder, { save_dir: path.join(root, 'transformer'), description, ...typed });
      const finished = await trainSmall(settings('finished'));
      await evaluateRun(finished.run);
      expect(await findingsOf(root)).toEqual([]);

      const early = await trainSmall(settings('early', { epochs: '12', early_stop: '1' }));
      expect(early.end).toBe('stopped early');
      await evaluateRun(early.run);
      const going = abortAt('epoch-end', 2);
      const paused = await trainSmall(settings('paused', { epochs: '5' }), going);
      expect(paused.end).toBe('interrupted');
      expect(await findingsOf(root)).toEqual([]);

      // One epoch more, and one that begins from another's best in a folder of its own.
      await resumeSmall(paused.run.folder.files.last, { epochs: '3' });
      const branch = await resumeSmall(finished.run.folder.files.best, { epochs: '5', description: 'branch' });
      await evaluateRun(branch.run);
      const other = path.join(folder, 'given.pt');
      copyFileSync(early.run.folder.files.last, other);
      await resumeSmall(other, { epochs: '14', description: 'continued' });
      expect((await findingsOf(root)).filter((finding) => !finding.startsWith('remark'))).toEqual([]);

      // In the middle of the first epoch; and killed between the log and the checkpoint.
      const first = await trainSmall(settings('first'), abortAt('epoch-start'));
      expect(first.end).toBe('interrupted');
      const killed = path.join(root, 'transformer', 'transformer_killed_09-20');
      cpSync(finished.run.folder.files.folder, killed, { recursive: true });
      const record = path.join(killed, 'config.json');
      writeFileSync(record, readFileSync(record, 'utf8').replaceAll('transformer_finished_09-20', 'transformer_killed_09-20'));
      const log = path.join(killed, 'training_log.txt');
      writeFileSync(log, `${readFileSync(log, 'utf8')}4,1,1,0.1,0.1,0.001\n`);
      const lines = await findingsOf(root);
      expect(lines.filter((finding) => !finding.startsWith('remark'))).toEqual([]);
      expect(lines).toEqual(
        expect.arrayContaining([
          expect.stringMatching(/^remark transformer_first_09-20: training_log\.txt: it is not there: no epoch has ended/),
          expect.stringMatching(
            /^remark transformer_killed_09-20: training_log\.txt: the training was stopped while epoch 4 was being saved/,
          ),
        ]),
      );
    });
  });

  it('is clean on the InceptionV3-GRU, exports, archives, and what is unpacked and trained further', async () => {
    await inTemporaryFolder(async (folder) => {
      writeFeatures(folder);
      const root = path.join(folder, 'models');
      const small = { gru_hidden: '6', hidden2: '5', batch_size: '4', num_buckets: '2', lr: '1e-2', epochs: '2' };
      const { settings } = resolveSettings(
        {
          commandLine: { model: 'iv3_gru', data: path.join(folder, 'data'), save_dir: path.join(root, 'iv3_gru'), ...small },
        },
        ownModels,
      );
      const { run } = await trainSmall(settings);
      await evaluateRun(run);
      const request = {
        file: run.folder.files.best,
        dtype: 'float16',
        weightsOnly: true,
        out: undefined,
        shape: {},
        batchSize: 1,
        frames: 8,
      } as const;
      for (const format of ['torch', 'safetensors', 'saved-model'] as const)
        exportCheckpoint({ ...request, format, dtype: format === 'saved-model' ? 'float32' : 'float16' });
      expect(await findingsOf(root)).toEqual([]);

      const model = { name: path.basename(run.folder.files.folder), folder: run.folder.files.folder };
      const out = path.join(folder, 'pack.tar.gz');
      const packed = await packModel({ model, out, withLast: true, kumpas: '0.0.0' });
      expect(packed.leftOut.every((file) => file.startsWith('exports/'))).toBe(true);
      const elsewhere = path.join(folder, 'elsewhere');
      const unpacked = await unpackModel(out, elsewhere, undefined);
      expect(await findingsOf(elsewhere)).toEqual([]);
      const further = await resumeSmall(path.join(unpacked.folder, path.basename(run.folder.files.last)), { epochs: '3' });
      await evaluateRun(further.run);
      expect((await findingsOf(elsewhere)).filter((finding) => !finding.startsWith('remark'))).toEqual([]);

      await archiveModel(root, model, { now: later(), kumpas: '0.0.0' });
      expect(await findingsOf(root)).toEqual([]);
    });
  });

  it('is clean on imports of every kind, with a log and without, of a state and of weights alone', async () => {
    await inTemporaryFolder(async (folder) => {
      const log = path.join(folder, 'old.csv');
      const rows = Array.from({ length: 12 }, (_, index) => `${index + 1},1,${2 - index / 12},${index === 8 ? 0.9 : 0.5},0.75,0.001,3`);
      const header = ['# Configuration: epochs=40', 'epoch,train_loss,val_loss,val_gloss_acc,val_cat_acc,lr,epoch_time'];
      writeFileSync(log, [...header, ...rows].join('\n'));
      let imported = 0;
      for (const name of readdirSync(torchFolder).filter((file) => !file.startsWith('bad_') && file !== 'every_dtype.pt')) {
        const description = name.replace(/\W/g, '-');
        const type = name.startsWith('iv3') ? 'iv3_gru' : 'transformer';
        const options = importOptions(path.join(folder, 'models', type), { description });
        try {
          await importCheckpoint({ best: path.join(torchFolder, name), log: undefined }, options);
          if (type === 'transformer')
            await importCheckpoint({ best: path.join(torchFolder, name), log }, { ...options, description: `${description}-log` });
          imported++;
        } catch (error) {
          if (!(error instanceof UserError)) throw error; // Fixtures of tensors that are no model.
        }
      }
      expect(imported).toBeGreaterThan(10);
      mkdirSync(path.join(folder, 'models', 'archive'));
      expect(await findingsOf(path.join(folder, 'models'))).toEqual([]);
      rmSync(log);
    });
  });
});
