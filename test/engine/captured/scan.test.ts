import { beforeAll, describe, expect, it } from '@jest/globals';
import { CapturedProgram } from '../../../src/engine/captured/captured-program';
import { CaptureError } from '../../../src/engine/captured/recording';
import { framesATurn } from '../../../src/engine/captured/recorded-scan';
import { EagerProgram } from '../../../src/engine/eager-program';
import { constantValue, tensorNamed, valuesNamed } from '../../../src/engine/parameters';
import type { ProgramDefinition } from '../../../src/engine/program';
import { startRuntime } from '../../../src/engine/runtime';
import { scan } from '../../../src/engine/gru-states';
import { tf } from '../../../src/engine/tensorflow';

beforeAll(async () => {
  await startRuntime();
});

const parameters: ProgramDefinition['parameters'] = [{ name: 'decay', shape: [], trainable: false, initialise: constantValue(0.5) }];
const weights = new Map([['decay', Float32Array.of(0.5)]]);

/** Sums that decay, of one sequence; each frame also gives its own value beside the sum. */
const decaying = (reverse: boolean): ProgramDefinition => ({
  parameters,
  evaluate: (named, inputs) => {
    const { state, outputs } = scan(
      { sequences: [tensorNamed(inputs, 'x')], state: [tf.ones([2])], constants: [tensorNamed(named, 'decay')], reverse },
      ([x], [sum], [decay]) => {
        if (!x || !sum || !decay) throw new Error('given');
        const next = tf.add(tf.mul(sum, decay), x);
        return { state: [next], outputs: [next, tf.concat([x, sum])] };
      },
    );
    const [last] = state;
    const [sums, pairs] = outputs;
    if (!last || !sums || !pairs) throw new Error('gives');
    return { last: tf.mul(last, 1), sums, pairs };
  },
});

describe('scan', () => {
  it.each([
    [1, false],
    [7, true],
    [16, false],
    [40, true],
    [37, false],
  ])('of %i frames is the same as a loop of the graph and frame by frame (from the end: %s)', (frames, reverse) => {
    const values = Float32Array.from({ length: frames * 2 }, (_, place) => Math.sin(place));
    const inputs = { x: { shape: [frames, 2], values } };
    const [captured, eager] = [new CapturedProgram(decaying(reverse), weights), new EagerProgram(decaying(reverse), weights)];
    const [one, other] = [captured.evaluate(inputs), eager.evaluate(inputs)];
    for (const name of ['last', 'sums', 'pairs']) expect([...valuesNamed(one, name)]).toEqual([...valuesNamed(other, name)]);
    expect([...valuesNamed(one, 'last')]).toEqual([...valuesNamed(one, 'sums')].slice(reverse ? 0 : -2).slice(0, 2));
    captured.dispose();
    eager.dispose();
  });

  it('refuses a step that uses a tensor from outside, which a loop of the graph would not have', () => {
    const program = new CapturedProgram(
      {
        parameters,
        evaluate: (_, inputs) => {
          const x = tensorNamed(inputs, 'x');
          const outside = tf.mul(x, 2);
          const { outputs } = scan({ sequences: [x], state: [], constants: [] }, ([frame]) => ({
            state: [],
            outputs: [tf.add(frame ?? outside, outside)],
          }));
          return { sums: outputs[0] ?? x };
        },
      },
      weights,
    );
    expect(() => program.evaluate({ x: { shape: [4, 1], values: new Float32Array(4) } })).toThrow(CaptureError);
    program.dispose();
  });

  it('computes as many frames a turn as divide the clip’s', () => {
    expect([1, 13, 16, 30, 97, 100, 104, 300].map(framesATurn)).toEqual([1, 13, 16, 15, 1, 10, 13, 15]);
  });
});
