import { describe, expect, it } from '@jest/globals';
import { weightTensors } from '../../src/checkpoint/state-dict';
import { NumpyArray, PythonTuple, type PythonDict, type PythonValue } from '../../src/checkpoint/python-values';
import { tensorOf } from '../../src/checkpoint/tensor';

const dict = (items: Readonly<Record<string, PythonValue>>): PythonDict => new Map<PythonValue, PythonValue>(Object.entries(items));
const tensor = (value: number): PythonValue => tensorOf('float32', [1], Float32Array.of(value));
const weights = (value: number, prefix = ''): PythonDict =>
  dict({ [`${prefix}layer.weight`]: tensor(value), [`${prefix}layer.bias`]: tensor(value) });
const optimizer = dict({ state: new Map([[0, dict({ 'exp.avg': tensor(9) })]]), param_groups: [dict({ lr: 1, params: [0] })] });

/** The place that is taken and the value there, with what is told. */
function taken(value: PythonValue, key?: string): unknown {
  const found = weightTensors(value, key);
  expect([...found.tensors.keys()]).toEqual(['layer.weight', 'layer.bias']);
  return [found.key, found.tensors.get('layer.weight')?.toFloat32()[0], ...found.notes];
}

describe('weights', () => {
  it.each(['model_state', 'net', 'network', 'weights', 'params', 'generator', 'whatever'])(
    'are found under %s, beside an optimiser',
    (key) => {
      expect(taken(dict({ epoch: tensor(3), [key]: weights(1), opt: optimizer }))).toEqual([key, 1]);
    },
  );

  it('are found in a dict of their own under a usual key, and deeper', () => {
    expect(taken(dict({ model: dict({ state_dict: weights(1), class: 'Net' }) }))).toEqual(['model.state_dict', 1]);
    expect(taken(dict({ checkpoint: dict({ model: weights(2), epoch: 1 }) }))).toEqual(['checkpoint.model', 2]);
  });

  it.each(['ema', 'ema_state_dict', 'model_ema', 'state_dict_ema', 'teacher', 'swa_model'])(
    'are those that were trained, though %s has others; those are told, and taken when asked for',
    (key) => {
      const value = dict({ [key]: weights(2), model: weights(1) });
      expect(taken(value)).toEqual([
        'model',
        1,
        `it holds averaged weights too, under ${key}: those under model were taken; --key ${key} takes the others`,
      ]);
      expect(taken(value, key)).toEqual([key, 2]);
      expect(taken(dict({ [key]: weights(2), student: weights(1) }))).toEqual(['student', 1, expect.stringContaining(`--key ${key}`)]);
    },
  );

  it('are averages where there are no others, which is told', () => {
    expect(taken(dict({ ema: weights(2) }))).toEqual(['ema', 2, 'it holds averaged weights alone: those under ema were taken']);
  });

  it('are taken from where --key says: a key, a way, a place in a list, a whole number, a key with dots', () => {
    const value = new Map<PythonValue, PythonValue>([
      ...dict({ model: weights(1), ema: dict({ decay: 0.9, shadow: weights(2) }), list: [weights(3), weights(4)], 'a.b': weights(5) }),
      [7, weights(6)],
      ['pair', new PythonTuple([weights(8)])],
    ]);
    expect(taken(value, 'ema')).toEqual(['ema.shadow', 2]);
    expect(taken(value, 'ema.shadow')).toEqual(['ema.shadow', 2]);
    expect(taken(value, 'list.1')).toEqual(['list.1', 4]);
    expect(taken(value, 'a.b')).toEqual(['a.b', 5]);
    expect(taken(value, '7')).toEqual(['7', 6]);
    expect(taken(value, 'pair.0')).toEqual(['pair.0', 8]);
  });

  it('at a wrong --key are refused with the keys that are there', () => {
    const value = dict({ model: weights(1), ema: weights(2), epoch: 3 });
    expect(() => weightTensors(value, 'emma')).toThrow('--key emma: there is no such key; weights are under model, ema.');
    expect(() => weightTensors(value, 'epoch')).toThrow('--key epoch: there is the number 3; weights are under model, ema.');
    expect(() => weightTensors(weights(1), 'ema')).toThrow('--key ema: there is no such key; it holds no weights under any key.');
  });

  it('of several models are not guessed', () => {
    expect(() => weightTensors(dict({ one: weights(1), two: weights(2) }))).toThrow(
      'it holds several sets of weights: one, two. Choose one with --key, as --key one.',
    );
  });

  it('are found in a list or tuple, beside what else it holds', () => {
    expect(taken(new PythonTuple([weights(1), optimizer, 3]))).toEqual(['0', 1]);
    expect(taken([dict({ epoch: 3 }), weights(2)])).toEqual(['1', 2]);
    expect(() => weightTensors([weights(1), weights(2)])).toThrow('several sets of weights: 0, 1. Choose one with --key, as --key 0.');
    expect(() => weightTensors([1, 2])).toThrow('it holds a list of 2; expected a dict with the weights.');
  });

  it('that lie among others of one state_dict are taken by what their names begin with', () => {
    const both = new Map([...weights(1, 'student.'), ...weights(2, 'teacher.')]);
    expect(taken(both, 'teacher')).toEqual(['teacher', 2]);
    expect(taken(dict({ state_dict: both }), 'student')).toEqual(['state_dict.student', 1]);
    expect(() => weightTensors(both, 'teach')).toThrow('--key teach: there is no such key');
  });

  it('that are arrays of NumPy are told as such, with what to do', () => {
    const array = (): PythonValue => new NumpyArray();
    const advice = /torch\.save\(\{name: torch\.as_tensor\(value\)/;
    for (const value of [dict({ 'a.b': array() }), dict({ model: dict({ 'a.b': array() }) })]) {
      expect(() => weightTensors(value)).toThrow(/NumPy array|numpy array/);
      expect(() => weightTensors(value)).toThrow(advice);
    }
  });

  it('are not the state of an optimiser', () => {
    expect(() => weightTensors(optimizer)).toThrow('it is the state of an optimizer, without weights');
  });

  it('lose what wrappers put into their names, at the beginning and within', () => {
    for (const prefix of ['_fsdp_wrapped_module.', 'module._orig_mod.', '_forward_module.', '_checkpoint_wrapped_module.']) {
      const found = weightTensors(weights(1, prefix));
      expect([found.prefix, ...found.tensors.keys()]).toEqual([prefix, 'layer.weight', 'layer.bias']);
    }
    expect([...weightTensors(dict({ 'a._fsdp_wrapped_module.b': tensor(1), 'c._orig_mod.d': tensor(2) })).tensors.keys()]).toEqual([
      'a.b',
      'c.d',
    ]);
  });

  it('of an AveragedModel lose its counter, and what a module adds of its own', () => {
    const averaged = new Map([...dict({ n_averaged: tensor(3) }), ...weights(2, 'module.')]);
    expect(taken(dict({ model: new Map([...weights(1), ...dict({ 'layer._extra_state': null })]), swa: averaged }), 'swa')).toEqual([
      'swa',
      2,
    ]);
    expect(taken(dict({ model: new Map([...weights(1), ...dict({ 'layer._extra_state': null })]) }))).toEqual(['model', 1]);
  });
});

describe('a way to weights that leads nowhere', () => {
  it('is given up, though the dict holds itself under keys with and without dots', () => {
    const value: PythonDict = dict({ 'layer.weight': tensor(1) });
    for (const key of ['a', 'a.a', 'a.a.a']) value.set(key, value);
    expect(() => weightTensors(value, `${'a.'.repeat(60)}b`)).toThrow(/^--key a\.a\..*: there is no such key/);
  });

  it('of any length is refused with its beginning', () => {
    const value = dict({ a: [weights(1)] });
    expect(() => weightTensors(value, 'a.'.repeat(60_000))).toThrow(
      `--key ${'a.'.repeat(100)}…: there is no such key; weights are under a.0.`,
    );
  });
});
