import path from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { findOptimizer, optimizerKind } from '../../src/checkpoint/optimizer-kind';
import { PythonFloat, PythonTuple, type PythonDict, type PythonValue } from '../../src/checkpoint/python-values';
import { readWeights, checkpointFromPython, checkpointToPython, readTrainingCheckpoint } from '../../src/checkpoint/training-checkpoint';
import { torchFolder } from '../support/parity';
import { adam, adamW } from '../../src/engine/optimizers/adam';
import { optimizerForms } from '../../src/engine/optimizers/table';

const dict = (items: Readonly<Record<string, PythonValue>>): PythonDict => new Map<PythonValue, PythonValue>(Object.entries(items));

const tinyFull = path.join(torchFolder, 'tiny_full.pt');
const names = [...readWeights(tinyFull).model.keys()].filter((name) => name !== 'pos_encoder.pe');
const checkpoint = readTrainingCheckpoint(tinyFull, names, optimizerForms);

/** A group of PyTorch 2.15's Adam, with what `changes` has otherwise; undefined takes a key away. */
function adamGroup(changes: Readonly<Record<string, PythonValue | undefined>> = {}): PythonDict {
  const group: Record<string, PythonValue | undefined> = {
    lr: 0.001,
    betas: new PythonTuple([0.9, 0.999]),
    eps: 1e-8,
    weight_decay: new PythonFloat(0),
    amsgrad: false,
    maximize: false,
    foreach: null,
    capturable: false,
    differentiable: false,
    fused: null,
    decoupled_weight_decay: false,
    params: [0],
    ...changes,
  };
  return new Map(Object.entries(group).flatMap(([key, value]) => (value === undefined ? [] : [[key, value]])));
}

/** A group of PyTorch 2.15's SGD with momentum, with what `changes` has otherwise. */
function sgdGroup(changes: Readonly<Record<string, PythonValue | undefined>> = {}): PythonDict {
  const group: Record<string, PythonValue | undefined> = {
    ...{ lr: 0.1, momentum: 0.9, dampening: 0, weight_decay: 0, nesterov: false, maximize: false, foreach: null, differentiable: false },
    ...{ fused: null, params: [0] },
    ...changes,
  };
  return new Map(Object.entries(group).flatMap(([key, value]) => (value === undefined ? [] : [[key, value]])));
}

const stateOf = (group: PythonDict, ...keys: string[]): PythonDict =>
  dict({ state: new Map([[0, dict(Object.fromEntries(keys.map((key) => [key, 1])))]]), param_groups: [group] });
const MOMENTS = ['step', 'exp_avg', 'exp_avg_sq'];
const plain = (...keys: string[]): PythonDict => dict(Object.fromEntries([...keys, 'params'].map((key) => [key, 1])));

describe('an optimiser is told by its keys', () => {
  // Groups and states as PyTorch 2.15 writes them, the older AdamW and RAdam as the versions before 2.5.
  it.each<[string, PythonDict]>([
    ['Adam', stateOf(adamGroup(), ...MOMENTS)],
    ['Adam', stateOf(adamGroup({ decoupled_weight_decay: undefined }), ...MOMENTS)],
    ['Adam', stateOf(adamGroup({ decoupled_weight_decay: undefined, fused: undefined, initial_lr: 0.1 }), ...MOMENTS)],
    ['AdamW', stateOf(adamGroup({ decoupled_weight_decay: true, weight_decay: 0.01 }), ...MOMENTS)],
    ['Adam or AdamW', stateOf(adamGroup({ decoupled_weight_decay: undefined, weight_decay: 0.01 }), ...MOMENTS)],
    ['NAdam', stateOf(adamGroup({ amsgrad: undefined, momentum_decay: 0.004 }), ...MOMENTS, 'mu_product')],
    ['RAdam', stateOf(adamGroup({ amsgrad: undefined }), ...MOMENTS)],
    ['RAdam', stateOf(plain('lr', 'betas', 'eps', 'weight_decay', 'foreach', 'differentiable'), ...MOMENTS)],
    ['SparseAdam', stateOf(plain('lr', 'betas', 'eps', 'maximize'), ...MOMENTS)],
    ['Adam with amsgrad', stateOf(adamGroup({ amsgrad: true }), ...MOMENTS, 'max_exp_avg_sq')],
    ['Adam with maximize', stateOf(adamGroup({ maximize: true }), ...MOMENTS)],
    ['Adamax', stateOf(plain('lr', 'betas', 'eps', 'weight_decay'), 'step', 'exp_avg', 'exp_inf')],
    ['SGD', stateOf(sgdGroup(), 'momentum_buffer')],
    ['SGD', stateOf(sgdGroup({ maximize: undefined, foreach: undefined, differentiable: undefined, fused: undefined, initial_lr: 0.1 }))],
    ['SGD with dampening', stateOf(sgdGroup({ dampening: 0.5 }), 'momentum_buffer')],
    ['SGD with maximize', stateOf(sgdGroup({ maximize: true }))],
    ['AdamW with amsgrad', stateOf(adamGroup({ decoupled_weight_decay: true, amsgrad: true }), ...MOMENTS, 'max_exp_avg_sq')],
    ['not known', stateOf(sgdGroup({ trust_coefficient: 0.001 }), 'momentum_buffer')],
    ['RMSprop', stateOf(plain('lr', 'momentum', 'alpha', 'eps', 'centered', 'weight_decay'), 'step', 'square_avg')],
    ['Adagrad', stateOf(plain('lr', 'lr_decay', 'eps', 'weight_decay', 'initial_accumulator_value'), 'step', 'sum')],
    ['Adafactor', stateOf(plain('lr', 'beta2_decay', 'eps', 'd', 'weight_decay'), 'step', 'row_var', 'col_var', 'variance')],
    ["apex's FusedAdam", stateOf(plain('lr', 'bias_correction', 'betas', 'eps', 'weight_decay'), ...MOMENTS)],
    ['not known', stateOf(adamGroup({ lookahead: 5 }), ...MOMENTS)],
    ['not known', stateOf(adamGroup(), 'step', 'exp_avg', 'exp_avg_sq', 'slow_buffer')],
  ])('%s', (name, state) => {
    expect(optimizerKind(state, optimizerForms)).toMatchObject({ name });
    expect(optimizerKind(state, optimizerForms)?.otherwise === undefined).toBe(['Adam', 'AdamW', 'SGD'].includes(name));
  });

  it('and what an older file leaves open is settled by whoever says so', () => {
    const open = stateOf(adamGroup({ decoupled_weight_decay: undefined, weight_decay: 0.01 }), ...MOMENTS);
    expect(optimizerKind(open, optimizerForms)?.otherwise).toMatch(/Adam or AdamW with a weight decay of 0\.01.*does not say which/);
    expect(optimizerKind(open, optimizerForms, 'adam')).toEqual({ name: 'Adam', form: adam().form, otherwise: undefined });
    expect(optimizerKind(open, optimizerForms, 'adamw')).toEqual({ name: 'AdamW', form: adamW().form, otherwise: undefined });
    const told = stateOf(adamGroup(), ...MOMENTS);
    expect(optimizerKind(told, optimizerForms, 'adamw')?.name).toBe('Adam'); // The file itself says so.
  });

  it('and nothing else is one', () => {
    expect(optimizerKind(dict({ state: new Map(), param_groups: [] }), optimizerForms)).toBeUndefined();
    expect(optimizerKind('Adam', optimizerForms)).toBeUndefined();
  });
});

describe('an optimiser is found where its training put it', () => {
  const adam = stateOf(adamGroup(), ...MOMENTS);

  it.each<[string, PythonValue]>([
    ['optimizer', adam],
    ['optimizer_state_dict', adam],
    ['opt', adam],
    ['last_optimizer_state', adam],
    ['whatever_it_is_called', adam],
  ])('under %s', (key, state) => {
    expect(findOptimizer(dict({ model: new Map(), epoch: 3, [key]: state }))).toEqual({ key, value: adam, others: [] });
  });

  it('in a list of them, as Lightning has it, and in a dict', () => {
    expect(findOptimizer(dict({ optimizer_states: [adam] }))).toMatchObject({ key: 'optimizer_states.0', others: [] });
    expect(findOptimizer(dict({ optimizers: dict({ g: adam, d: adam }) }))).toMatchObject({
      key: 'optimizers.g',
      others: ['optimizers.d'],
    });
  });

  it('and nowhere where there is none', () => {
    for (const nothing of [null, [], new Map()]) expect(findOptimizer(dict({ optimizer: nothing, scheduler: dict({}) }))).toBeUndefined();
  });
});

describe('Adam’s state', () => {
  const whole = checkpointToPython(checkpoint);
  const group = (): PythonDict => ((whole.get('optimizer') as PythonDict).get('param_groups') as PythonDict[])[0] ?? dict({});
  const withOptimizer = (changes: Readonly<Record<string, PythonValue>>, state?: PythonDict): PythonDict =>
    new Map([
      ...whole,
      [
        'optimizer',
        dict({
          state: state ?? (whole.get('optimizer') as PythonDict).get('state') ?? null,
          param_groups: [new Map([...group(), ...Object.entries(changes)])],
        }),
      ],
    ]);
  const moments = (value: PythonValue): unknown => checkpointFromPython(value, names, optimizerForms).optimizer?.slots.get('exp_avg');

  it('belongs to parameters by their places in the group, whatever their numbers are', () => {
    const state = (whole.get('optimizer') as PythonDict).get('state') as PythonDict;
    const elsewhere = new Map([...state].map(([position, entry]) => [Number(position) + 1000, entry] as const));
    const params = names.map((_name, place) => place + 1000);
    expect(moments(withOptimizer({ params }, elsewhere))).toEqual(checkpoint.optimizer?.slots.get('exp_avg'));
  });

  it('belongs to parameters by their names, where the file has them in an order of its own', () => {
    const last = names.length - 1;
    const state = (whole.get('optimizer') as PythonDict).get('state') as PythonDict;
    const turned = new Map([...state].map(([position, entry]) => [last - Number(position), entry] as const));
    const param_names = names.map((_name, place) => `module.model.${names[last - place] ?? ''}`);
    const found = checkpointFromPython(withOptimizer({ param_names }, turned), names, optimizerForms).optimizer;
    expect(new Map(found?.slots.get('exp_avg'))).toEqual(new Map(checkpoint.optimizer?.slots.get('exp_avg')));
    expect(() => checkpointFromPython(withOptimizer({ param_names: names.map(() => 'other.weight') }), names, optimizerForms)).toThrow(
      /param_names": expected the names of the model's parameters, found the text "other\.weight"/,
    );
  });
});

describe('an optimiser of which one part stands in many places', () => {
  const long = new Map<PythonValue, PythonValue>(Array.from({ length: 30_000 }, (_, place) => [`k${place}`, null]));
  /** Once for each place takes minutes, or more memory than there is. */
  const LONGEST_MS = 20_000;

  it.each<[string, PythonDict]>([
    ['group', dict({ state: new Map(), param_groups: Array.from({ length: 200_000 }, () => long) })],
    ['state', dict({ state: new Map(Array.from({ length: 100_000 }, (_, place) => [place, long])), param_groups: [new Map()] })],
  ])('is told by one look at a %s that comes again and again', (_what, optimizer) => {
    const began = performance.now();
    expect(optimizerKind(optimizer, optimizerForms)?.name).toBe('not known');
    expect(performance.now() - began).toBeLessThan(LONGEST_MS);
  });

  it('is looked for once in a list that stands under many keys', () => {
    const list: PythonValue[] = Array.from({ length: 200_000 }, () => null);
    const began = performance.now();
    expect(findOptimizer(new Map(Array.from({ length: 30_000 }, (_, place) => [`k${place}`, list])))).toBeUndefined();
    expect(performance.now() - began).toBeLessThan(LONGEST_MS);
  });

  it('is found once where it stands under two keys', () => {
    const optimizer = stateOf(adamGroup(), ...MOMENTS);
    expect(findOptimizer(dict({ optimizer, again: optimizer }))).toMatchObject({ key: 'optimizer', others: [] });
  });
});
