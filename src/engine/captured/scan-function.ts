import { FunctionDraft } from './function-draft';
import {
  DataType,
  typeOf,
  type Attributes,
  type AttributeValue,
  type Constant,
  type GraphFunction,
  type Recording,
  type TensorType,
} from './recording';

/** A loop over frames, as its step was recorded. */
export interface RecordedScan {
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
export function scanFunction(scan: RecordedScan): GraphFunction {
  const block = framesATurn(scan.frames);
  const turns = scan.frames / block;
  const draft = new FunctionDraft();
  const given = [...scan.sequences, ...scan.state, ...scan.constants].map((type) => draft.addInput(type.dtype));
  const [sequences, state, constants] = parted(given, scan);
  const blocks = sequences.map((sequence, place) => {
    const { dtype, shape } = scan.sequences[place] ?? { dtype: DataType.float32, shape: [] };
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
    const stack = draft.addSingle('TensorListStack', [written[place] ?? '', draft.addConstant(integers([block, ...shape]))], {
      element_dtype: type(dtype),
      num_elements: { kind: 'int', value: turns },
    });
    return draft.addSingle('Reshape', [stack, draft.addConstant(integers([scan.frames, ...shape]))], { T: type(dtype), Tshape: int32 });
  });
  return draft.finish([
    ...lastStates.map((value, place) => ({ dtype: scan.state[place]?.dtype ?? DataType.float32, value })),
    ...stacked.map((value, place) => ({ dtype: scan.outputs[place]?.dtype ?? DataType.float32, value })),
  ]);
}

/** The most frames that divide the clip's, up to {@link MOST_FRAMES_A_TURN}. */
export function framesATurn(frames: number): number {
  for (let block = Math.min(frames, MOST_FRAMES_A_TURN); block > 1; block--) if (frames % block === 0) return block;
  return 1;
}

function conditionFunction(types: readonly number[], turns: number): GraphFunction {
  const draft = new FunctionDraft();
  const [turn = ''] = types.map((dtype) => draft.addInput(dtype));
  const value = draft.addSingle('Less', [turn, draft.addConstant(integer(turns))], { T: int32 });
  return draft.finish([{ dtype: DataType.bool, value }]);
}

/** One turn: reads a block of frames of every sequence, computes them one after the other, writes what they give as a block. */
function turnFunction(scan: RecordedScan, types: readonly number[], { block, turns }: { block: number; turns: number }): GraphFunction {
  const draft = new FunctionDraft();
  const [turn = '', ...carried] = types.map((dtype) => draft.addInput(dtype));
  const [sequences, firstState, constants, lists] = parted(carried, scan);
  const index = scan.reverse ? draft.addSingle('Sub', [draft.addConstant(integer(turns - 1)), turn], { T: int32 }) : turn;
  const slices = sequences.map((sequence, place) => {
    const dtype = type(scan.sequences[place]?.dtype ?? DataType.float32);
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
        ...slices.map((values, place) => [`sequence ${place}`, values[frame] ?? ''] as const),
        ...state.map((value, place) => [`state ${place}`, value] as const),
        ...constants.map((value, place) => [`constant ${place}`, value] as const),
      ]),
    );
    state = state.map((_, place) => results.get(`state ${place}`) ?? '');
    outputs.forEach((values, place) => (values[frame] = results.get(`output ${place}`) ?? ''));
  }
  const written = outputs.map((values, place) => {
    const dtype = type(scan.outputs[place]?.dtype ?? DataType.float32);
    const packed = draft.addSingle('Pack', values, { T: dtype, N: { kind: 'int', value: block }, axis: { kind: 'int', value: 0 } });
    return draft.addSingle('TensorListSetItem', [lists[place] ?? '', index, packed], { element_dtype: dtype });
  });
  const next = draft.addSingle('AddV2', [turn, draft.addConstant(integer(1))], { T: int32 });
  const values = [next, ...sequences, ...state, ...constants, ...written];
  return draft.finish(values.map((value, place) => ({ dtype: types[place] ?? DataType.float32, value })));
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
export function resultTypes(step: Recording, kind: 'state' | 'output'): TensorType[] {
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
