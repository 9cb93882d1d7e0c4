import { elementAt, required } from '../../foundation/required';
import type { ScanInputs, ScanStep } from '../native-backend';
import { inScope, type tf } from '../tensorflow';
import {
  type Recording,
  type TensorType,
  DataType,
  typeOf,
  type Attributes,
  type AttributeValue,
  type Constant,
  type FunctionDefinition,
  CaptureError,
  neededOperations,
  type FunctionNode,
} from './recording';

/** The part of a recorder that a scan's step is recorded with. */
interface StepRecorder {
  giveTensor(name: string, type: TensorType): tf.Tensor;
  setResult(name: string, tensor: tf.Tensor): void;
  finish(): Recording;
}

/** Records one frame of a scan. @param types of the sequences, the state and the constants. */
export function recordScanStep(recorder: StepRecorder, given: ScanInputs, types: readonly TensorType[], step: ScanStep): RecordedScan {
  const ends = [given.sequences.length, given.sequences.length + given.state.length] as const;
  const [sequences, state, constants] = [types.slice(0, ends[0]), types.slice(ends[0], ends[1]), types.slice(ends[1])];
  const give = (kind: string, kindTypes: readonly TensorType[]): tf.Tensor[] =>
    kindTypes.map((type, place) => recorder.giveTensor(`${kind} ${place}`, type));
  inScope(() => {
    const slices = give(
      'sequence',
      sequences.map(({ dtype, shape }) => ({ dtype, shape: shape.slice(1) })),
    );
    const results = step(slices, give('state', state), give('constant', constants));
    results.state.forEach((tensor, place) => {
      recorder.setResult(`state ${place}`, tensor);
    });
    results.outputs.forEach((tensor, place) => {
      recorder.setResult(`output ${place}`, tensor);
    });
  });
  const recording = recorder.finish();
  const frames = elementAt(elementAt(sequences, 0).shape, 0);
  return {
    frames,
    sequences,
    state,
    constants,
    outputs: resultTypes(recording, 'output'),
    step: recording,
    reverse: given.reverse ?? false,
  };
}

/** A loop over frames, as its step was recorded. */
interface RecordedScan {
  readonly frames: number;
  /** The types of what it is given: sequences `[frames, …]`, the state that each frame hands to the next, and what stays the same. */
  readonly sequences: readonly TensorType[];
  readonly state: readonly TensorType[];
  readonly constants: readonly TensorType[];
  /** The types of what each frame gives, without the frame's axis. */
  readonly outputs: readonly TensorType[];
  /** One frame: given `sequence 0` …, `state 0` …, `constant 0` …, it gives `state 0` …, `output 0` …. */
  readonly step: Recording;
  /** From the last frame to the first. */
  readonly reverse: boolean;
}

/** Frames that one turn of the loop computes at most: a turn costs some 50 µs beside what it computes. */
const MOST_FRAMES_A_TURN = 16;

/**
 * A scan as a function of a graph: of sequences, state and constants, giving the last state and then the outputs of all frames. Its loop is TensorFlow's While
 * over a function, so the graph is no larger for more frames.
 */
function scanFunction(scan: RecordedScan): FunctionDefinition {
  const block = framesATurn(scan.frames);
  const turns = scan.frames / block;
  const draft = new FunctionDraft();
  const given = [...scan.sequences, ...scan.state, ...scan.constants].map((type) => draft.addInput(type.dtype));
  const [sequences, state, constants] = parted(given, scan);
  const blocks = sequences.map((sequence, place) => {
    const { dtype, shape } = elementAt(scan.sequences, place);
    return draft.addSingle('Reshape', [sequence, draft.addConstant(integers([turns, block, ...shape.slice(1)]))], {
      T: type(dtype),
      Tshape: int32,
    });
  });
  const lists = scan.outputs.map(({ dtype, shape }) =>
    draft.addSingle('TensorListReserve', [draft.addConstant(integers([block, ...shape])), draft.addConstant(integer(turns))], {
      element_dtype: type(dtype),
      shape_type: int32,
    }),
  );
  const loop = [draft.addConstant(integer(0)), ...blocks, ...state, ...constants, ...lists];
  const types = [
    DataType.int32,
    ...[...scan.sequences, ...scan.state, ...scan.constants].map(({ dtype }) => dtype),
    ...lists.map(() => DataType.variant),
  ];
  const results = draft.addNode(
    'StatelessWhile',
    loop,
    {
      T: { kind: 'types', value: types },
      cond: { kind: 'function', value: conditionFunction(types, turns) },
      body: { kind: 'function', value: turnFunction(scan, types, { block, turns }) },
      output_shapes: { kind: 'shapes', value: [] },
      parallel_iterations: { kind: 'int', value: 1 },
      _lower_using_switch_merge: { kind: 'bool', value: true },
    },
    loop.length,
  );
  const lastStates = results.slice(1 + sequences.length, 1 + sequences.length + state.length);
  const written = results.slice(results.length - lists.length);
  const stacked = scan.outputs.map(({ dtype, shape }, place) => {
    const stack = draft.addSingle('TensorListStack', [elementAt(written, place), draft.addConstant(integers([block, ...shape]))], {
      element_dtype: type(dtype),
      num_elements: { kind: 'int', value: turns },
    });
    return draft.addSingle('Reshape', [stack, draft.addConstant(integers([scan.frames, ...shape]))], { T: type(dtype), Tshape: int32 });
  });
  return draft.finish([
    ...lastStates.map((value, place) => ({ dtype: elementAt(scan.state, place).dtype, value })),
    ...stacked.map((value, place) => ({ dtype: elementAt(scan.outputs, place).dtype, value })),
  ]);
}

/** The most frames that divide the clip's, up to {@link MOST_FRAMES_A_TURN}. */
export function framesATurn(frames: number): number {
  for (let block = Math.min(frames, MOST_FRAMES_A_TURN); block > 1; block--) if (frames % block === 0) return block;
  return 1;
}

function conditionFunction(types: readonly number[], turns: number): FunctionDefinition {
  const draft = new FunctionDraft();
  const turn = elementAt(
    types.map((dtype) => draft.addInput(dtype)),
    0,
  );
  const value = draft.addSingle('Less', [turn, draft.addConstant(integer(turns))], { T: int32 });
  return draft.finish([{ dtype: DataType.bool, value }]);
}

/** One turn: reads a block of frames of every sequence, computes them one after the other, writes what they give as a block. */
function turnFunction(
  scan: RecordedScan,
  types: readonly number[],
  { block, turns }: { block: number; turns: number },
): FunctionDefinition {
  const draft = new FunctionDraft();
  const inputs = types.map((dtype) => draft.addInput(dtype));
  const [turn, carried] = [elementAt(inputs, 0), inputs.slice(1)];
  const [sequences, firstState, constants, lists] = parted(carried, scan);
  const index = scan.reverse ? draft.addSingle('Sub', [draft.addConstant(integer(turns - 1)), turn], { T: int32 }) : turn;
  const slices = sequences.map((sequence, place) => {
    const dtype = type(elementAt(scan.sequences, place).dtype);
    const read = draft.addSingle('GatherV2', [sequence, index, draft.addConstant(integer(0))], {
      Tparams: dtype,
      Tindices: int32,
      Taxis: int32,
      batch_dims: { kind: 'int', value: 0 },
    });
    return draft.addNode('Unpack', [read], { T: dtype, num: { kind: 'int', value: block }, axis: { kind: 'int', value: 0 } }, block);
  });
  let state = firstState;
  const outputs = scan.outputs.map(() => new Array<string>(block));
  for (let count = 0; count < block; count++) {
    const frame = scan.reverse ? block - 1 - count : count;
    const results = draft.addRecording(
      scan.step,
      new Map([
        ...slices.map((values, place) => [`sequence ${place}`, elementAt(values, frame)] as const),
        ...state.map((value, place) => [`state ${place}`, value] as const),
        ...constants.map((value, place) => [`constant ${place}`, value] as const),
      ]),
    );
    state = state.map((_, place) => required(results.get(`state ${place}`), `the state ${place}`));
    outputs.forEach((values, place) => (values[frame] = required(results.get(`output ${place}`), `the output ${place}`)));
  }
  const written = outputs.map((values, place) => {
    const dtype = type(elementAt(scan.outputs, place).dtype);
    const packed = draft.addSingle('Pack', values, { T: dtype, N: { kind: 'int', value: block }, axis: { kind: 'int', value: 0 } });
    return draft.addSingle('TensorListSetItem', [elementAt(lists, place), index, packed], { element_dtype: dtype });
  });
  const next = draft.addSingle('AddV2', [turn, draft.addConstant(integer(1))], { T: int32 });
  const values = [next, ...sequences, ...state, ...constants, ...written];
  return draft.finish(values.map((value, place) => ({ dtype: elementAt(types, place), value })));
}

function parted(values: readonly string[], { sequences, state, constants }: RecordedScan): [string[], string[], string[], string[]] {
  const ends = [sequences.length, sequences.length + state.length, sequences.length + state.length + constants.length] as const;
  return [values.slice(0, ends[0]), values.slice(ends[0], ends[1]), values.slice(ends[1], ends[2]), values.slice(ends[2])];
}

/** The operation that runs a scan, and what it gives: the last state, then the outputs of all frames. */
export function scanOperation(scan: RecordedScan): { name: string; attributes: Attributes; outputs: TensorType[] } {
  const definition = scanFunction(scan);
  const stacked = scan.outputs.map(({ dtype, shape }) => ({ dtype, shape: [scan.frames, ...shape] }));
  return {
    name: 'PartitionedCall',
    attributes: {
      f: { kind: 'function', value: definition },
      Tin: { kind: 'types', value: definition.inputs },
      Tout: { kind: 'types', value: definition.outputs.map(({ dtype }) => dtype) },
    },
    outputs: [...scan.state, ...stacked],
  };
}

/** The types of a step's results of a kind. */
function resultTypes(step: Recording, kind: 'state' | 'output'): TensorType[] {
  const types: TensorType[] = [];
  for (let place = 0; ; place++) {
    const value = step.results.get(`${kind} ${place}`);
    if (value === undefined) return types;
    types.push(typeOf(step.types, value));
  }
}

const int32 = type(DataType.int32);

function type(dtype: number): AttributeValue {
  return { kind: 'type', value: dtype };
}

function integer(value: number): Constant {
  return { dtype: DataType.int32, shape: [], bytes: new Uint8Array(Int32Array.of(value).buffer) };
}

function integers(values: readonly number[]): Constant {
  return { dtype: DataType.int32, shape: [values.length], bytes: new Uint8Array(Int32Array.from(values).buffer) };
}

/** An output of a function's node, as other nodes of the function name it. */
type FunctionValue = string;

/** A graph's function while it is written. */
class FunctionDraft {
  private readonly inputs: number[] = [];
  private readonly nodes: FunctionNode[] = [];
  private readonly constants = new Map<Constant, FunctionValue>();

  addInput(dtype: number): FunctionValue {
    this.inputs.push(dtype);
    return `in${this.inputs.length - 1}`;
  }

  /**
   * Adds a node. Returns its outputs.
   * @throws CaptureError for an operation whose outputs' names are not known here.
   */
  addNode(operation: string, inputs: readonly FunctionValue[], attributes: Attributes, outputCount = 1): FunctionValue[] {
    const argument = OUTPUT_ARGUMENTS.get(operation);
    if (argument === undefined) throw new CaptureError(`${operation} in a loop: OUTPUT_ARGUMENTS does not have the name of its output yet`);
    const name = `n${this.nodes.length}`;
    this.nodes.push({ name, operation, inputs, attributes });
    return Array.from({ length: outputCount }, (_, place) => `${name}:${argument}:${place}`);
  }

  /** Adds a node of one output. */
  addSingle(operation: string, inputs: readonly FunctionValue[], attributes: Attributes): FunctionValue {
    return elementAt(this.addNode(operation, inputs, attributes), 0);
  }

  addConstant(constant: Constant): FunctionValue {
    const written =
      this.constants.get(constant) ??
      this.addSingle('Const', [], { dtype: { kind: 'type', value: constant.dtype }, value: { kind: 'tensor', value: constant } });
    this.constants.set(constant, written);
    return written;
  }

  /** Writes what a recording's results need. Returns the results by name. */
  addRecording(recording: Recording, given: ReadonlyMap<string, FunctionValue>): Map<string, FunctionValue> {
    const values = new Map<number, FunctionValue>();
    for (const [name, value] of recording.given) values.set(value, required(given.get(name), `the input ${name}`));
    const find = (value: number): FunctionValue => {
      const constant = recording.constants.get(value);
      const found = values.get(value) ?? (constant && this.addConstant(constant));
      if (found === undefined) throw new Error(`the recording uses tensor ${value} before it is computed`);
      return found;
    };
    for (const { name, attributes, inputs, outputs } of neededOperations(recording)) {
      const written = this.addNode(name, inputs.map(find), attributes, outputs.length);
      outputs.forEach((output, place) => values.set(output, elementAt(written, place)));
    }
    return new Map([...recording.results].map(([name, value]) => [name, find(value)]));
  }

  finish(outputs: FunctionDefinition['outputs']): FunctionDefinition {
    return { inputs: this.inputs, nodes: this.nodes, outputs };
  }
}

/** The names of operations' outputs, by which a function's nodes refer to them (tensorflow/core/ops). */
const OUTPUT_ARGUMENTS = new Map<string, string>([
  ...['Add', 'AddV2', 'Sub', 'Mul', 'RealDiv', 'Maximum', 'Minimum', 'Less', 'SigmoidGrad', 'TanhGrad', 'Select'].map(
    (name) => [name, 'z'] as const,
  ),
  ...['Sigmoid', 'Tanh', 'Neg', 'Square', 'Cast', 'Transpose'].map((name) => [name, 'y'] as const),
  ...[
    'BiasAdd',
    'Const',
    'GatherV2',
    'Identity',
    'Pack',
    'Reshape',
    'Slice',
    'Split',
    'SplitV',
    'Unpack',
    'ConcatV2',
    'Sum',
    'StatelessWhile',
  ].map((name) => [name, 'output'] as const),
  ['MatMul', 'product'],
  ['TensorListReserve', 'handle'],
  ['TensorListSetItem', 'output_handle'],
  ['TensorListStack', 'tensor'],
]);
