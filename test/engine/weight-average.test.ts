import { beforeAll, describe, expect, it } from '@jest/globals';
import { CapturedProgram } from '../../src/engine/captured/captured-program';
import { EagerProgram } from '../../src/engine/eager-program';
import { exponentialAverage } from '../../src/engine/optimizers/weight-average';
import type { ParameterValues } from '../../src/engine/parameters';
import type { Program } from '../../src/engine/program';
import { startRuntime } from '../../src/engine/runtime';
import { elementAt, required } from '../../src/foundation/required';
import { drawnInputs, tinyTraining } from '../support/captured';
import { relativeDistance } from '../support/parity';

beforeAll(async () => {
  await startRuntime();
});

const { definition, weights } = tinyTraining({ dropout: 0, adam: {} });
const averaging = { ...definition, average: exponentialAverage(0.4) };
const step = { learningRate: 1e-2, gradientScale: 1, apply: true };

function averageOf(program: Program): ParameterValues {
  return required(program.readAverage(), 'an average').values;
}

describe.each([
  ['captured', (): Program => new CapturedProgram(averaging, weights)],
  ['eagerly', (): Program => new EagerProgram(averaging, weights)],
] as const)('the average of the weights, %s', (_how, create) => {
  it('follows the weights after every update, faster at first', () => {
    const program = create();
    const expected = new Map([...weights].map(([name, values]) => [name, Float64Array.from(values)]));
    for (let update = 1; update <= 5; update++) {
      program.trainStep(drawnInputs({ step: update, packed: false }), step);
      const kept = Math.min(0.4, (1 + update) / (10 + update));
      for (const [name, values] of program.readParameters())
        expected.set(
          name,
          required(expected.get(name), name).map((before, place) => kept * before + (1 - kept) * elementAt(values, place)),
        );
    }
    const average = averageOf(program);
    expect([...average.keys()]).toEqual(definition.parameters.filter(({ trainable }) => trainable).map(({ name }) => name));
    for (const [name, values] of average) expect(relativeDistance(values, required(expected.get(name), name))).toBeLessThan(1e-6);
    expect(program.readAverage()?.updates).toBe(5);
    program.dispose();
  });

  it('moves where an accumulated gradient is applied, and stays where a step is not finite', () => {
    const program = create();
    const half = { ...step, gradientScale: 0.5 };
    program.trainStep(drawnInputs({ packed: false }), { ...half, apply: false });
    expect(averageOf(program)).toEqual(new Map([...averageOf(program).keys()].map((name) => [name, weights.get(name)])));
    program.trainStep(drawnInputs({ step: 1, packed: false }), half);
    const moved = program.readAverage();
    expect(moved?.updates).toBe(1);
    expect(averageOf(program).get('gloss_head.3.weight')).not.toEqual(weights.get('gloss_head.3.weight'));
    expect(program.trainStep(drawnInputs({ step: 2, packed: false }), { ...step, learningRate: 1e42 }).finite).toBe(false);
    expect(program.readAverage()).toEqual(moved);
    program.dispose();
  });

  it('changes nothing of what is trained', () => {
    const [program, plain] = [create(), new CapturedProgram(definition, weights)];
    const eager = create() instanceof EagerProgram;
    for (let update = 0; update < 3; update++)
      for (const some of [program, plain]) some.trainStep(drawnInputs({ step: update, packed: false }), step);
    if (!eager) expect([...program.readParameters()]).toEqual([...plain.readParameters()]);
    expect(plain.readAverage()).toBeUndefined();
    program.dispose();
    plain.dispose();
  });
});
