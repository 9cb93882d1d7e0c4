import { beforeAll, describe, expect, it } from '@jest/globals';
import { CapturedProgram } from '../../src/engine/captured/captured-program';
import { inputTypesOf, recordTraining } from '../../src/engine/captured/recorded-program';
import { byCudnn, createProgram } from '../../src/engine/create-program';
import { cudnnParameters, ofCudnnParameters } from '../../src/engine/cudnn-gru';
import { adam } from '../../src/engine/optimizers/adam';
import { nvidiaDriver } from '../../src/engine/hardware';
import { initialiseParameters, tensorNamed, valuesNamed } from '../../src/engine/parameters';
import type { Program, ProgramDefinition, StepResult } from '../../src/engine/program';
import { startRuntime } from '../../src/engine/runtime';
import { tf } from '../../src/engine/tensorflow';
import { RandomStream } from '../../src/foundation/random';
import { required } from '../../src/foundation/required';
import { FramesFirst, gru, gruOfClips, gruOfStates, gruParameters, lastState } from '../../src/models/layers/gru';
import { relativeDifference } from '../support/parity';

beforeAll(async () => {
  await startRuntime({ tf32: false });
});

const [BATCH, FRAMES, INPUTS, HIDDEN] = [2, 3, 5, 4] as const;
const parameters = [...gruParameters('first', INPUTS, HIDDEN), ...gruParameters('second', HIDDEN, HIDDEN)];
const inputs = {
  x: { shape: [BATCH, FRAMES, INPUTS], values: new Float32Array(BATCH * FRAMES * INPUTS).fill(0.5) },
  mask: { shape: [BATCH, FRAMES], values: Float32Array.of(1, 1, 1, 1, 0, 0) },
};

/** What only a GPU can show; `npm run gpu-check` runs it on one. */
const [onGpu, onProcessor] = nvidiaDriver() !== undefined && process.env['KUMPAS_BACKEND'] !== 'cpu' ? [it, it.skip] : [it.skip, it];

/** Two GRUs, one after the other; `last` is of a loss over their last states. */
const definition: ProgramDefinition = {
  parameters,
  optimizer: adam(),
  evaluate: (weights, given) => ({ last: lastStates(weights, given) }),
  train: (weights, given) => ({ loss: tf.sum(tf.square(lastStates(weights, given))), outputs: {} }),
};

function lastStates(weights: Readonly<Record<string, tf.Tensor>>, given: Readonly<Record<string, tf.Tensor>>): tf.Tensor {
  const order = new FramesFirst(tensorNamed(given, 'mask'));
  return lastState(gruOfStates(weights, 'second', gruOfClips(weights, 'first', tensorNamed(given, 'x'), order), order));
}

describe('a GRU by cuDNN', () => {
  it('takes PyTorch’s parameters in cuDNN’s order, and gives them back', () => {
    tf.tidy(() => {
      const size = 3 * HIDDEN * (INPUTS + HIDDEN + 2);
      const numbers = tf.range(0, size);
      const weights = ofCudnnParameters(numbers, INPUTS, HIDDEN);
      expect([weights.weightIh, weights.weightHh, weights.biasIh, weights.biasHh].map(({ shape }) => shape)).toEqual([
        [12, 5],
        [12, 4],
        [12],
        [12],
      ]);
      expect(cudnnParameters(weights).arraySync()).toEqual(numbers.arraySync());
      // cuDNN's linLayerID: 0, 1, 2 are reset, update and new gate of the inputs, 3 to 5 those of the state; first all matrices, then all biases.
      const matrixOf = (linLayerID: number): [rows: tf.Tensor, first: number] =>
        linLayerID < 3
          ? [tf.slice(weights.weightIh, [linLayerID * HIDDEN, 0], [HIDDEN, INPUTS]), linLayerID * HIDDEN * INPUTS]
          : [
              tf.slice(weights.weightHh, [(linLayerID - 3) * HIDDEN, 0], [HIDDEN, HIDDEN]),
              (3 * INPUTS + (linLayerID - 3) * HIDDEN) * HIDDEN,
            ];
      for (let linLayerID = 0; linLayerID < 6; linLayerID++) {
        const [rows, first] = matrixOf(linLayerID);
        expect([...rows.dataSync()]).toEqual(Array.from({ length: rows.size }, (_, place) => first + place));
      }
      expect(weights.biasIh.arraySync()).toEqual(Array.from({ length: 12 }, (_, place) => 108 + place));
    });
    expect(tf.memory().numTensors).toBe(0);
  });

  it('is recorded, forward and backward, as cuDNN’s operations in place of loops', () => {
    const recording = recordTraining(byCudnn(definition), inputTypesOf(inputs));
    const { operations } = recording;
    const names = operations.map(({ name }) => name).filter((name) => /Cudnn|While/.test(name));
    expect(names).toEqual(['CudnnRNNV3', 'CudnnRNNV3', 'CudnnRNNBackpropV3', 'CudnnRNNBackpropV3']);
    const expected = {
      T: { kind: 'type', value: 1 },
      rnn_mode: { kind: 'string', value: 'gru' },
      input_mode: { kind: 'string', value: 'linear_input' },
      direction: { kind: 'string', value: 'unidirectional' },
      dropout: { kind: 'float', value: 0 },
      num_proj: { kind: 'int', value: 0 },
      time_major: { kind: 'bool', value: true },
    };
    for (const { attributes } of operations.filter(({ name }) => name.startsWith('Cudnn'))) expect(attributes).toMatchObject(expected);
    const plain = recordTraining(definition, inputTypesOf(inputs));
    expect(plain.operations.some(({ name }) => name.startsWith('Cudnn'))).toBe(false);
    for (const [name, value] of plain.results)
      expect(recording.types.get(required(recording.results.get(name), name))).toEqual(plain.types.get(value));
  });

  it('stays a loop where it runs from the last frame to the first', () => {
    const backwards: ProgramDefinition = {
      ...definition,
      train: (weights, given) => ({
        loss: tf.sum(gru(weights, 'first', tensorNamed(given, 'x'), tensorNamed(given, 'mask'), { reverse: true })),
        outputs: {},
      }),
    };
    const { operations } = recordTraining(byCudnn(backwards), inputTypesOf(inputs));
    expect(operations.some(({ name }) => name.startsWith('Cudnn'))).toBe(false);
  });

  onGpu('computes on a GPU what the loop of frames computes, step after step', () => {
    const [byOne, byOther] = [true, false].map((cudnnGru) =>
      createProgram(definition, initialiseParameters(parameters, new RandomStream(1)), { mode: 'captured', cudnnGru }),
    ) as [Program, Program];
    for (let step = 0; step < 5; step++) {
      const [one, other] = [byOne, byOther].map((program) =>
        program.trainStep(inputs, { learningRate: 0.1, gradientScale: 1, apply: true }),
      ) as [StepResult, StepResult];
      expect(relativeDifference([one.loss], [other.loss])).toBeLessThan(1e-5);
    }
    const [one, other] = [byOne, byOther].map((program) => valuesNamed(program.evaluate(inputs), 'last')) as [Float32Array, Float32Array];
    expect(relativeDifference(one, other)).toBeLessThan(1e-5);
    byOne.dispose();
    byOther.dispose();
  });

  onProcessor('is a graph that TensorFlow takes, and that the processor has no kernel for', () => {
    const program = new CapturedProgram(byCudnn(definition), initialiseParameters(parameters, new RandomStream(1)));
    expect(() => program.trainStep(inputs, { learningRate: 0.1, gradientScale: 1, apply: true })).toThrow(
      /No OpKernel was registered to support Op 'CudnnRNN/,
    );
    program.dispose();
  });

  onProcessor('stays a loop where no GPU computes', () => {
    const program = createProgram(definition, initialiseParameters(parameters, new RandomStream(1)), { mode: 'captured', cudnnGru: true });
    expect(program.trainStep(inputs, { learningRate: 0.1, gradientScale: 1, apply: true }).finite).toBe(true);
    program.dispose();
  });
});

describe('a runtime without TensorFloat-32', () => {
  it('asks NVIDIA’s libraries for full float32, before they are loaded', () => {
    expect(process.env['NVIDIA_TF32_OVERRIDE']).toBe('0');
  });
});
