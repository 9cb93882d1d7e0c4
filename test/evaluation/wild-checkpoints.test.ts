import path from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { pythonFromPlain, PythonOrderedDict, type PythonDict, type PythonValue } from '../../src/checkpoint/python-values';
import { tensorOf } from '../../src/checkpoint/tensor';
import { readTorchFile, writeTorchFile } from '../../src/checkpoint/torch-file';
import { readExport } from '../../src/conversion/export-checkpoint';
import { importCheckpoint } from '../../src/conversion/import-checkpoint';
import { inspectCheckpoint } from '../../src/conversion/inspect';
import { modelOfFile } from '../../src/evaluation/loaded-model';
import { readResumePoint } from '../../src/training/resume';
import { inTemporaryFolder } from '../support/clip-files';
import { importOptions } from '../support/import-options';
import { torchFolder } from '../support/parity';
import { itWithShared } from '../support/shared';

const tinyFull = path.join(torchFolder, 'tiny_full.pt');
const plain = (value: Parameters<typeof pythonFromPlain>[0]): PythonValue => pythonFromPlain(value, () => false);

/** A copy of tiny_full with changes. */
function changed(folder: string, change: (value: PythonDict) => unknown): string {
  const file = path.join(folder, 'changed.pt');
  readTorchFile(tinyFull, (value) => {
    if (!(value instanceof Map)) throw new Error('no dict');
    change(value);
    writeTorchFile(file, value);
  });
  return file;
}

function dictAt(value: PythonDict, key: string): PythonDict {
  const found = value.get(key);
  if (!(found instanceof Map)) throw new Error(`no dict under ${key}`);
  return found;
}

function groupOf(value: PythonDict): PythonDict {
  const [group] = dictAt(value, 'optimizer').get('param_groups') as PythonDict[];
  if (group === undefined) throw new Error('no group');
  return group;
}

const nameOf = (name: PythonValue): string => (typeof name === 'string' ? name : '');

/** Puts something before the name of each weight. */
function prefixed(value: PythonDict, prefix: string): PythonOrderedDict {
  const renamed = new PythonOrderedDict();
  for (const [name, tensor] of dictAt(value, 'model')) renamed.set(`${prefix}${nameOf(name)}`, tensor);
  value.set('model', renamed);
  return renamed;
}

const original = modelOfFile(tinyFull);

describe('a checkpoint with what training scripts leave', () => {
  it.each<[string, PythonValue, RegExp]>([
    [
      'settings of other programs',
      plain({ num_workers: 4, seed: null, lr: 0.5, epochs: -3 }),
      /args: seed: expected.*found null; it was passed over[^]*args: epochs: expected[^]*num_workers 4/,
    ],
    ['a list for settings', plain(['--lr', '3']), /"args": expected a dict, found a list of 2; it was passed over/],
    ['a text for settings', '--lr 3', /"args": expected a dict, found the text "--lr 3"; it was passed over/],
    ['settings under two names', plain({ num_heads: 4, n_heads: 4, device: 'cuda' }), /device "cuda"/],
    ['settings that do not go together', plain({ alpha: 0, beta: 0 }), /do not go together and were passed over/],
  ])('is loaded, resumed, imported, exported and looked into beside %s', async (_what, args, note) => {
    await inTemporaryFolder(async (folder) => {
      const file = changed(folder, (value) => value.set('args', args));
      const { weights, notes } = modelOfFile(file);
      expect(weights).toEqual(original.weights);
      expect(notes.join('\n')).toMatch(note);
      expect(readExport(file, {}).checkpoint.model.size).toBe(46);
      expect(inspectCheckpoint(file).model?.problems).toEqual([]);
      if (note.source.includes('do not go together')) return; // Where a training is to go on, they must.
      expect(readResumePoint(file).notes.join('\n')).toMatch(note);
      const imported = await importCheckpoint({ best: file }, importOptions(path.join(folder, 'models')));
      expect(imported).toMatchObject({ resumable: true });
      expect(imported.notes.join('\n')).toMatch(note);
    });
  });

  it('says how many heads it has in its settings, or in a part of its config', async () => {
    await inTemporaryFolder((folder) => {
      const inArgs = changed(folder, (value) => {
        value.delete('config');
        value.set('args', plain({ num_heads: 4, pooling: 'max' }));
      });
      expect(modelOfFile(inArgs)).toMatchObject({ assumptions: [], model: { config: { n_heads: 4, pooling_method: 'max' } } });
      const inPart = changed(folder, (value) => value.set('config', plain({ model: { num_heads: 2, pooling: 'cls' }, train: { lr: 1 } })));
      expect(modelOfFile(inPart)).toMatchObject({ assumptions: [], model: { config: { n_heads: 2, pooling_method: 'cls' } } });
      const asText = changed(folder, (value) => value.set('config', 'cfg.yaml'));
      expect(modelOfFile(asText)).toMatchObject({
        assumptions: ['num_heads 8', 'pooling mean'],
        notes: ['"config": expected a dict, found the text "cfg.yaml"; it was passed over'],
      });
    });
  });

  it.each(['model.', 'net.', 'backbone.', '_fsdp_wrapped_module.', 'module.', 'model.encoder.'])(
    'has the same weights and Adam’s state behind %s',
    async (prefix) => {
      await inTemporaryFolder((folder) => {
        const file = changed(folder, (value) => prefixed(value, prefix));
        expect(modelOfFile(file)).toMatchObject({ weights: original.weights, notes: [] });
        expect(readResumePoint(file).checkpoint.optimizer).toEqual(readResumePoint(tinyFull).checkpoint.optimizer);
        expect(inspectCheckpoint(file)).toMatchObject({ prefix, model: { name: 'transformer', problems: [] } });
      });
    },
  );

  it('leaves aside what is not of the model, and names what is missing of it', async () => {
    await inTemporaryFolder((folder) => {
      const beside = changed(folder, (value) =>
        prefixed(value, 'model.').set('criterion.weight', tensorOf('float32', [2], new Float32Array(2))),
      );
      expect(modelOfFile(beside)).toMatchObject({
        weights: original.weights,
        notes: ['left aside, for they do not begin with model.: criterion.weight'],
      });
      const missing = changed(folder, (value) => prefixed(value, 'net.').delete('net.embedding.bias'));
      expect(() => modelOfFile(missing)).toThrow(/its weights do not fit the model: missing: embedding\.bias\./);
    });
  });

  it('of two whole models in one state_dict is the one that was trained; the averaged one is told, and taken when asked for', async () => {
    await inTemporaryFolder((folder) => {
      const sevens = new Float32Array(32).fill(7);
      const file = changed(folder, (value) => {
        const model = dictAt(value, 'model');
        const averaged = new Map([...model, ['embedding.bias', tensorOf('float32', [32], sevens)]]);
        // `ema.` is shorter than `trained.`, and comes first.
        const both = new PythonOrderedDict();
        for (const [name, tensor] of averaged) both.set(`ema.${nameOf(name)}`, tensor);
        for (const [name, tensor] of model) both.set(`trained.${nameOf(name)}`, tensor);
        value.set('model', both);
      });
      const found = modelOfFile(file);
      expect(found.weights).toEqual(original.weights);
      expect(found.notes[0]).toBe(
        'it holds averaged weights too, behind ema.: those behind trained. were taken; --key ema takes the others',
      );
      expect(modelOfFile(file, {}, { key: 'ema' }).weights.get('embedding.bias')).toEqual(sevens);
    });
  });

  it('has the same weights where a wrapper’s name stands before some of them alone', async () => {
    await inTemporaryFolder((folder) => {
      const mixed = (prefix: string): string =>
        changed(folder, (value) => {
          const renamed = new PythonOrderedDict();
          [...dictAt(value, 'model')].forEach(([name, tensor], place) =>
            renamed.set(`${place % 2 === 0 ? prefix : ''}${nameOf(name)}`, tensor),
          );
          value.set('model', renamed);
        });
      for (const prefix of ['module.', 'module._orig_mod.']) {
        const found = modelOfFile(mixed(prefix));
        expect([...found.weights]).toEqual([...original.weights]);
        expect(found.notes).toEqual([
          expect.stringMatching(/^some of its names have a wrapper's beginning, which was taken off: module\./),
        ]);
      }
      expect(() => modelOfFile(mixed('mine.'))).toThrow(/its weights do not fit the model: missing: /);
    });
  });

  it('may say its heads as a text', async () => {
    await inTemporaryFolder((folder) => {
      const heads = original.model.config['n_heads'];
      const file = changed(folder, (value) => dictAt(value, 'config').set('n_heads', String(heads)));
      expect(modelOfFile(file)).toMatchObject({ assumptions: [], model: { config: { n_heads: heads } } });
    });
  });

  it('may lack positions, which are computed to the last bit', async () => {
    await inTemporaryFolder((folder) => {
      const file = changed(folder, (value) => {
        dictAt(value, 'model').delete('pos_encoder.pe');
        dictAt(value, 'config').set('max_len', 64);
      });
      const found = modelOfFile(file);
      expect(found.notes).toEqual(['it lacks pos_encoder.pe: it was computed']);
      expect([...found.weights.keys()]).toEqual([...original.weights.keys()]);
      const [ours = new Float32Array(), theirs = new Float32Array(1)] = [found.weights, original.weights].map((weights) =>
        weights.get('pos_encoder.pe'),
      );
      expect(ours).toHaveLength(theirs.length);
      const furthest = ours.reduce((worst, value, place) => Math.max(worst, Math.abs(value - (theirs[place] ?? NaN))), 0);
      expect(furthest).toBeLessThan(1e-5);
      const unsaid = changed(folder, (value) => {
        dictAt(value, 'model').delete('pos_encoder.pe');
        dictAt(value, 'config').delete('max_len');
      });
      expect(modelOfFile(unsaid)).toMatchObject({ assumptions: ['max_len 300'], model: { maxFrames: 300 } });
      expect(modelOfFile(unsaid, { max_len: 40 })).toMatchObject({ assumptions: [], model: { maxFrames: 40 } });
    });
  });

  it('gives the weights that --key names, everywhere', async () => {
    await inTemporaryFolder(async (folder) => {
      const file = changed(folder, (value) => {
        const bias = tensorOf('float32', [32], new Float32Array(32).fill(7));
        value.set('ema', new Map([...dictAt(value, 'model'), ['embedding.bias', bias]]));
      });
      const told = 'it holds averaged weights too, under ema: those under model were taken; --key ema takes the others';
      expect(modelOfFile(file)).toMatchObject({ weights: original.weights, notes: [told] });
      const sevens = new Float32Array(32).fill(7);
      expect(modelOfFile(file, {}, { key: 'ema' }).weights.get('embedding.bias')).toEqual(sevens);
      expect(readExport(file, {}, { key: 'ema' }).checkpoint.model.get('embedding.bias')?.values).toEqual(sevens);
      expect(readResumePoint(file, {}, { key: 'ema' }).checkpoint.model.get('embedding.bias')?.values).toEqual(sevens);
      expect(inspectCheckpoint(file, {}, { key: 'ema' })).toMatchObject({ weightsKey: 'ema' });
      const { folder: model } = await importCheckpoint(
        { best: file },
        importOptions(path.join(folder, 'models'), { reading: { key: 'ema' } }),
      );
      expect(modelOfFile(path.join(model, 'SignTransformer_best.pt')).weights.get('embedding.bias')).toEqual(sevens);
    });
  });
});

describe('a checkpoint of another optimiser', () => {
  it.each<[string, (group: PythonDict) => unknown, RegExp]>([
    ['NAdam', (group) => group.set('momentum_decay', 0.004), /it is NAdam \(it has the key momentum_decay\)/],
    ['RAdam', (group) => group.delete('amsgrad'), /it is RAdam/],
    ['an older AdamW', (group) => group.delete('decoupled_weight_decay'), /it is Adam or AdamW.*Say --optimizer-was adam/],
  ])('is not gone on with, and says what to do: %s', async (_what, change, reason) => {
    await inTemporaryFolder(async (folder) => {
      const file = changed(folder, (value) => change(groupOf(value)));
      expect(() => readResumePoint(file)).toThrow(reason);
      expect(() => readResumePoint(file)).toThrow(`--init-from ${file}`);
      const imported = await importCheckpoint({ best: file }, importOptions(path.join(folder, 'models')));
      expect(imported.resumable).toBe(false);
      expect(imported.notes.join('\n')).toMatch(/its optimizer was left out, so no training can go on from it: it is/);
      expect(imported.notes.join('\n')).not.toMatch(/holds weights alone/);
      expect(inspectCheckpoint(file).optimizer?.otherwise).toMatch(/^it is /);
      expect(modelOfFile(file).weights).toEqual(original.weights);
    });
  });

  it('goes on where it is said that it was Adam, or AdamW', async () => {
    await inTemporaryFolder((folder) => {
      const file = changed(folder, (value) => groupOf(value).delete('decoupled_weight_decay'));
      const { optimizer } = readResumePoint(file, {}, { optimizer: 'adam' }).checkpoint;
      expect(optimizer).toMatchObject({ form: { className: 'Adam' }, step: 3, hyperparameters: { weight_decay: 0.001 } });
      const other = readResumePoint(file, {}, { optimizer: 'adamw' });
      expect(other.checkpoint.optimizer).toMatchObject({ form: { className: 'AdamW' }, step: 3 });
    });
  });

  it('is imported with its own betas, and gone on with', async () => {
    await inTemporaryFolder(async (folder) => {
      const file = changed(folder, (value) => groupOf(value).set('betas', [0.9, 0.98]));
      const imported = await importCheckpoint({ best: file }, importOptions(path.join(folder, 'models')));
      expect(imported).toMatchObject({ resumable: true });
      expect(readResumePoint(path.join(imported.folder, 'SignTransformer_last.pt')).checkpoint).toMatchObject({
        optimizer: { hyperparameters: { betas: [0.9, 0.98] } },
        args: { optimizer: 'adam', adam_beta1: 0.9, adam_beta2: 0.98 },
      });
    });
  });
});

describe('files of the issue', () => {
  itWithShared('cases/checkpoints', 'that hold weights are loaded, whatever else is there', (folder) => {
    for (const name of ['args-list', 'args-unknown', 'bare-weights', 'config-text', 'epoch-tensor', 'no-pe', 'opt-adamw-old', 'opt-nadam'])
      expect(modelOfFile(path.join(folder, `${name}.pt`)).weights.size).toBe(30);
    for (const name of ['opt-adamw-old', 'opt-nadam'])
      expect(() => readResumePoint(path.join(folder, `${name}.pt`))).toThrow(/no training goes on from its optimizer: it is .*Adam/);
  });

  itWithShared('cases/checkpoints', 'that are something else are told by what they are', (folder) => {
    const refused = (name: string, what: RegExp): void => {
      expect(() => modelOfFile(path.join(folder, name))).toThrow(what);
    };
    refused('torchscript.pt', /it is a TorchScript program/);
    refused('module_legacy.pt', /an object of the class __main__\.Net.*a whole module.*state_dict/);
    refused('plain_pickle_state_dict.pkl', /a Python pickle.*pickle\.dump.*torch\.save\(pickle\.load/);
    refused('quantised.pt', /holds quantised tensors/);
    expect(inspectCheckpoint(path.join(folder, 'lightning.ckpt'))).toMatchObject({
      prefix: 'model.',
      optimizer: { key: 'optimizer_states.0', kind: 'AdamW' },
      modules: [{ name: 'gru', kind: 'GRU 6 → 4, in both directions' }, { name: 'fc' }],
    });
    expect(inspectCheckpoint(path.join(folder, 'model_state_key.pth'))).toMatchObject({
      weightsKey: 'model_state',
      optimizer: { key: 'opt' },
    });
    expect(inspectCheckpoint(path.join(folder, 'torch_encoder.pth')).modules[1]?.kind).toBe(
      'TransformerEncoder, 2 layers of width 8, feed-forward 16',
    );
  });
});
