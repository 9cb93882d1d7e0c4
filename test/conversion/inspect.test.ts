import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, it } from '@jest/globals';
import type { PythonValue } from '../../src/checkpoint/python-values';
import { tensorOf } from '../../src/checkpoint/tensor';
import { writeTorchFile } from '../../src/checkpoint/torch-file';
import { inspectCheckpoint } from '../../src/conversion/inspect';
import { torchFolder } from '../support/parity';
import { itWithShared } from '../support/shared';

const fixture = (name: string): string => path.join(torchFolder, `${name}.pt`);

describe('looking into a checkpoint', () => {
  it('tells its form, keys, tensors, model and training', () => {
    const found = inspectCheckpoint(fixture('tiny_full'));
    expect(found).toMatchObject({
      form: 'zip',
      bytes: 442_891,
      weightsKey: 'model',
      prefix: '',
      model: { name: 'transformer', config: { emb_dim: 32, n_heads: 4 }, assumptions: [], problems: [] },
      epoch: 12,
      bestMetric: 11 / 13,
      optimizer: { kind: 'Adam', states: 44, parameters: 45, step: 3, learningRate: 0.001, weightDecay: 0.001 },
      scheduler: { patience: 2, mode: 'max' },
    });
    expect(found.contents).toEqual(
      expect.arrayContaining([
        ['epoch', 'the number 12'],
        ['model', 'a dict of 46 items'],
        ['scaler', 'None'],
      ]),
    );
    expect(found.tensors).toHaveLength(46);
    expect(found.tensors[1]).toEqual({ name: 'embedding.weight', dtype: 'float32', shape: [32, 156], bytes: 4 * 32 * 156 });
    expect(found.modules.find(({ name }) => name === 'gloss_head')).toEqual({
      name: 'gloss_head',
      tensors: 4,
      values: 32 * 16 + 16 + 16 * 7 + 7,
      kind: 'Linear 32 → 16 → 7',
    });
  });

  it.each<[string, Record<string, unknown>]>([
    ['tiny_full_legacy_nonzip', { form: 'stream', epoch: 12 }],
    ['tiny_bare_state_dict', { weightsKey: undefined, contents: [], optimizer: undefined }],
    ['tiny_dataparallel_prefix', { weightsKey: 'state_dict', prefix: 'module.' }],
    ['tiny_compiled_prefix', { prefix: '_orig_mod.' }],
    ['tiny_argparse_namespace', { args: { lr: 0.001, model: 'transformer' } }],
  ])('tells what is special in %s', (name, expected) => {
    expect(inspectCheckpoint(fixture(name))).toMatchObject(expected);
  });

  it('tells what the file lacks, and what does not fit', () => {
    expect(inspectCheckpoint(fixture('tiny_bare_state_dict')).model?.assumptions).toEqual(['num_heads 8', 'pooling mean']);
    expect(inspectCheckpoint(fixture('tiny_bare_state_dict'), { n_heads: 4, pooling_method: 'cls' }).model).toMatchObject({
      assumptions: [],
      config: { n_heads: 4, pooling_method: 'cls' },
    });
    expect(inspectCheckpoint(fixture('tiny_bare_state_dict'), { n_heads: 5 })).toMatchObject({
      model: undefined,
      refusal: expect.stringContaining('n_heads 5') as unknown as string,
    });
    expect(inspectCheckpoint(fixture('bad_missing_key')).model?.problems).toEqual(['missing: embedding.bias']);
    expect(inspectCheckpoint(fixture('bad_wrong_shape')).model?.problems).toEqual([
      'embedding.weight has shape [32, 10], expected [32, 156]',
    ]);
  });

  it('tells an InceptionV3-GRU on features by its names and shapes', () => {
    const { modules } = inspectCheckpoint(fixture('iv3_gru_features_only'));
    expect(modules.map(({ name, kind }) => [name, kind])).toEqual([
      ['gru1', 'GRU 2048 → 16'],
      ['gru2', 'GRU 16 → 12'],
      ['gloss_head', 'Linear 12 → 7'],
      ['category_head', 'Linear 12 → 3'],
    ]);
  });

  itWithShared('fixtures/torch/iv3_gru_full.pt', 'tells a whole InceptionV3-GRU', (file) => {
    const { modules, tensors } = inspectCheckpoint(file);
    expect(tensors).toHaveLength(590);
    expect(modules[0]).toMatchObject({ name: 'feat_extractor', kind: "InceptionV3 with torchvision's names, AuxLogits included" });
  });

  it('reads a tensor once that stands under any number of names', () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'kumpas-inspect-'));
    const file = path.join(folder, 'shared.pt');
    const shared = tensorOf('float32', [200_000], new Float32Array(200_000).fill(NaN));
    writeTorchFile(file, new Map<PythonValue, PythonValue>(Array.from({ length: 20_000 }, (_, place) => [`m.w${place}`, shared])));
    const start = performance.now();
    expect(inspectCheckpoint(file).notFinite).toHaveLength(20_000);
    expect(performance.now() - start).toBeLessThan(20_000);
  });
});
