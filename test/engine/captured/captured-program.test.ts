import { beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { CapturedProgram } from '../../../src/engine/captured/captured-program';
import { createProgram } from '../../../src/engine/create-program';
import { exponentialAverage } from '../../../src/engine/optimizers/weight-average';
import type { NamedArrays, ParameterValues } from '../../../src/engine/parameters';
import type { Program, ProgramState } from '../../../src/engine/program';
import { startRuntime } from '../../../src/engine/runtime';
import { tf } from '../../../src/engine/tensorflow';
import { lastOf } from '../../../src/foundation/slices';
import { bothPrograms, drawnInputs, tinyTraining } from '../../support/captured';
import { relativeDistance } from '../../support/parity';
import { slotOf } from '../../support/optimizer-slots';

beforeAll(async () => {
  await startRuntime();
});

beforeEach(() => {
  expect(tf.memory().numTensors).toBe(0);
});

const once = { learningRate: 1e-3, gradientScale: 1, apply: true };

/** By name, how far each tensor is from what was expected. W_k.bias has a gradient of 0: what is computed of it is rounding. */
function expectClose(actual: ParameterValues, expected: ParameterValues, tolerance = 1e-5): void {
  expect([...actual.keys()]).toEqual([...expected.keys()]);
  const far = [...expected]
    .filter(([name]) => !name.endsWith('W_k.bias'))
    .map(([name, values]) => ({ name, distance: relativeDistance(actual.get(name) ?? [], values) }))
    .filter(({ distance }) => !(distance < tolerance));
  expect(far).toEqual([]);
}

function expectCloseOutputs(actual: NamedArrays, expected: NamedArrays): void {
  const values = (arrays: NamedArrays): ParameterValues =>
    new Map(Object.entries(arrays).map(([name, array]) => [name, array.values as Float32Array]));
  expectClose(values(actual), values(expected));
  for (const [name, { shape }] of Object.entries(expected)) expect(actual[name]?.shape).toEqual(shape);
}

/** All that a program reads of itself. */
function stateOf(program: Program): ProgramState {
  return { parameters: program.readParameters(), optimizer: program.readOptimizer(), average: program.readAverage() };
}

describe.each(['captured', 'eager'] as const)('what is held of a program that runs %s', (mode) => {
  it('is its state of that moment, however many steps are taken before it is read', () => {
    const { definition, weights } = tinyTraining();
    const program = createProgram({ ...definition, average: exponentialAverage(0.9) }, weights, { mode });
    program.trainStep(drawnInputs(), once);
    const before = stateOf(program);
    const [held, released] = [program.hold(), program.hold()];
    for (let step = 1; step < 4; step++) program.trainStep(drawnInputs({ step }), once);
    program.trainStep(drawnInputs({ step: 4 }), { ...once, gradientScale: 0.5, apply: false });
    released.release();
    const work = held.read();
    work.next();
    program.writeParameters(new Map([...before.parameters].map(([name, values]) => [name, values.map(() => 7)])));
    const read = lastOf(work);
    expect(read).toEqual(before);
    expect(stateOf(program)).not.toEqual(before);
    program.dispose();
  });
});

describe('CapturedProgram', () => {
  it('is recorded twice for its first shapes, to find what would be frozen, and once for further ones', () => {
    const { definition, weights } = tinyTraining();
    let recordings = 0;
    const evaluate: typeof definition.evaluate = (...given) => {
      recordings++;
      return definition.evaluate(...given);
    };
    const program = new CapturedProgram({ ...definition, evaluate }, weights);
    const counted = [5, 6, 7, 6].map((frames) => {
      program.evaluate(drawnInputs({ frames }));
      return recordings;
    });
    program.dispose();
    expect(counted).toEqual([2, 3, 4, 4]);
  });

  it.each([
    ['mean pooling', { pooling: 'mean' }],
    ['max pooling, focal loss', { pooling: 'max', loss: 'focal' }],
    ['a class token, smoothed labels', { pooling: 'cls', loss: 'label_smoothing' }],
    ['weight decay and clipping', { adam: { weightDecay: 1e-3, clipNorm: 0.5 } }],
  ] as const)('agrees with eager running, dropout on: %s', (_, options) => {
    const { captured, eager } = bothPrograms(options);
    expectClose(captured.gradients(drawnInputs()), eager.gradients(drawnInputs()));
    for (let step = 0; step < 6; step++) {
      const inputs = drawnInputs({ step, frames: step % 2 === 0 ? 10 : 7 });
      const [ours, theirs] = [captured.trainStep(inputs, once), eager.trainStep(inputs, once)];
      expect(ours.loss / theirs.loss).toBeCloseTo(1, 5);
      expect((ours.gradientNorm ?? NaN) / (theirs.gradientNorm ?? NaN)).toBeCloseTo(1, 5);
      expectCloseOutputs(ours.outputs, theirs.outputs);
    }
    expectClose(captured.readParameters(), eager.readParameters());
    const [ours, theirs] = [captured.readOptimizer(), eager.readOptimizer()];
    expect(ours.step).toBe(theirs.step);
    expectClose(slotOf(ours, 'exp_avg'), slotOf(theirs, 'exp_avg'));
    expectClose(slotOf(ours, 'exp_avg_sq'), slotOf(theirs, 'exp_avg_sq'), 3e-5); // The fused operation computes 1 − beta2 in float32: 1.3e-5 less.
    expectCloseOutputs(captured.evaluate(drawnInputs()), eager.evaluate(drawnInputs()));
    captured.dispose();
    eager.dispose();
  });

  it.each(['mean', 'max', 'cls'] as const)('computes without the padding what it computes with it: %s pooling', (pooling) => {
    const { captured, eager } = bothPrograms({ dropout: 0, pooling });
    const packed = drawnInputs({ count: 3 });
    const whole = drawnInputs({ count: 3, packed: false });
    expect([packed['packed_positions']?.values.length, packed['packed_rows']?.values.length]).toEqual([35, 40]);
    expect(whole).not.toHaveProperty('packed_rows');
    for (const program of [captured, eager]) {
      expectClose(program.gradients(packed), program.gradients(whole));
      expectCloseOutputs(program.evaluate(packed), program.evaluate(whole));
    }
    captured.dispose();
    eager.dispose();
  });

  it('sees nothing of a padded row', () => {
    const { captured, eager } = bothPrograms({ dropout: 0 });
    const padded = drawnInputs({ size: 4, count: 3 });
    expectClose(captured.gradients(padded), eager.gradients(padded));
    const other = {
      ...padded,
      features: { shape: [4, 10, 156], values: padded['features']?.values.map((value, place) => (place < 3 * 1560 ? value : 0)) },
    };
    expectClose(captured.gradients(other as NamedArrays), captured.gradients(padded));
    captured.dispose();
    eager.dispose();
  });

  it('accumulates as eager running does, and forgets what it has applied', () => {
    const { captured, eager } = bothPrograms({ adam: { clipNorm: 0.5, weightDecay: 0.01 } });
    for (let step = 0; step < 6; step++) {
      const update = { learningRate: 1e-3, gradientScale: 1 / 3, apply: step % 3 === 2 };
      const inputs = drawnInputs({ step, seed: step });
      const [ours, theirs] = [captured.trainStep(inputs, update), eager.trainStep(inputs, update)];
      expect(ours.loss / theirs.loss).toBeCloseTo(1, 5);
      expect(ours.gradientNorm === undefined).toBe(theirs.gradientNorm === undefined);
      if (theirs.gradientNorm !== undefined) expect((ours.gradientNorm ?? NaN) / theirs.gradientNorm).toBeCloseTo(1, 5);
    }
    expect(captured.readOptimizer().step).toBe(2);
    expectClose(captured.readParameters(), eager.readParameters());
    captured.dispose();
    eager.dispose();
  });

  it('replays bit for bit, and goes on bit for bit from what was read', () => {
    const { definition, weights } = tinyTraining({ dropout: 0.3 });
    const one = new CapturedProgram(definition, weights);
    const same = new CapturedProgram(definition, weights);
    one.trainStep(drawnInputs({ step: 0 }), once);
    same.trainStep(drawnInputs({ step: 0 }), once);
    const resumed = new CapturedProgram(definition, weights);
    resumed.writeParameters(one.readParameters());
    resumed.writeOptimizer(one.readOptimizer());
    for (let step = 1; step < 5; step++) {
      const inputs = drawnInputs({ step, frames: 8 + (step % 2) });
      const { loss } = one.trainStep(inputs, once);
      expect([same.trainStep(inputs, once).loss, resumed.trainStep(inputs, once).loss]).toEqual([loss, loss]);
    }
    expect([...same.readParameters()]).toEqual([...one.readParameters()]);
    expect([...resumed.readParameters()]).toEqual([...one.readParameters()]);
    expect(resumed.readOptimizer()).toEqual(one.readOptimizer());
    for (const program of [one, same, resumed]) program.dispose();
  });

  it('draws new masks at every step', () => {
    const { definition, weights } = tinyTraining({ dropout: 0.5 });
    const program = new CapturedProgram(definition, weights);
    const still = { learningRate: 0, gradientScale: 1, apply: true };
    const losses = [0, 1, 0].map((step) => program.trainStep(drawnInputs({ step }), still).loss);
    expect(losses[1]).not.toBe(losses[0]);
    expect(losses[2]).toBe(losses[0]);
    program.dispose();
  });

  it('changes nothing by a capture: parameters keep their bits, and gradients and evaluation leave them alone', () => {
    const { definition, weights } = tinyTraining();
    const program = new CapturedProgram(definition, weights);
    expect([...program.readParameters()]).toEqual([...weights]);
    program.evaluate(drawnInputs());
    program.gradients(drawnInputs({ frames: 9 }));
    expect([...program.readParameters()]).toEqual([...weights]);
    expect(program.readOptimizer()).toEqual({
      step: 0,
      slots: new Map([
        ['exp_avg', new Map()],
        ['exp_avg_sq', new Map()],
      ]),
    });
    program.dispose();
  });

  it('never touches a parameter without a gradient', () => {
    const { definition, weights } = tinyTraining({ pooling: 'mean', adam: { weightDecay: 0.1 } });
    const program = new CapturedProgram(definition, weights);
    program.trainStep(drawnInputs(), once);
    expect(program.readParameters().get('cls_token')).toEqual(weights.get('cls_token'));
    expect(program.readParameters().get('pos_encoder.pe')).toEqual(weights.get('pos_encoder.pe'));
    const [expAvg, expAvgSq] = ['exp_avg', 'exp_avg_sq'].map((slot) => slotOf(program.readOptimizer(), slot));
    expect([expAvg?.has('cls_token'), expAvgSq?.has('cls_token'), expAvg?.has('embedding.bias')]).toEqual([false, false, true]);
    program.dispose();
  });

  it('leaves the arrays that it was given as they were', () => {
    const { definition, weights } = tinyTraining();
    const before = new Map([...weights].map(([name, values]) => [name, values.slice()]));
    const program = new CapturedProgram(definition, weights);
    const inputs = drawnInputs();
    for (let count = 0; count < 3; count++) program.trainStep(inputs, once);
    expect([...weights]).toEqual([...before]);
    expect(inputs).toEqual(drawnInputs());
    program.dispose();
  });

  it('holds no more tensors, and hardly more memory, after many steps', () => {
    const { definition, weights } = tinyTraining();
    const program = new CapturedProgram(definition, weights);
    const { binding } = tf.backend() as unknown as { binding: { getNumOfTensors(): number } };
    const step = (count: number): void => {
      program.trainStep(drawnInputs({ step: count }), once);
    };
    for (let count = 0; count < 40; count++) step(count);
    const tensors = [tf.memory().numTensors, binding.getNumOfTensors()];
    const resident = process.memoryUsage.rss();
    for (let count = 0; count < 200; count++) step(count);
    expect([tf.memory().numTensors, binding.getNumOfTensors()]).toEqual(tensors);
    expect(process.memoryUsage.rss() / resident).toBeLessThan(1.15);
    program.dispose();
  });

  it('gives an input back that is an output too', () => {
    const program = new CapturedProgram(
      {
        parameters: [{ name: 'w', shape: [2], trainable: true, initialise: () => new Float32Array(2) }],
        evaluate: ({ w = tf.scalar(0) }, { x = w }) => ({ x, w }),
      },
      new Map([['w', Float32Array.of(1, 2)]]),
    );
    const outputs = program.evaluate({ x: { shape: [3], values: Int32Array.of(4, 5, 6) } });
    expect(outputs).toEqual({ x: { shape: [3], values: Int32Array.of(4, 5, 6) }, w: { shape: [2], values: Float32Array.of(1, 2) } });
    program.dispose();
  });

  it('refuses values that do not fit', () => {
    const { definition, weights } = tinyTraining();
    const program = new CapturedProgram(definition, weights);
    expect(() => {
      program.writeParameters(new Map([...weights].filter(([name]) => name !== 'embedding.bias')));
    }).toThrow('no values for the parameter embedding.bias');
    expect(() => {
      program.writeParameters(new Map([...weights, ['embedding.bias', new Float32Array(3)]]));
    }).toThrow('embedding.bias: expected 32 values (32), found 3');
    program.dispose();
  });

  it('computes matrix products in bfloat16 where asked, and keeps weights and updates in float32', () => {
    const { captured, eager } = bothPrograms({ dropout: 0 }, 'bfloat16');
    const [ours, theirs] = [captured.trainStep(drawnInputs(), once), eager.trainStep(drawnInputs(), once)];
    expect(ours.loss).not.toBe(theirs.loss);
    expect(ours.loss / theirs.loss).toBeCloseTo(1, 1);
    const weight = captured.readParameters().get('embedding.weight') ?? new Float32Array();
    const asBfloat16 = new Uint32Array(weight.buffer).filter((bits) => (bits & 0xffff) === 0).length;
    expect(asBfloat16).toBeLessThan(weight.length / 10);
    captured.dispose();
    eager.dispose();
  });
});
