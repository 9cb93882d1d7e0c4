import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, it } from '@jest/globals';
import { PythonFloat, PythonTuple, type PythonDict, type PythonValue } from '../../src/checkpoint/python-values';
import { checkStateDict, type StateDict } from '../../src/checkpoint/state-dict';
import { tensorOf, TorchTensor } from '../../src/checkpoint/tensor';
import { readTorchFile, writeTorchFile } from '../../src/checkpoint/torch-file';
import {
  checkpointFromPython,
  checkpointToPython,
  OpenCheckpoint,
  readCheckpoint,
  readTrainingCheckpoint,
  readWeights,
  writeTrainingCheckpoint,
  type ReadOptimizer,
  type TrainingCheckpoint,
} from '../../src/checkpoint/training-checkpoint';
import { UserError } from '../../src/foundation/errors';
import { itWithShared } from '../support/shared';
import { optimizerForms } from '../../src/engine/optimizers/table';

const fixtures = path.resolve(__dirname, '../fixtures/torch');
const fixture = (name: string): string => path.join(fixtures, `${name}.pt`);
const folder = mkdtempSync(path.join(tmpdir(), 'kumpas-checkpoint-'));
afterAll(() => {
  rmSync(folder, { recursive: true });
});

const initial = readWeights(fixture('tiny_initial')).model;
const parameterNames = [...initial.keys()].filter((name) => name !== 'pos_encoder.pe');

describe('the weights of a checkpoint', () => {
  it.each([
    'tiny_argparse_namespace',
    'tiny_bare_state_dict',
    'tiny_compiled_prefix',
    'tiny_cuda_location',
    'tiny_dataparallel_prefix',
    'tiny_double',
    'tiny_model_state_dict_key',
    'tiny_numpy_scalars_parameters',
    'tiny_strided_shared_storage',
  ])('are the same in %s', (name) => {
    expect(bitsOf(readWeights(fixture(name)).model)).toEqual(bitsOf(initial));
  });

  it.each<[string, number]>([
    ['tiny_half', 2 ** -11],
    ['tiny_bf16', 2 ** -8],
  ])('are the same in %s but for rounding', (name, relative) => {
    const { model } = readWeights(fixture(name));
    expect([...model.keys()]).toEqual([...initial.keys()]);
    for (const [key, { values }] of initial) {
      const rounded = model.get(key)?.values ?? new Float32Array();
      const furthest = values.reduce(
        (worst, value, index) => Math.max(worst, Math.abs((rounded[index] ?? NaN) - value) / (Math.abs(value) + 2 ** -14)),
        0,
      );
      expect(furthest).toBeLessThanOrEqual(relative);
    }
  });

  it('are read once where many names share them, and lose the prefix of every wrapper', () => {
    const tensor = tensorOf('float32', [2], Float32Array.of(1, 2));
    const file = path.join(folder, 'wrapped.pt');
    writeTorchFile(file, dict({ 'module._orig_mod.a': tensor, 'module._orig_mod.module_b': tensor }));
    const { model } = readWeights(file);
    expect([...model.keys()]).toEqual(['a', 'module_b']);
    expect(model.get('a')).toBe(model.get('module_b'));
  });

  it('have the names, order and shapes of the state_dict', () => {
    expect([...initial.keys()].slice(0, 5)).toEqual([
      'cls_token',
      'embedding.weight',
      'embedding.bias',
      'pos_encoder.pe',
      'input_norm.gamma',
    ]);
    expect(initial.get('embedding.weight')?.shape).toEqual([32, 156]);
    expect(initial.size).toBe(46);
  });

  it('come with what the file says about itself', () => {
    expect(readWeights(fixture('tiny_full'))).toMatchObject({
      epoch: 12,
      bestMetric: 11 / 13,
      config: { emb_dim: 32, n_heads: 4, dropout: 0.1, pooling_method: 'mean', labels: ['A', 'B'] },
      args: undefined,
    });
    expect(readWeights(fixture('tiny_numpy_scalars_parameters'))).toMatchObject({ epoch: 4, bestMetric: 0.5 });
    expect(readWeights(fixture('tiny_argparse_namespace')).args).toEqual({ lr: 0.001, model: 'transformer' });
  });

  it.each<[string, Record<string, PythonValue>, Record<string, unknown>, string[]]>([
    [
      'a fraction of an epoch',
      { epoch: 1.5 },
      { epoch: undefined },
      ['"epoch": expected a whole number of epochs, found the number 1.5; it was passed over'],
    ],
    [
      'an epoch below 0',
      { epoch: -1 },
      { epoch: undefined },
      ['"epoch": expected a whole number of epochs, found the number -1; it was passed over'],
    ],
    ['an epoch in words', { epoch: '40' }, { epoch: 40 }, ['"epoch" is the text "40": it was taken as 40']],
    ['an epoch that is a float', { epoch: new PythonFloat(3) }, { epoch: 3 }, []],
    ['an epoch that is a tensor', { epoch: tensorOf('int64', [], BigInt64Array.of(7n)) }, { epoch: 7 }, []],
    [
      'a metric in words',
      { best_metric: 'good' },
      { bestMetric: undefined },
      ['"best_metric": expected a number, found the text "good"; it was passed over'],
    ],
    ['a metric that is a tensor', { best_metric: tensorOf('float32', [1], Float32Array.of(0.5)) }, { bestMetric: 0.5 }, []],
    [
      'a metric that is no number',
      { best_metric: NaN },
      { bestMetric: undefined },
      ['"best_metric": expected a number, found the number NaN; it was passed over'],
    ],
    [
      'a list for a configuration',
      { config: [1] },
      { config: undefined },
      ['"config": expected a dict, found a list of 1; it was passed over'],
    ],
    [
      'a text for settings, and others under another key',
      { args: '--lr 3', hyper_parameters: dict({ lr: 0.5 }) },
      { args: { lr: 0.5 } },
      ['"args": expected a dict, found the text "--lr 3"; it was passed over'],
    ],
  ])('are read beside %s', (_what, further, expected, notes) => {
    const file = path.join(folder, 'further.pt');
    writeTorchFile(file, withWeights(further));
    const read = readWeights(file);
    expect(read).toMatchObject({ ...expected, notes });
    expect(read.model.size).toBeGreaterThan(0);
  });

  itWithShared('fixtures/torch/iv3_gru_full.pt', 'of a whole InceptionV3 keep their batch counters as int64', (file) => {
    const { model } = readWeights(file);
    expect(model.size).toBe(590);
    const counter = model.get('feat_extractor.backbone.Conv2d_1a_3x3.bn.num_batches_tracked');
    expect(counter).toMatchObject({ shape: [], storedAs: 'int64' });
    expect(model.get('feat_extractor.backbone.Conv2d_1a_3x3.bn.weight')?.storedAs).toBeUndefined();
  });
});

describe('a file that is no checkpoint to use', () => {
  it.each<[string, RegExp]>([
    ['bad_empty', /it is empty \(0 bytes\)/],
    ['bad_malicious_os_system', /refused: it mentions posix\.system.*Nothing was run/],
    ['bad_not_a_checkpoint', /no PyTorch checkpoint: it begins with "hello/],
    ['bad_truncated', /cut off.*221445 bytes/],
    ['bad_whole_module', /whole pickled object of the class models\.transformer\.SignTransformer.*torch\.save\(model\.state_dict\(\)/],
  ])('%s is refused with the reason', (name, reason) => {
    expect(() => readWeights(fixture(name))).toThrow(UserError);
    expect(() => readWeights(fixture(name))).toThrow(reason);
    expect(existsSync(path.join(tmpdir(), 'pt_evil_was_here'))).toBe(false);
  });

  it.each<[string, string]>([
    ['bad_missing_key', 'bad.pt: its weights do not fit the model: missing: embedding.bias.'],
    ['bad_wrong_shape', 'bad.pt: its weights do not fit the model: embedding.weight has shape'],
  ])('%s is told apart from what the model expects', (name, message) => {
    const expected = new Map([...initial].map(([key, { shape }]) => [key, shape]));
    expect(() => {
      checkStateDict(readWeights(fixture(name)).model, expected, 'bad.pt');
    }).toThrow(message);
  });

  it.each<[string, PythonValue, string]>([
    ['a number', 5, 'it holds the number 5; expected a dict with the weights.'],
    [
      'no weights',
      dict({ epoch: 1, foo: 2 }),
      'it holds no weights: expected one of the keys model, model_state_dict, state_dict, or a state_dict itself; found epoch, foo.',
    ],
    ['no state_dict', dict({ model: 'transformer' }), '"model" is the text "transformer"; expected a state_dict.'],
    ['a weight that is none', dict({ model: dict({ bias: 1 }) }), 'the weight "bias" is the number 1; expected a tensor.'],
  ])('%s is named with what was expected', (_what, value, message) => {
    const file = path.join(folder, 'wrong.pt');
    writeTorchFile(file, value);
    expect(() => readWeights(file)).toThrow(`${file}: ${message}`);
  });
});

describe("a training's checkpoint", () => {
  const checkpoint = readTrainingCheckpoint(fixture('tiny_full'), parameterNames, optimizerForms);

  it('has the state of Adam, by name', () => {
    const { optimizer } = checkpoint;
    expect(optimizer).toMatchObject({
      parameterNames,
      step: 3,
      learningRate: 0.001,
      hyperparameters: { betas: [0.9, 0.999], eps: 1e-8, weight_decay: 0.001 },
    });
    expect(optimizer?.slots.get('exp_avg')?.has('cls_token')).toBe(false);
    expect([...(optimizer?.slots.get('exp_avg_sq')?.keys() ?? [])]).toEqual(parameterNames.slice(1));
    expect(optimizer?.slots.get('exp_avg')?.get('embedding.weight')?.length).toBe(32 * 156);
  });

  it('has the state of the scheduler in its own terms', () => {
    expect(checkpoint.scheduler).toMatchObject({ mode: 'max', patience: 2, best: -Infinity, min_lrs: [0], _last_lr: [0.001] });
  });

  it('is the same in the form before PyTorch 1.6', () => {
    expect(readTrainingCheckpoint(fixture('tiny_full_legacy_nonzip'), parameterNames, optimizerForms)).toEqual(checkpoint);
  });

  it('comes back from a file of ours with every bit', () => {
    const file = path.join(folder, 'SignTransformer_last.pt');
    writeTrainingCheckpoint(file, checkpoint);
    expect(readTrainingCheckpoint(file, parameterNames, optimizerForms)).toEqual(checkpoint);
    expect(readdirSync(folder).filter((name) => name.endsWith('.tmp'))).toEqual([]);
  });

  it("is written in PyTorch's own form, value by value", () => {
    readTorchFile(fixture('tiny_full'), (original) => {
      if (!(original instanceof Map)) throw new Error('no dict');
      const ours = checkpointToPython(checkpoint);
      expect([...ours.keys()]).toEqual(['epoch', 'model', 'optimizer', 'scheduler', 'scaler', 'best_metric', 'args', 'config']);
      for (const key of ['epoch', 'scheduler', 'scaler', 'best_metric', 'args', 'config']) expect(ours.get(key)).toEqual(original.get(key));
      const groups = (value: PythonDict): unknown => (value.get('optimizer') as PythonDict).get('param_groups');
      expect(groups(ours)).toEqual(groups(original));
      const states = (value: PythonDict): PythonDict => (value.get('optimizer') as PythonDict).get('state') as PythonDict;
      expect([...states(ours).keys()]).toEqual([...states(original).keys()]);
      expect(shapesOf(states(ours).get(1) as PythonDict)).toEqual(shapesOf(states(original).get(1) as PythonDict));
    });
  });

  it('writes whole values as floats where PyTorch means a float', () => {
    const value = checkpointToPython({ ...checkpoint, bestMetric: 1, scheduler: { best: 1, _last_lr: [1], patience: 5 }, args: { lr: 1 } });
    expect(value.get('best_metric')).toEqual(new PythonFloat(1));
    expect(value.get('scheduler')).toEqual(dict({ best: new PythonFloat(1), _last_lr: [new PythonFloat(1)], patience: 5 }));
    expect(value.get('args')).toEqual(dict({ lr: new PythonFloat(1) }));
  });

  it('of weights alone has no optimizer and starts at epoch 0', () => {
    expect(readTrainingCheckpoint(fixture('tiny_bare_state_dict'), parameterNames, optimizerForms)).toMatchObject({
      epoch: 0,
      bestMetric: -Infinity,
      optimizer: undefined,
      scheduler: undefined,
      config: {},
    });
  });

  it('counts from 0 where it does not say how long it was trained', () => {
    expect(checkpointFromPython(without(checkpoint, 'epoch'), parameterNames, optimizerForms)).toMatchObject({
      epoch: 0,
      optimizer: { step: 3 },
    });
  });

  it('takes steps that are numbers, as before PyTorch 1.12', () => {
    const value = changedState(checkpoint, (state) => state.set('step', 3));
    expect(checkpointFromPython(value, parameterNames, optimizerForms).optimizer?.step).toBe(3);
  });

  it.each<[string, (checkpoint: TrainingCheckpoint) => PythonValue, string]>([
    [
      'a model with other parameters',
      (good) => changedGroup(good, (group) => group.set('params', [0, 1])),
      "the positions of the model's 45 parameters, found 2 positions",
    ],
    [
      'two groups',
      (good) => changedOptimizer(good, (optimizer) => optimizer.set('param_groups', [dict({}), dict({})])),
      'one group of parameters, found 2 groups',
    ],
    [
      'Adam with amsgrad',
      (good) => changedGroup(good, (group) => group.set('amsgrad', true)),
      'it is Adam with amsgrad ("amsgrad": expected False, found True), and Kumpas goes on with Adam, AdamW, SGD alone.',
    ],
    [
      'no learning rate',
      (good) => changedGroup(good, (group) => group.delete('lr')),
      'param_groups[0].lr": expected a number, found nothing',
    ],
    [
      'one beta',
      (good) => changedGroup(good, (group) => group.set('betas', new PythonTuple([0.9]))),
      'betas": expected a number, found nothing',
    ],
    [
      'a moment of another shape',
      (good) => changedState(good, (state) => state.set('exp_avg', tensorOf('float32', [1], new Float32Array(1)))),
      'exp_avg": expected a tensor of shape [32, 156], as the parameter\'s, found a float32 tensor of shape [1]',
    ],
    [
      'a moment that is missing',
      (good) => changedState(good, (state) => state.delete('exp_avg_sq')),
      'optimizer.state of embedding.weight: exp_avg_sq": expected a tensor',
    ],
    [
      'steps that differ',
      (good) => changedState(good, (state) => state.set('step', 9)),
      'the same step for every parameter, found steps 9, 3',
    ],
    ['an optimizer that is text', (good) => changed(good, 'optimizer', 'Adam'), '"optimizer": expected a dict, found the text "Adam"'],
  ])('is refused for %s', (_what, change, message) => {
    const value = change(checkpoint);
    expect(() => checkpointFromPython(value, parameterNames, optimizerForms)).toThrow(message);
  });

  const readOptimizer = (value: PythonValue): ReadOptimizer | undefined => {
    const opened = new OpenCheckpoint(value);
    const { model } = opened.weights();
    return opened.optimizer({ forms: optimizerForms, parameters: [parameterNames], model });
  };

  it('is read part by part: its optimizer comes as a state, or with the reason why none can be used', () => {
    const value = checkpointToPython(checkpoint);
    expect(readOptimizer(value)).toEqual({ usable: true, state: checkpoint.optimizer });
    expect(readOptimizer(changed(checkpoint, 'optimizer', 'Adam'))).toEqual({
      usable: false,
      reason: '"optimizer": expected a dict, found the text "Adam".',
    });
    const two = changed(checkpoint, 'optimizers', [value.get('optimizer') ?? null, dict({ state: dict({}), param_groups: [dict({})] })]);
    expect(readOptimizer(two)).toMatchObject({
      usable: false,
      reason: expect.stringMatching(/^it holds several optimizers, under optimizer,/),
    });
    expect(readOptimizer(without(checkpoint, 'optimizer'))).toBeUndefined();
  });

  it('is read without its optimizer where only the weights are asked for', () => {
    const value = changed(checkpoint, 'optimizer', 'damaged');
    expect(new OpenCheckpoint(value).weights()).toMatchObject({ epoch: checkpoint.epoch, model: checkpoint.model });
  });

  it('is closed when it was read: what was not read then cannot be read any more', () => {
    const later = readCheckpoint(fixture('tiny_full'), (opened) => opened);
    expect(() => later.weights()).toThrow();
  });

  itWithShared('fixtures/torch/transformer_isl13_best.pt', 'of a real training is read whole', (file) => {
    const names = [...readWeights(file).model.keys()].filter((name) => name !== 'pos_encoder.pe');
    const real = readTrainingCheckpoint(file, names, optimizerForms);
    expect(real).toMatchObject({
      epoch: 26,
      bestMetric: 66 / 78,
      optimizer: { step: 260, learningRate: 0.0003, hyperparameters: { weight_decay: 0 } },
    });
    expect(real.model.get('gloss_head.3.weight')?.shape).toEqual([13, 128]);
    expect(real.scheduler).toMatchObject({ patience: 5, best: 66 / 78 });
  });
});

function bitsOf(model: StateDict): [string, readonly number[], Uint32Array][] {
  return [...model].map(([name, { shape, values }]) => [name, shape, new Uint32Array(values.slice().buffer)]);
}

function dict(items: Readonly<Record<string, PythonValue>>): PythonDict {
  return new Map<PythonValue, PythonValue>(Object.entries(items));
}

function withWeights(items: Readonly<Record<string, PythonValue>>): PythonDict {
  return dict({ model: dict({ bias: tensorOf('float32', [1], new Float32Array(1)) }), ...items });
}

function shapesOf(state: PythonDict): unknown {
  return [...state].map(([key, tensor]) => [key, tensor instanceof TorchTensor && [tensor.dtype, tensor.shape, tensor.strides]]);
}

function changed(checkpoint: TrainingCheckpoint, key: string, value: PythonValue): PythonDict {
  return checkpointToPython(checkpoint).set(key, value);
}

function without(checkpoint: TrainingCheckpoint, key: string): PythonDict {
  const value = checkpointToPython(checkpoint);
  value.delete(key);
  return value;
}

function changedOptimizer(checkpoint: TrainingCheckpoint, change: (optimizer: PythonDict) => unknown): PythonDict {
  const value = checkpointToPython(checkpoint);
  change(value.get('optimizer') as PythonDict);
  return value;
}

function changedGroup(checkpoint: TrainingCheckpoint, change: (group: PythonDict) => unknown): PythonDict {
  return changedOptimizer(checkpoint, (optimizer) => {
    change((optimizer.get('param_groups') as PythonDict[])[0] ?? dict({}));
  });
}

/** Changes the state of the parameter at position 1, the first that has one. */
function changedState(checkpoint: TrainingCheckpoint, change: (state: PythonDict) => unknown): PythonDict {
  return changedOptimizer(checkpoint, (optimizer) => {
    change((optimizer.get('state') as PythonDict).get(1) as PythonDict);
  });
}
