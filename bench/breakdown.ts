import { GraphWriter, type NodeOutput } from '../src/engine/captured/graph-writer';
import { inputTypesOf, recordEvaluation, recordTraining } from '../src/engine/captured/recorded-program';
import { type MatrixType, withProductsIn } from '../src/engine/captured/matrix-type';
import { freeTensors, Session, uploadTensor, type SessionTensor } from '../src/engine/captured/session';
import { inFastestProducts } from '../src/engine/captured/own-products';
import { DataType, neededOperations, typeOf, type Operation, type Recording, type TensorType } from '../src/engine/captured/recording';
import {
  initialiseParameters,
  sizeOfShape,
  tensorNamed,
  type NamedArrays,
  type NamedTensors,
  type ParameterValues,
} from '../src/engine/parameters';
import type { ProgramDefinition } from '../src/engine/program';
import { startRuntime } from '../src/engine/runtime';
import { PICTURES_AT_ONCE } from '../src/evaluation/frame-features/picture-features';
import { inferenceDefinition } from '../src/evaluation/loaded-model';
import { RandomStream } from '../src/foundation/random';
import { median, round, timed, timeFigures, type Figures } from './figures';
import type { BenchFlags } from './flags';
import { inPrecision } from './in-precision';
import { modelStep } from './model-step';
import { createProgram } from '../src/engine/create-program';
import { benchEncoder } from './features';

/** Rows and columns of the product that tells how fast this machine multiplies. */
const LARGE = 2048;
const RUNS = 5;

/**
 * Tells where the time of a step, an evaluation of a batch, or pictures' features goes: every operation of the recording run alone, and how long its matrix products would take at the rate at which this machine
 * multiplies large matrices. TensorFlow fuses some operations and runs others at once, so the parts do not add up to the step.
 */
export async function benchBreakdown(asked: BenchFlags): Promise<Figures> {
  const runtime = await startRuntime();
  const { flags, precision } = await inPrecision(asked);
  const { recording: plain, run, dispose, setting } = subjects[flags.of](flags, precision.bfloat16);
  const recording = inFastestProducts(withProductsIn(precision.bfloat16, plain));
  const operations = neededOperations(recording);

  for (let warmUp = 0; warmUp < 5; warmUp++) run(warmUp);
  const runs: number[] = [];
  while (runs.length < (flags.runs ?? 12)) {
    const count = runs.length;
    runs.push(
      await timed(() => {
        run(count);
      }),
    );
  }
  dispose();

  const gigaflop = operations.reduce((sum, operation) => sum + productFlops(recording, operation), 0) / 1e9;
  const type = precision.bfloat16.includes('large') ? DataType.bfloat16 : DataType.float32;
  const rate = (2 * LARGE ** 3) / 1e6 / (await timeAlone(largeProduct(type), 0));
  const ideal = (gigaflop / rate) * 1000;
  return {
    [flags.of]: timeFigures(runs),
    matrix_products: {
      gigaflop: round(gigaflop),
      gigaflop_per_second: round(rate),
      ideal_ms: round(ideal),
      [`${flags.of}_to_ideal`]: round(median(runs) / ideal, 2),
    },
    alone_ms: await timeOperations(recording, operations),
    setting: { ...setting, amp: precision },
    machine: { device: runtime.device, threads: runtime.threads, tensorflow: runtime.tensorflowVersion },
  };
}

/** What is broken down. */
interface Subject {
  readonly recording: Recording;
  /** Runs it as a whole; each count with other values. */
  readonly run: (count: number) => void;
  readonly dispose: () => void;
  readonly setting: Figures;
}

const subjects: Readonly<Record<BenchFlags['of'], (flags: BenchFlags, matrixType: MatrixType) => Subject>> = {
  step: (flags, matrixType) => {
    const { model, definition, inputs } = modelStep(flags);
    const program = createProgram(definition, initialiseParameters(model.parameters, new RandomStream(42)), {
      mode: 'captured',
      matrixType,
    });
    return {
      recording: recordTraining(definition, inputTypesOf(inputs(0))),
      run: (count) => program.trainStep(inputs(count), { learningRate: 1e-4, gradientScale: 1, apply: true }),
      dispose: () => {
        program.dispose();
      },
      setting: settingOf(flags),
    };
  },
  evaluate: (flags, matrixType) => {
    const { model, inputs } = modelStep(flags);
    const definition = inferenceDefinition(model);
    const batch = Object.fromEntries(Object.entries(inputs(0)).filter(([name]) => EVALUATED.includes(name)));
    return evaluationOf(definition, initialiseParameters(model.parameters, new RandomStream(42)), batch, flags, matrixType);
  },
  features: (flags, matrixType) => {
    const { encoder, weights, pixels } = benchEncoder();
    const { side } = encoder;
    const definition = {
      parameters: encoder.parameters,
      evaluate: (parameters: NamedTensors, given: NamedTensors) => ({ features: encoder.encode(parameters, tensorNamed(given, 'pixels')) }),
    };
    const input = { pixels: { shape: [PICTURES_AT_ONCE, side, side, 3], values: Float32Array.from(pixels) } };
    return evaluationOf(definition, encoder.prepare(weights), input, flags, matrixType);
  },
};

/** The inputs of a step that an evaluation takes. */
const EVALUATED: readonly string[] = ['features', 'mask', 'packed_positions', 'packed_rows'];

function evaluationOf(
  definition: ProgramDefinition,
  weights: ParameterValues,
  inputs: NamedArrays,
  flags: BenchFlags,
  matrixType: MatrixType,
): Subject {
  const program = createProgram(definition, weights, { mode: 'captured', matrixType });
  return {
    recording: recordEvaluation(definition, inputTypesOf(inputs)),
    run: () => program.evaluate(inputs),
    dispose: () => {
      program.dispose();
    },
    setting: flags.of === 'features' ? { frames_at_once: PICTURES_AT_ONCE } : settingOf(flags),
  };
}

function settingOf({ model, batch, frames, layers, heads, emb }: BenchFlags): Figures {
  return { model, batch, frames, layers, heads, emb };
}

/** Milliseconds of all operations of a name, the slowest name first; names of less than a hundredth of the sum together. */
async function timeOperations(recording: Recording, operations: readonly Operation[]): Promise<Figures> {
  const alike = new Map<string, { readonly call: SingleCall; count: number }>();
  for (const operation of operations) {
    const call = singleCall(recording, operation);
    const key = JSON.stringify([call.operation.name, call.operation.attributes, call.inputs.map(({ dtype, shape }) => [dtype, shape])]);
    const known = alike.get(key);
    if (known === undefined) alike.set(key, { call, count: 1 });
    else known.count++;
  }
  const overhead = await timeAlone(emptyCall(), 0);
  const sums = new Map<string, number>();
  for (const { call, count } of alike.values()) {
    const { name } = call.operation;
    sums.set(name, (sums.get(name) ?? 0) + count * (await timeAlone(call, overhead)));
  }
  const total = [...sums.values()].reduce((sum, milliseconds) => sum + milliseconds, 0);
  const [large, small] = [true, false].map((wanted) => [...sums].filter(([, milliseconds]) => milliseconds > total / 100 === wanted));
  const rest = small?.reduce((sum, [, milliseconds]) => sum + milliseconds, 0) ?? 0;
  const sorted = large?.toSorted(([, one], [, other]) => other - one) ?? [];
  return Object.fromEntries([...sorted, ['others', rest] as const].map(([name, milliseconds]) => [name, round(milliseconds)]));
}

/** The floating-point operations of a matrix product or a convolution; 0 for any other operation. */
function productFlops(
  { types }: Recording,
  { name, attributes, inputs: [left = -1, right = -1], outputs: [output = -1] }: Operation,
): number {
  if (name === 'Conv2D') return 2 * sizeOfShape(typeOf(types, output).shape) * sizeOfShape(typeOf(types, right).shape.slice(0, 3));
  if (!name.includes('MatMul')) return 0;
  const shape = typeOf(types, left).shape;
  const transposed = (attributes['transpose_a'] ?? attributes['adj_x'])?.value === true || attributes['transposed']?.value === 1;
  return 2 * sizeOfShape(typeOf(types, output).shape) * (shape.at(transposed ? -2 : -1) ?? 0);
}

/** One operation with inputs of its own: constants where it needs their values, else numbers. */
interface SingleCall {
  readonly operation: Pick<Operation, 'name' | 'attributes'>;
  readonly inputs: readonly (TensorType & { readonly bytes?: Uint8Array })[];
}

function singleCall(recording: Recording, operation: Operation): SingleCall {
  return { operation, inputs: operation.inputs.map((input) => recording.constants.get(input) ?? typeOf(recording.types, input)) };
}

function emptyCall(): SingleCall {
  return {
    operation: { name: 'Identity', attributes: { T: { kind: 'type', value: DataType.float32 } } },
    inputs: [{ dtype: DataType.float32, shape: [1] }],
  };
}

function largeProduct(dtype: number): SingleCall {
  const matrix = { dtype, shape: [LARGE, LARGE] };
  return { operation: { name: 'MatMul', attributes: { T: { kind: 'type', value: dtype } } }, inputs: [matrix, matrix] };
}

/** The least time of a call, in milliseconds, without what every run costs. */
async function timeAlone({ operation, inputs }: SingleCall, overhead: number): Promise<number> {
  const graph = new GraphWriter();
  const targets: NodeOutput[] = [];
  const tensors: SessionTensor[] = [];
  const nodes = inputs.map((input): NodeOutput => {
    // Sizes and axes must be known to TensorFlow; larger constants would let it compute the operation beforehand.
    if (input.bytes !== undefined && input.dtype === DataType.int32) return graph.addConstant({ ...input, bytes: input.bytes });
    const target = graph.addPlaceholder('input', input);
    targets.push(target);
    tensors.push(drawTensor(input));
    return target;
  });
  const output = graph.addNode('measured', operation.name, nodes, operation.attributes);
  const session = new Session();
  const prepared = session.add(graph.toBytes()).prepare(targets, [output]);
  const run = (): void => {
    freeTensors(prepared.run(tensors));
  };
  run();
  const times: number[] = [];
  while (times.length < RUNS) times.push(await timed(run));
  session.dispose();
  freeTensors(tensors);
  return Math.max(0, Math.min(...times) - overhead);
}

/** A tensor of that type: numbers from 0 to 1, or zeros where whole numbers are wanted, which may be indices. */
function drawTensor({ dtype, shape }: TensorType): SessionTensor {
  const size = sizeOfShape(shape);
  if (dtype === DataType.int32) return uploadTensor({ shape, values: new Int32Array(size) });
  const drawn = uploadTensor({ shape, values: Float32Array.from({ length: size }, (_, place) => (place * 0.6180339887) % 1) });
  if (dtype === DataType.float32) return drawn;
  const graph = new GraphWriter();
  const target = graph.addPlaceholder('numbers', { dtype: DataType.float32, shape });
  const cast = graph.addNode('cast', 'Cast', [target], {
    SrcT: { kind: 'type', value: DataType.float32 },
    DstT: { kind: 'type', value: dtype },
  });
  const session = new Session();
  const [tensor] = session.add(graph.toBytes()).prepare([target], [cast]).run([drawn]);
  session.dispose();
  freeTensors([drawn]);
  if (tensor === undefined) throw new Error('the native library cast nothing');
  return tensor;
}
