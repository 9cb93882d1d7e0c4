import { beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { CapturedProgram } from '../../../src/engine/captured/captured-program';
import { recordDivided, inputTypesOf, recordTraining } from '../../../src/engine/captured/recorded-program';
import type { NamedArrays } from '../../../src/engine/parameters';
import { startRuntime } from '../../../src/engine/runtime';
import { tf } from '../../../src/engine/tensorflow';
import { drawnInputs, tinyTraining } from '../../support/captured';
import { relativeDistance } from '../../support/parity';

beforeAll(async () => {
  await startRuntime();
});

beforeEach(() => {
  expect(tf.memory().numTensors).toBe(0);
});

/** Parts of the processor stand for devices: what is computed is the same. */
const cpus = (count: number): string[] => new Array<string>(count).fill('/device:CPU:0');

const once = { learningRate: 1e-3, gradientScale: 1, apply: true };

/** How far the values of one map are from those of another, at most. W_k.bias has a gradient of 0: what is computed of it is rounding. */
function farthest(actual: ReadonlyMap<string, Float32Array>, expected: ReadonlyMap<string, Float32Array>): number {
  expect([...actual.keys()]).toEqual([...expected.keys()]);
  const names = [...expected.keys()].filter((name) => !name.endsWith('W_k.bias'));
  return Math.max(...names.map((name) => relativeDistance(actual.get(name) ?? [], expected.get(name) ?? [])));
}

describe('a program whose batches are divided over devices', () => {
  it.each([
    ['halves', 2, 4, 0.4],
    ['parts of different sizes, one of them of padding alone', 3, 3, 0.4],
    ['more devices than clips', 6, 4, 0],
  ])('computes what one device computes: %s', (_, devices, count, dropout) => {
    const { definition, weights } = tinyTraining({ dropout, adam: { weightDecay: 1e-3, clipNorm: 0.5 } });
    const whole = new CapturedProgram(definition, weights);
    const divided = new CapturedProgram(definition, weights, 'float32', cpus(devices));
    const inputs = (step: number, sharing = 1): NamedArrays =>
      drawnInputs({ size: 4, count, step, lengths: (clip) => 2 + ((clip * 3) % 5), devices: sharing });
    expect(inputs(0, devices)['packed_positions']?.shape).toEqual([Math.min(devices, 4), devices === 2 ? 10 : devices === 3 ? 8 : 7]);
    expect(farthest(divided.gradients(inputs(0, devices)), whole.gradients(inputs(0)))).toBeLessThan(1e-5);
    for (const [step, update] of [once, { ...once, gradientScale: 0.5, apply: false }, { ...once, gradientScale: 0.5 }].entries()) {
      const [ours, theirs] = [divided.trainStep(inputs(step, devices), update), whole.trainStep(inputs(step), update)];
      expect(ours.loss / theirs.loss).toBeCloseTo(1, 5);
      for (const [name, { shape, values }] of Object.entries(theirs.outputs)) {
        expect(ours.outputs[name]?.shape).toEqual(shape);
        expect(relativeDistance(ours.outputs[name]?.values ?? [], values)).toBeLessThan(1e-5);
      }
    }
    expect(farthest(divided.readParameters(), whole.readParameters())).toBeLessThan(1e-5);
    const [ours, theirs] = [divided.evaluate(inputs(9, devices)), whole.evaluate(inputs(9))];
    expect(relativeDistance(ours['losses']?.values ?? [], theirs['losses']?.values ?? [])).toBeLessThan(1e-5);
    divided.dispose();
    whole.dispose();
  });

  it('computes products in bfloat16 on every device where asked', () => {
    const { definition, weights } = tinyTraining({ dropout: 0 });
    const [low, full] = (['bfloat16', 'float32'] as const).map((type) => new CapturedProgram(definition, weights, type, cpus(2)));
    const inputs = drawnInputs({ packed: false });
    const [ours = NaN, theirs = NaN] = [low, full].map((program) => program?.trainStep(inputs, once).loss);
    expect(ours).not.toBe(theirs);
    expect(ours / theirs).toBeCloseTo(1, 1);
    low?.dispose();
    full?.dispose();
  });

  it('draws other masks for every part', () => {
    const { definition, weights } = tinyTraining({ dropout: 0.5 });
    const program = new CapturedProgram(definition, weights, 'float32', cpus(2));
    const { features, mask, gloss, category, ...rest } = drawnInputs({ size: 4, packed: false });
    const twice = <Values extends Float32Array | Int32Array>(values: Values | undefined): Values => {
      if (values === undefined) throw new Error('the inputs lack something');
      values.copyWithin(values.length / 2, 0, values.length / 2);
      return values;
    };
    for (const input of [features, mask, gloss, category]) twice(input?.values);
    if (features === undefined || mask === undefined || gloss === undefined || category === undefined)
      throw new Error('the inputs lack something');
    const { outputs } = program.trainStep({ ...rest, features, mask, gloss, category }, { ...once, learningRate: 0 });
    const logits = outputs['gloss_logits']?.values ?? new Float32Array();
    expect(logits.slice(0, logits.length / 2)).not.toEqual(logits.slice(logits.length / 2));
    program.dispose();
  });

  it('places each part on its device, and what puts them together on none', () => {
    const { definition } = tinyTraining();
    const types = inputTypesOf(drawnInputs({ packed: false }));
    const division = { perExample: [], ...definition.division, devices: ['/device:GPU:0', '/device:GPU:1'] };
    const recording = recordDivided(types, division, (given) => recordTraining(definition, given));
    const placed = new Map<string, number>();
    for (const { name, device } of recording.operations) {
      const place = device ?? (['SplitV', 'AddV2', 'AddN', 'ConcatV2'].includes(name) ? 'free' : `free ${name}`);
      placed.set(place, (placed.get(place) ?? 0) + 1);
    }
    expect([...placed.keys()].toSorted()).toEqual(['/device:GPU:0', '/device:GPU:1', 'free']);
    expect(placed.get('/device:GPU:0')).toBe(placed.get('/device:GPU:1'));
  });

  it('refuses inputs that are made for another number of parts', () => {
    const { definition, weights } = tinyTraining();
    const program = new CapturedProgram(definition, weights, 'float32', cpus(2));
    expect(() => program.trainStep(drawnInputs(), once)).toThrow('packed_positions is made for 1 parts, and there are 2');
    program.dispose();
  });

  it('refuses inputs that are not of one batch', () => {
    const { definition } = tinyTraining();
    const types = new Map([...inputTypesOf(drawnInputs({ packed: false })), ['gloss', { dtype: 3, shape: [3] }]] as const);
    const division = { perExample: [], ...definition.division, devices: cpus(2) };
    expect(() => recordDivided(types, division, (given) => recordTraining(definition, given))).toThrow('should be of one batch');
  });
});
