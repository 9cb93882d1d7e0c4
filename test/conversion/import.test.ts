import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { readTorchFile, writeTorchFile } from '../../src/checkpoint/torch-file';
import { readTrainingCheckpoint, readWeights } from '../../src/checkpoint/training-checkpoint';
import type { PythonDict } from '../../src/checkpoint/python-values';
import { resolveSettings } from '../../src/config/resolve';
import { importCheckpoint } from '../../src/conversion/import-checkpoint';
import { buildFolder } from '../../src/foundation/folders';
import { modelOfFile } from '../../src/evaluation/loaded-model';
import { trainedParameters } from '../../src/models/model';
import { readTrainingLog } from '../../src/folder/training-log';
import { inTemporaryFolder } from '../support/clip-files';
import { importOptions } from '../support/import-options';
import { torchFolder } from '../support/parity';
import { optimizerForms } from '../../src/engine/optimizers/table';
import { ownModels } from '../../src/models/model-table';

const fixture = (name: string): string => path.join(torchFolder, `${name}.pt`);
const labels = (count: number): string =>
  ['gloss_id,label,cat_id,category', ...Array.from({ length: count }, (_, id) => `${id},SIGN ${id},${id % 3},KIND ${id % 3}`)].join('\n');

/** Changes a copy of tiny_full, and gives its path. */
function changedCopy(folder: string, change: (value: PythonDict) => unknown): string {
  const file = path.join(folder, 'changed.pt');
  readTorchFile(fixture('tiny_full'), (value) => {
    if (!(value instanceof Map)) throw new Error('no dict');
    change(value);
    writeTorchFile(file, value);
  });
  return file;
}

describe('importing a checkpoint of PyTorch', () => {
  it('leaves a complete model folder, with the training’s state to the last bit', async () => {
    await inTemporaryFolder(async (folder) => {
      writeFileSync(path.join(folder, 'labels.csv'), labels(7));
      const log = ['# Configuration: epochs=40, batch_size=8', 'epoch,train_loss,val_loss,val_gloss_acc,val_cat_acc,lr,epoch_time'];
      for (let epoch = 1; epoch <= 12; epoch++) log.push(`${epoch},1,${2 - epoch / 12},${epoch === 9 ? 0.9 : 0.5},0.75,0.001,3`);
      writeFileSync(path.join(folder, 'old.csv'), log.join('\n'));
      const imported = await importCheckpoint(
        { best: fixture('tiny_full'), log: path.join(folder, 'old.csv') },
        importOptions(path.join(folder, 'models'), { labels: path.join(folder, 'labels.csv') }),
      );
      expect(imported).toMatchObject({
        folder: path.join(folder, 'models', 'transformer_legacy_11-24'),
        files: ['SignTransformer_best.pt', 'SignTransformer_last.pt', 'training_log.txt', 'config.json', 'README.md'],
        model: 'transformer',
        epoch: 12,
        bestMetric: 11 / 13,
        resumable: true,
        labelled: true,
        notes: [],
      });
      expect(readdirSync(imported.folder).sort()).toEqual([...imported.files].sort());

      const best = path.join(imported.folder, 'SignTransformer_best.pt');
      const { model, labels: names } = modelOfFile(best);
      expect(model.config).toMatchObject({ emb_dim: 32, n_heads: 4, n_layers: 2, num_gloss: 7, num_cat: 3, max_len: 64 });
      expect(names?.gloss[6]).toBe('SIGN 6');
      const read = (file: string): ReturnType<typeof readTrainingCheckpoint> =>
        readTrainingCheckpoint(file, trainedParameters(model), optimizerForms);
      const [ours, theirs] = [read(path.join(imported.folder, 'SignTransformer_last.pt')), read(fixture('tiny_full'))];
      for (const key of ['epoch', 'bestMetric', 'model', 'optimizer', 'scheduler'] as const) expect(ours[key]).toEqual(theirs[key]);
      expect(ours.args).toMatchObject({
        lr: 0.001,
        weight_decay: 0.001,
        scheduler: 'plateau',
        plateau_patience: 2,
        epochs: 40,
        batch_size: 8,
      });

      const rows = readTrainingLog(path.join(imported.folder, 'training_log.txt'));
      expect(rows).toHaveLength(12);
      expect(rows[11]).toMatchObject({ epoch: 12, gloss_acc: 0.5, cat_acc: 0.75 });
      const config = path.join(imported.folder, 'config.json');
      expect(resolveSettings({ file: config, commandLine: { data: 'x' } }, ownModels).settings).toMatchObject({
        emb_dim: 32,
        num_heads: 4,
        lr: 0.001,
      });
      expect(JSON.parse(readFileSync(config, 'utf8'))).toMatchObject({
        run: { imported_from: 'tiny_full.pt', classes: { gloss: 7, category: 3 } },
      });
      expect(readFileSync(path.join(imported.folder, 'README.md'), 'utf8')).toMatch(
        /SignTransformer that recognises 7 glosses[^]*50\.0 %[^]*weights_only=True/,
      );
    });
  });

  it.each([
    'tiny_argparse_namespace',
    'tiny_bare_state_dict',
    'tiny_compiled_prefix',
    'tiny_cuda_location',
    'tiny_dataparallel_prefix',
    'tiny_double',
    'tiny_full_legacy_nonzip',
    'tiny_initial',
    'tiny_model_state_dict_key',
    'tiny_numpy_scalars_parameters',
    'tiny_strided_shared_storage',
    'tiny_half',
    'tiny_bf16',
  ])('makes a folder of %s with the same weights', async (name) => {
    await inTemporaryFolder(async (folder) => {
      const { folder: imported } = await importCheckpoint({ best: fixture(name) }, importOptions(folder, { shape: { n_heads: 4 } }));
      const bits = (file: string): unknown =>
        [...readWeights(file).model].map(([key, { shape, values }]) => [key, shape, Buffer.from(values.slice().buffer)]);
      expect(bits(path.join(imported, 'SignTransformer_best.pt'))).toEqual(bits(fixture(name)));
      expect(modelOfFile(path.join(imported, 'SignTransformer_best.pt')).model.config['n_heads']).toBe(4);
    });
  });

  it('says what it took for granted, and lets the file’s config win', async () => {
    await inTemporaryFolder(async (folder) => {
      const bare = await importCheckpoint({ best: fixture('tiny_bare_state_dict') }, importOptions(folder));
      expect(bare.config).toMatchObject({ n_heads: 8, pooling_method: 'mean' });
      expect(bare.notes).toEqual([
        'the checkpoint does not say: num_heads 8 was taken',
        'the checkpoint does not say: pooling mean was taken',
        'it holds weights alone: it can be evaluated and used, and no training can go on from it',
        'it names no classes; give --labels-reference labels_reference.csv',
      ]);
      expect(bare.files).not.toContain('SignTransformer_last.pt');
      const full = await importCheckpoint(
        { best: fixture('tiny_full') },
        importOptions(folder, { shape: { n_heads: 2, pooling_method: 'max' } }),
      );
      expect(full.folder).toMatch(/transformer_legacy-2_11-24$/);
      expect(full.config).toMatchObject({ n_heads: 4, pooling_method: 'mean' });
      expect(full.notes[0]).toMatch(/n_heads 2 was not taken: the file's config says 4/);
    });
  });

  it('takes the weights and leaves out an optimiser that Kumpas has not', async () => {
    await inTemporaryFolder(async (folder) => {
      const file = changedCopy(folder, (value) => {
        ((value.get('optimizer') as PythonDict).get('param_groups') as PythonDict[])[0]?.set('amsgrad', true);
      });
      const imported = await importCheckpoint({ best: file }, importOptions(path.join(folder, 'models')));
      expect(imported.resumable).toBe(false);
      expect(imported.notes[0]).toMatch(/its optimizer was left out, so no training can go on from it: .*amsgrad/);
    });
  });

  it('says where weights were rounded', async () => {
    await inTemporaryFolder(async (folder) => {
      const { notes } = await importCheckpoint(
        { best: fixture('tiny_double') },
        importOptions(folder, { shape: { n_heads: 4, pooling_method: 'mean' } }),
      );
      expect(notes[0]).toBe('46 of its tensors are float64: they were rounded to float32');
    });
  });

  it('leaves out a best metric that is no share', async () => {
    await inTemporaryFolder(async (folder) => {
      const file = changedCopy(folder, (value) => value.set('best_metric', 84.6));
      const imported = await importCheckpoint({ best: file }, importOptions(path.join(folder, 'models')));
      expect(imported.bestMetric).toBeUndefined();
      expect(imported.notes[0]).toMatch(/best metric 84\.6 is no accuracy from 0 to 1/);
    });
  });

  it('imports a model folder of its own again, with all that it says', async () => {
    await inTemporaryFolder(async (folder) => {
      writeFileSync(path.join(folder, 'labels.csv'), labels(7));
      const first = await importCheckpoint(
        { best: fixture('tiny_full') },
        importOptions(folder, { labels: path.join(folder, 'labels.csv') }),
      );
      const again = await importCheckpoint(
        { best: path.join(first.folder, 'SignTransformer_best.pt') },
        importOptions(folder, { description: 'again' }),
      );
      expect(again).toMatchObject({ labelled: true, resumable: true, notes: [] });
    });
  });
});

describe('a checkpoint that cannot be imported', () => {
  it.each<[string, RegExp]>([
    ['bad_empty', /bad_empty\.pt: it is empty/],
    ['bad_malicious_os_system', /bad_malicious_os_system\.pt: it is refused: it mentions posix\.system/],
    ['bad_missing_key', /bad_missing_key\.pt: .*missing: embedding\.bias/],
    ['bad_not_a_checkpoint', /bad_not_a_checkpoint\.pt: it is no PyTorch checkpoint/],
    ['bad_truncated', /bad_truncated\.pt: it is cut off/],
    ['bad_whole_module', /bad_whole_module\.pt: .*torch\.save\(model\.state_dict\(\)/],
    ['bad_wrong_shape', /bad_wrong_shape\.pt: .*embedding\.weight has shape \[32, 10\], expected \[32, 156\]/],
    ['iv3_none', /iv3_none\.pt: no such file/],
  ])('%s is refused in one line, and nothing is written', async (name, message) => {
    await inTemporaryFolder(async (folder) => {
      const saveDir = path.join(folder, 'deep', 'models');
      const error: unknown = await importCheckpoint({ best: fixture(name) }, importOptions(saveDir)).catch((thrown: unknown) => thrown);
      expect(String(error)).toMatch(message);
      expect(String(error)).not.toContain('\n');
      expect(readdirSync(folder)).toEqual([]);
    });
  });

  it('of another count of classes than --labels has is refused', async () => {
    await inTemporaryFolder(async (folder) => {
      writeFileSync(path.join(folder, 'labels.csv'), labels(8));
      const options = importOptions(path.join(folder, 'models'), { labels: path.join(folder, 'labels.csv') });
      await expect(importCheckpoint({ best: fixture('tiny_full') }, options)).rejects.toThrow(
        /--labels-reference .*labels\.csv: it names 8 glosses in 3 categories, .*tiny_full\.pt tells 7 glosses in 3 categories apart/,
      );
      await expect(
        importCheckpoint({ best: fixture('tiny_full') }, { ...options, labels: path.join(folder, 'absent.csv') }),
      ).rejects.toThrow('no such file');
      expect(readdirSync(folder)).toEqual(['labels.csv']);
    });
  });

  it('with heads that do not divide its width is refused with the file’s name', async () => {
    await inTemporaryFolder(async (folder) => {
      const wrong = importCheckpoint({ best: fixture('tiny_bare_state_dict') }, importOptions(folder, { shape: { n_heads: 5 } }));
      await expect(wrong).rejects.toThrow(/tiny_bare_state_dict\.pt: n_heads 5 does not divide .*--num-heads/);
    });
  });

  it('leaves no folder where writing fails half-way', async () => {
    await inTemporaryFolder((folder) => {
      const place = path.join(folder, 'deep', 'er', 'model');
      expect(() => {
        buildFolder(place, (unfinished) => {
          writeFileSync(path.join(unfinished, 'half'), 'written');
          throw new Error('the disk is full');
        });
      }).toThrow('the disk is full');
      expect(readdirSync(folder)).toEqual([]);
      mkdirSync(path.join(folder, 'taken'));
      expect(() => {
        buildFolder(path.join(folder, 'taken'), () => undefined);
      }).toThrow(/somebody made it meanwhile/);
      expect(readdirSync(folder)).toEqual(['taken']);
      writeFileSync(path.join(folder, 'file'), '');
      expect(() => {
        buildFolder(path.join(folder, 'file', 'model'), () => undefined);
      }).toThrow(/no folder can be made there/);
    });
  });

  it('does not share a file with what it was made of', async () => {
    await inTemporaryFolder(async (folder) => {
      const { folder: imported } = await importCheckpoint({ best: fixture('tiny_full') }, importOptions(folder));
      const [best, last] = ['best', 'last'].map((name) => statSync(path.join(imported, `SignTransformer_${name}.pt`)).ino);
      expect(best).toBe(last);
      expect(readdirSync(imported).filter((name) => name.endsWith('.tmp'))).toEqual([]);
    });
  });
});
