import { copyFileSync, mkdirSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { findCheckpoints, importTree } from '../../src/conversion/import-tree';
import { readTrainingLog } from '../../src/folder/training-log';
import { inTemporaryFolder } from '../support/clip-files';
import { importOptions } from '../support/import-options';
import { torchFolder } from '../support/parity';

/** A folder of old trainings: one with a best and a last checkpoint and a log, one alone, one that is broken. */
function writeTree(folder: string): string {
  const root = path.join(folder, 'old');
  const put = (fixture: string, ...place: string[]): void => {
    mkdirSync(path.join(root, ...place.slice(0, -1)), { recursive: true });
    copyFileSync(path.join(torchFolder, `${fixture}.pt`), path.join(root, ...place));
  };
  put('tiny_full', 'exp 1', 'SignTransformer_best.pt');
  put('tiny_full', 'exp 1', 'SignTransformer_last.pt');
  put('tiny_bare_state_dict', 'weights.pth');
  put('bad_truncated', 'exp2', 'broken.pt');
  put('tiny_full', '.hidden', 'x.pt');
  writeFileSync(path.join(root, 'exp 1', 'log.csv'), 'epoch,train_loss,val_loss,val_gloss_acc,val_cat_acc,lr\n1,1,1,0.5,0.5,0.001\n');
  writeFileSync(path.join(root, 'exp 1', 'notes.txt'), 'it went well');
  symlinkSync(root, path.join(root, 'loop'));
  return root;
}

describe('importing a folder of checkpoints', () => {
  it('finds each once: best and last together, with the log beside them', async () => {
    await inTemporaryFolder((folder) => {
      const root = writeTree(folder);
      const at = (...place: string[]): string => path.join(root, ...place);
      expect(findCheckpoints(root).sources).toEqual([
        { best: at('weights.pth'), last: undefined, log: undefined, place: 'weights' },
        {
          best: at('exp 1', 'SignTransformer_best.pt'),
          last: at('exp 1', 'SignTransformer_last.pt'),
          log: at('exp 1', 'log.csv'),
          place: 'exp-1-SignTransformer',
        },
        { best: at('exp2', 'broken.pt'), last: undefined, log: undefined, place: 'exp2-broken' },
      ]);
    });
  });

  it('reads checkpoints that are called otherwise, and says of the other files of such names what they are', async () => {
    await inTemporaryFolder(async (folder) => {
      const root = path.join(folder, 'old');
      mkdirSync(root);
      const at = (name: string): string => path.join(root, name);
      for (const name of ['model_best.pth.tar', 'model_last.pth.tar', 'pytorch_model.bin', 'saved.pkl'])
        copyFileSync(path.join(torchFolder, 'tiny_full.pt'), at(name));
      writeFileSync(at('features.bin'), Buffer.alloc(64, 1));
      writeFileSync(at('history.pkl'), Buffer.from('8004950a000000000000007d948c0161944b01732e', 'hex'));
      const tar = Buffer.alloc(512);
      tar.write('ustar', 257);
      writeFileSync(at('run.tar'), tar);
      const { sources, passedOver } = findCheckpoints(root);
      expect(
        sources.map(({ best, last, place }) => [path.basename(best), last === undefined ? undefined : path.basename(last), place]),
      ).toEqual([
        ['model_best.pth.tar', 'model_last.pth.tar', 'model'],
        ['pytorch_model.bin', undefined, 'pytorch_model'],
        ['saved.pkl', undefined, 'saved'],
      ]);
      expect(passedOver.map(({ reason }) => reason)).toEqual([
        expect.stringMatching(/features\.bin: it is no PyTorch checkpoint: it begins with/),
        expect.stringMatching(/history\.pkl: it is a Python pickle, but not one that torch\.save wrote/),
        expect.stringMatching(/run\.tar: .*tar archive: unpack it/),
      ]);
      for (const { best, last } of sources) for (const file of [best, ...(last === undefined ? [] : [last])]) rmSync(file);
      await expect(importTree(root, importOptions(folder))).rejects.toThrow(/holds no checkpoint .*\npassed over: .*features\.bin/);
    });
  });

  it('makes a folder of each that can be imported, and says why the others cannot', async () => {
    await inTemporaryFolder(async (folder) => {
      const root = writeTree(folder);
      const saveDir = path.join(folder, 'models');
      const seen: string[] = [];
      const { imported, failed } = await importTree(root, importOptions(saveDir), {
        onImport: (done, total) => seen.push(`${done}/${total}`),
      });
      expect(imported.map(({ folder: made, resumable }) => [path.basename(made), resumable])).toEqual([
        ['transformer_legacy-weights_11-24', false],
        ['transformer_legacy-exp-1-SignTransformer_11-24', true],
      ]);
      expect(failed).toEqual([
        { file: path.join(root, 'exp2', 'broken.pt'), reason: expect.stringMatching(/broken\.pt: it is cut off/) as unknown as string },
      ]);
      expect(readdirSync(saveDir)).toHaveLength(2);
      expect(readTrainingLog(path.join(imported[1]?.folder ?? '', 'training_log.txt'))).toHaveLength(1);
      expect(seen).toEqual(['0/3', '1/3', '2/3']);
    });
  });

  it('ends after the one that it is at, when it is asked to', async () => {
    await inTemporaryFolder(async (folder) => {
      const root = writeTree(folder);
      const controller = new AbortController();
      const onImport = (): void => {
        controller.abort();
      };
      const { imported, failed } = await importTree(root, importOptions(path.join(folder, 'models')), {
        onImport,
        signal: controller.signal,
      });
      expect([imported.length, failed.length]).toEqual([1, 0]);
    });
  });

  it('says where there is none', async () => {
    await inTemporaryFolder(async (folder) => {
      mkdirSync(path.join(folder, 'empty'));
      await expect(importTree(path.join(folder, 'empty'), importOptions(folder))).rejects.toThrow(/the folder holds no checkpoint/);
    });
  });
});
