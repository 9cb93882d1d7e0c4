import { readFileSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { readTrainingCheckpoint } from '../../../src/checkpoint/training-checkpoint';
import { CapturedProgram } from '../../../src/engine/captured/captured-program';
import { EagerProgram } from '../../../src/engine/eager-program';
import { tensorNamed, type NamedArrays, constantValue, type ParameterValues } from '../../../src/engine/parameters';
import { adam, adamW } from '../../../src/engine/optimizers/adam';
import type { Optimizer } from '../../../src/engine/optimizers/optimizer';
import type { ParameterGroup } from '../../../src/engine/optimizers/parameter-groups';
import { sgd } from '../../../src/engine/optimizers/sgd';
import { optimizerFor, optimizerForms, settingsOfOptimizer } from '../../../src/engine/optimizers/table';
import type { Program, ProgramDefinition } from '../../../src/engine/program';
import { startRuntime } from '../../../src/engine/runtime';
import { tf } from '../../../src/engine/tensorflow';
import { relativeDistance } from '../../support/parity';
import { slotOf } from '../../support/optimizer-slots';

/** What PyTorch made of a small linear model: test/fixtures/optimizers/steps.py. */
interface Case {
  readonly optimizer: 'Adam' | 'AdamW' | 'SGD';
  readonly lr: number;
  readonly betas?: readonly [number, number];
  readonly eps?: number;
  readonly weight_decay?: number;
  readonly momentum?: number;
  readonly nesterov?: boolean;
  readonly clip: number | null;
  /** Batches of an update. */
  readonly accumulate: number;
  /** Every how many updates the parameter `seldom` has a gradient. */
  readonly seldom: number;
  readonly losses: readonly number[];
  readonly norms: readonly number[];
  readonly parameters: Readonly<Record<string, readonly number[]>>;
  readonly state: Readonly<Record<string, Readonly<Record<string, readonly number[]>>>>;
}

const folder = path.resolve(__dirname, '../../fixtures/optimizers');
const { cases } = JSON.parse(readFileSync(path.join(folder, 'steps.json'), 'utf8')) as { cases: Readonly<Record<string, Case>> };
const shapes = { weight: [3, 4], bias: [3], seldom: [3], never: [2] } as const;
const updates = 24;

beforeAll(async () => {
  await startRuntime();
});

beforeEach(() => {
  expect(tf.memory().numTensors).toBe(0);
});

function optimizerOf({ optimizer, betas = [0.9, 0.999], eps = 1e-8, weight_decay, momentum = 0, nesterov = false }: Case): Optimizer {
  const decay = weight_decay === undefined ? {} : { weightDecay: weight_decay };
  if (optimizer === 'SGD') return sgd({ momentum, nesterov, ...decay });
  return (optimizer === 'Adam' ? adam : adamW)({ betas, eps, ...decay });
}

function definitionWith(optimizer: Optimizer, { clip }: Case, parameterGroups?: readonly ParameterGroup[]): ProgramDefinition {
  return {
    parameters: Object.entries(shapes).map(([name, shape]) => ({ name, shape, trainable: true, initialise: constantValue(0) })),
    optimizer,
    parameterGroups,
    clipNorm: clip ?? undefined,
    evaluate: () => ({}),
    train: (parameters, inputs) => {
      const of = (name: string): tf.Tensor => tensorNamed(parameters, name);
      const linear = tf.add(tf.matMul(tensorNamed(inputs, 'x') as tf.Tensor2D, of('weight') as tf.Tensor2D, false, true), of('bias'));
      const output = 'with_seldom' in inputs ? tf.add(linear, of('seldom')) : linear;
      return { loss: tf.mean(tf.square(tf.sub(output, tensorNamed(inputs, 'y')))), outputs: {} };
    },
  };
}

const drawn = (size: number, formula: (index: number) => number): Float32Array =>
  Float32Array.from({ length: size }, (_, index) => formula(index));

const firstValues: ParameterValues = new Map(
  Object.entries(shapes).map(([name, shape]) => [
    name,
    drawn(
      shape.reduce<number>((size, length) => size * length, 1),
      (index) => 0.5 * Math.sin(name.length + 1.1 * index),
    ),
  ]),
);

function batch(step: number, withSeldom: boolean): NamedArrays {
  return {
    x: { shape: [5, 4], values: drawn(20, (index) => Math.sin(1 + 0.7 * step + 1.3 * index)) },
    y: { shape: [5, 3], values: drawn(15, (index) => Math.cos(0.3 * step + 1.7 * index)) },
    ...(withSeldom ? { with_seldom: { shape: [1], values: Float32Array.of(1) } } : {}),
  };
}

/** Trains on and holds every step against PyTorch's. */
function expectSteps(program: Program, { accumulate, seldom, lr, losses, norms }: Case, from: number): void {
  const close = (actual: number | undefined, expected: number | undefined): void => {
    expect(Math.abs((actual ?? NaN) / (expected ?? NaN) - 1)).toBeLessThan(1e-5);
  };
  for (let update = from; update < updates; update++) {
    for (let part = 0; part < accumulate; part++) {
      const [step, apply] = [update * accumulate + part, part === accumulate - 1];
      const result = program.trainStep(batch(step, update % seldom === 0), { learningRate: lr, gradientScale: 1 / accumulate, apply });
      close(result.loss, losses[step]);
      if (apply) close(result.gradientNorm, norms[update]);
    }
  }
}

function expectState(program: Program, { parameters, state }: Case, fused: boolean): void {
  const far = (actual: ParameterValues, expected: Readonly<Record<string, readonly number[]>>, tolerance: number): string[] =>
    Object.entries(expected).flatMap(([name, values]) =>
      relativeDistance(actual.get(name) ?? [], values) < tolerance ? [] : [`${name} ${relativeDistance(actual.get(name) ?? [], values)}`],
    );
  expect(far(program.readParameters(), parameters, 2e-6)).toEqual([]);
  expect(program.readParameters().get('never')).toEqual(firstValues.get('never'));
  const ours = program.readOptimizer();
  for (const slot of ours.slots.keys()) {
    const theirs = Object.entries(state).map(([name, slots]) => [name, slots[slot] ?? []] as const);
    expect([...slotOf(ours, slot).keys()].sort()).toEqual(theirs.map(([name]) => name).sort());
    // The fused operation computes 1 − beta2 in float32.
    const tolerance = fused && slot === 'exp_avg_sq' ? 3e-5 : 3e-6;
    expect(far(slotOf(ours, slot), Object.fromEntries(theirs), tolerance)).toEqual([]);
  }
  expect(Object.values(state).every((slots) => Object.keys(slots).every((slot) => ours.slots.has(slot)))).toBe(true);
}

describe.each(Object.entries(cases))('%s', (name, wanted) => {
  describe.each([
    ['eagerly', EagerProgram],
    ['captured', CapturedProgram],
  ] as const)('%s', (_how, ProgramClass) => {
    const fused = ProgramClass === CapturedProgram;

    it('makes PyTorch’s steps', () => {
      const program = new ProgramClass(definitionWith(optimizerOf(wanted), wanted), firstValues);
      expectSteps(program, wanted, 0);
      expectState(program, wanted, fused);
      program.dispose();
    });

    it('changes nothing in a step that is not finite', () => {
      const program = new ProgramClass(definitionWith(optimizerOf(wanted), wanted), firstValues);
      const once = { learningRate: wanted.lr, gradientScale: 1, apply: true };
      program.trainStep(batch(0, true), once);
      const before = [[...program.readParameters()], program.readOptimizer()];
      const { x, ...others } = batch(1, true);
      expect(program.trainStep({ ...others, x: { shape: [5, 4], values: new Float32Array(20).fill(NaN) } }, once).finite).toBe(false);
      expect(program.trainStep({ ...others, ...(x === undefined ? {} : { x }) }, { ...once, learningRate: 1e42 }).finite).toBe(false);
      expect([[...program.readParameters()], program.readOptimizer()]).toEqual(before);
      program.dispose();
    });

    it('goes on from PyTorch’s checkpoint as PyTorch does', () => {
      const { model, optimizer } = readTrainingCheckpoint(path.join(folder, `${name}.pt`), Object.keys(shapes), optimizerForms);
      if (optimizer === undefined) throw new Error('the checkpoint has no optimizer');
      expect(optimizer).toMatchObject({ form: { className: wanted.optimizer }, learningRate: wanted.lr });
      const unused = { weight_decay: NaN, adam_beta1: NaN, adam_beta2: NaN, eps: NaN, momentum: NaN, nesterov: false };
      const own = optimizerFor({ ...unused, ...settingsOfOptimizer(optimizer) });
      const program = new ProgramClass(definitionWith(own, wanted), new Map([...model].map(([key, { values }]) => [key, values])));
      program.writeOptimizer(optimizer);
      expectSteps(program, wanted, updates / 2);
      expectState(program, wanted, fused);
      expect(program.readOptimizer().step).toBe(wanted.optimizer === 'SGD' ? undefined : updates);
      program.dispose();
    });
  });
});

/** What PyTorch made of it where parameters are updated in groups: their names, the factor on their learning rate, whether they decay. */
const grouped = JSON.parse(readFileSync(path.join(folder, 'groups.json'), 'utf8')) as {
  readonly groups: readonly (readonly [names: readonly string[], rateFactor: number, decays: boolean])[];
  readonly cases: Readonly<Record<string, Case>>;
};

describe.each(Object.entries(grouped.cases))('%s in groups of parameters', (_name, wanted) => {
  it.each([
    ['eagerly', EagerProgram],
    ['captured', CapturedProgram],
  ] as const)('makes PyTorch’s steps, %s', (_how, ProgramClass) => {
    const groups = grouped.groups.map(([names, rateFactor, decays]) => ({
      names,
      rateFactor,
      optimizer: optimizerOf({ ...wanted, weight_decay: decays ? (wanted.weight_decay ?? NaN) : 0 }),
    }));
    const program = new ProgramClass(definitionWith(optimizerOf(wanted), wanted, groups), firstValues);
    expectSteps(program, wanted, 0);
    expectState(program, wanted, ProgramClass === CapturedProgram);
    program.dispose();
  });
});
