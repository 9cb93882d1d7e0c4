import { beforeAll, describe, expect, it } from '@jest/globals';
import {
  nativeBackend,
  nativeBinding,
  type NativeAttribute,
  type NativeBinding,
  type NativeOperations,
  type NativeTensor,
  hasOwnKernels,
} from '../../../src/engine/native-backend';
import { Recorder } from '../../../src/engine/captured/capture';
import { DataType } from '../../../src/engine/captured/recording';
import { registeredOperations } from '../../../src/engine/captured/operation-rules';
import { sizeOfShape } from '../../../src/engine/parameters';
import { startRuntime } from '../../../src/engine/runtime';
// Each registers its kernels.
import '../../../src/engine/attention-product';
import '../../../src/engine/linear-and-norm';
import '../../../src/engine/dropout';

let binding: NativeBinding;

beforeAll(async () => {
  await startRuntime();
  binding = nativeBinding();
});

interface Case {
  readonly operations: readonly string[];
  readonly attributes: readonly (readonly [
    name: string,
    kind: 'TYPE' | 'BOOL' | 'INT' | 'STRING',
    value: number | boolean | string | number[],
  ])[];
  readonly outputs?: number;
  readonly inputs: readonly { readonly shape: readonly number[]; readonly values?: readonly number[]; readonly dtype?: number }[];
}

const float = [['T', 'TYPE', DataType.float32]] as const;
const draw: Case['attributes'] = [...float, ['place', 'INT', 1], ['threshold', 'INT', 26], ['per_example', 'INT', 3]];
const reduce = (keep: boolean): Case['attributes'] => [...float, ['keep_dims', 'BOOL', keep], ['Tidx', 'TYPE', DataType.int32]];
const indices = (...values: number[]): Case['inputs'][number] => ({ shape: [values.length], values, dtype: DataType.int32 });
const index = (value: number): Case['inputs'][number] => ({ shape: [], values: [value], dtype: DataType.int32 });
const pictures: Case['inputs'][number] = { shape: [2, 9, 8, 5] };
const windows = (padding: string, stride: number): Case['attributes'] => [
  ...float,
  ['strides', 'INT', [1, stride, stride, 1]],
  ['padding', 'STRING', padding],
  ['data_format', 'STRING', 'NHWC'],
];
const moved = ['SAME', 'VALID'].flatMap((padding) => [1, 2, 3].map((stride) => windows(padding, stride)));
const unary = [
  'Abs',
  'Elu',
  'Erf',
  'Exp',
  'Identity',
  'Log',
  'Log1p',
  'LogSoftmax',
  'Neg',
  'Reciprocal',
  'Relu',
  'Relu6',
  'Rsqrt',
  'Sigmoid',
  'Sign',
];
const [sums, arithmetic] = [
  ['Sum', 'Mean', 'Max', 'Min', 'Prod'],
  ['Add', 'AddV2', 'Sub', 'Mul', 'Div', 'RealDiv', 'DivNoNan', 'Maximum', 'Minimum', 'Pow', 'SquaredDifference'],
];

const cases: Case[] = [
  { operations: [...unary, 'Softmax', 'Softplus', 'Sqrt', 'Square', 'Tanh', 'ZerosLike'], attributes: float, inputs: [{ shape: [2, 3] }] },
  { operations: ['ReluGrad', 'Relu6Grad', 'SigmoidGrad', 'TanhGrad'], attributes: float, inputs: [{ shape: [2, 3] }, { shape: [2, 3] }] },
  { operations: arithmetic, attributes: float, inputs: [{ shape: [2, 1, 3] }, { shape: [4, 1] }] },
  { operations: arithmetic, attributes: float, inputs: [{ shape: [] }, { shape: [4, 2] }] },
  {
    operations: ['Equal', 'NotEqual', 'Greater', 'GreaterEqual', 'Less', 'LessEqual'],
    attributes: float,
    inputs: [{ shape: [2, 3] }, { shape: [3] }],
  },
  {
    operations: ['LogicalAnd', 'LogicalOr'],
    attributes: [],
    inputs: [
      { shape: [2, 3], dtype: DataType.bool },
      { shape: [3], dtype: DataType.bool },
    ],
  },
  { operations: sums, attributes: reduce(false), inputs: [{ shape: [2, 3, 4] }, indices(-1, 0)] },
  { operations: sums, attributes: reduce(true), inputs: [{ shape: [2, 3, 4] }, indices(1)] },
  {
    operations: ['MatMul'],
    attributes: [...float, ['transpose_a', 'BOOL', true], ['transpose_b', 'BOOL', false]],
    inputs: [{ shape: [3, 2] }, { shape: [3, 4] }],
  },
  {
    operations: ['BatchMatMul', 'BatchMatMulV2'],
    attributes: [...float, ['adj_x', 'BOOL', false], ['adj_y', 'BOOL', true]],
    inputs: [{ shape: [5, 2, 3] }, { shape: [5, 4, 3] }],
  },
  { operations: ['BatchMatMulV2'], attributes: float, inputs: [{ shape: [1, 2, 3] }, { shape: [5, 3, 4] }] },
  {
    operations: ['Cast'],
    attributes: [
      ['SrcT', 'TYPE', DataType.float32],
      ['DstT', 'TYPE', DataType.int32],
    ],
    inputs: [{ shape: [2, 3] }],
  },
  { operations: ['BiasAdd'], attributes: float, inputs: [{ shape: [2, 3] }, { shape: [3] }] },
  { operations: ['BiasAddGrad'], attributes: float, inputs: [{ shape: [2, 3] }] },
  {
    operations: ['Bitcast'],
    attributes: [
      ['T', 'TYPE', DataType.int32],
      ['type', 'TYPE', DataType.uint8],
    ],
    inputs: [{ shape: [2, 3], dtype: DataType.int32 }],
  },
  {
    operations: ['ConcatV2'],
    attributes: [...float, ['N', 'INT', 2], ['Tidx', 'TYPE', DataType.int32]],
    inputs: [{ shape: [2, 3] }, { shape: [2, 4] }, index(1)],
  },
  {
    operations: ['GatherV2'],
    attributes: [
      ['batch_dims', 'INT', 0],
      ['Tparams', 'TYPE', DataType.float32],
      ['Tindices', 'TYPE', DataType.int32],
      ['Taxis', 'TYPE', DataType.int32],
    ],
    inputs: [{ shape: [3, 2, 4] }, indices(2, 0, 0, 1), index(0)],
  },
  { operations: ['Transpose'], attributes: float, inputs: [{ shape: [2, 3, 4] }, indices(2, 0, 1)] },
  { operations: ['Reshape'], attributes: float, inputs: [{ shape: [2, 3, 4] }, indices(4, -1)] },
  { operations: ['Slice'], attributes: float, inputs: [{ shape: [2, 3] }, indices(1, 0), indices(1, 2)] },
  {
    operations: ['StatelessRandomUniformFullIntV2'],
    attributes: [
      ['dtype', 'TYPE', DataType.int32],
      ['Tshape', 'TYPE', DataType.int32],
    ],
    inputs: [
      indices(2, 5),
      { shape: [1], values: [1, 2], dtype: DataType.uint64 },
      { shape: [2], values: [1, 2, 3, 4], dtype: DataType.uint64 },
      index(1),
    ],
  },
  {
    operations: ['OneHot'],
    attributes: [...float, ['axis', 'INT', -1], ['TI', 'TYPE', DataType.int32]],
    inputs: [indices(2, 0, 1), index(4), { shape: [], values: [1] }, { shape: [], values: [0] }],
  },
  {
    operations: ['SplitV'],
    attributes: [...float, ['num_split', 'INT', 2], ['Tlen', 'TYPE', DataType.int32]],
    inputs: [{ shape: [2, 5, 3] }, indices(1, 4), index(1)],
    outputs: 2,
  },
  {
    operations: ['PadV2'],
    attributes: [...float, ['Tpaddings', 'TYPE', DataType.int32]],
    inputs: [{ shape: [2, 3] }, { shape: [2, 2], values: [0, 1, 2, 3], dtype: DataType.int32 }, { shape: [], values: [0] }],
  },
  ...moved.flatMap((attributes): Case[] => [
    {
      operations: ['Conv2D'],
      attributes: [...attributes, ['dilations', 'INT', [1, 1, 1, 1]]],
      inputs: [pictures, { shape: [3, 2, 5, 4] }],
    },
    { operations: ['MaxPool', 'AvgPool'], attributes: [...attributes, ['ksize', 'INT', [1, 3, 2, 1]]], inputs: [pictures] },
  ]),
  {
    operations: ['Conv2D'],
    attributes: [...windows('VALID', 1), ['dilations', 'INT', [1, 2, 3, 1]]],
    inputs: [pictures, { shape: [3, 2, 5, 4] }],
  },
  {
    operations: ['Conv2DBackpropInput'],
    attributes: windows('VALID', 2),
    inputs: [indices(2, 9, 8, 5), { shape: [3, 2, 5, 4] }, { shape: [2, 4, 4, 4] }],
  },
  {
    operations: ['Conv2DBackpropFilter'],
    attributes: windows('VALID', 2),
    inputs: [pictures, indices(3, 2, 5, 4), { shape: [2, 4, 4, 4] }],
  },
  {
    operations: ['MaxPoolGrad'],
    attributes: [...windows('VALID', 2), ['ksize', 'INT', [1, 3, 2, 1]]],
    inputs: [pictures, { shape: [2, 4, 4, 5] }, { shape: [2, 4, 4, 5] }],
  },
  {
    operations: ['AvgPoolGrad'],
    attributes: [...windows('VALID', 2), ['ksize', 'INT', [1, 3, 2, 1]]],
    inputs: [indices(2, 9, 8, 5), { shape: [2, 4, 4, 5] }],
  },
  { operations: ['KumpasColumnSum'], attributes: float, inputs: [{ shape: [2, 3] }] },
  { operations: ['KumpasReluGrad'], attributes: float, inputs: [{ shape: [2, 3] }, { shape: [2, 3] }] },
  { operations: ['KumpasDropout', 'KumpasReluDropout'], attributes: draw, inputs: [{ shape: [2, 3] }, indices(1, 2, 0), indices()] },
  {
    operations: ['KumpasDropoutAdd'],
    attributes: draw,
    inputs: [{ shape: [2, 3] }, { shape: [2, 3] }, indices(1, 2, 4), indices(5, 0)],
  },
  {
    operations: ['KumpasAttention'],
    attributes: [...draw, ['heads', 'INT', 2]],
    inputs: [{ shape: [6, 12] }, { shape: [2, 1, 1, 3] }, indices(), indices(1, 2, 0)],
    outputs: 2,
  },
  {
    operations: ['KumpasAttentionGrad'],
    attributes: [...draw, ['heads', 'INT', 2]],
    inputs: [
      { shape: [5, 4] },
      { shape: [5, 12] },
      { shape: [2, 2, 3] },
      { shape: [2, 1, 1, 3] },
      indices(0, 1, 1, 2, 3, 4),
      indices(1, 2, 0),
    ],
  },
  { operations: ['KumpasLayerNorm'], attributes: float, inputs: [{ shape: [2, 3] }, { shape: [3] }, { shape: [3] }], outputs: 3 },
  {
    operations: ['KumpasLayerNormGrad'],
    attributes: float,
    inputs: [{ shape: [2, 3] }, { shape: [2, 3] }, { shape: [2] }, { shape: [2] }, { shape: [3] }],
    outputs: 3,
  },
];

/** tfjs-node makes no tensor of 64 bits without a sign. */
function bitcast(target: NativeOperations, id: number): number {
  const attributes = [
    { name: 'T', type: binding.TF_ATTR_TYPE, value: DataType.int32 },
    { name: 'type', type: binding.TF_ATTR_TYPE, value: DataType.uint64 },
  ];
  return target.executeOp('Bitcast', attributes, [id], 1)[0]?.id ?? NaN;
}

describe('outputTypes', () => {
  it('has a case here for every rule', () => {
    expect(new Set(cases.flatMap(({ operations }) => operations))).toEqual(new Set(registeredOperations()));
  });

  it.each(
    cases.flatMap(({ operations, attributes, inputs, outputs = 1 }) =>
      operations.map((operation) => ({ operation, attributes, inputs, outputs })),
    ),
  )('tells what $operation gives when it runs', ({ operation, attributes, inputs, outputs }) => {
    if (operation.startsWith('Kumpas') && !hasOwnKernels()) return;
    const native = attributes.map(([name, kind, value]): NativeAttribute => ({ name, type: binding[`TF_ATTR_${kind}`], value }));
    const create = (target: NativeOperations): number[] =>
      inputs.map(({ shape, values, dtype = DataType.float32 }) => {
        if (dtype === DataType.uint64)
          return bitcast(target, target.createTensor([...shape, 2], DataType.int32, Int32Array.from(values ?? [])));
        const numbers = values ?? new Array<number>(sizeOfShape(shape)).fill(1);
        const typed =
          dtype === DataType.bool
            ? Uint8Array.from(numbers)
            : dtype === DataType.int32
              ? Int32Array.from(numbers)
              : Float32Array.from(numbers);
        return target.createTensor(shape, dtype, typed);
      });
    const recorder = new Recorder(nativeBackend());
    const [realInputs, recordedInputs] = [create(binding), create(recorder)];
    const real = binding.executeOp(operation, native, realInputs, outputs);
    const recorded = recorder.executeOp(operation, native, recordedInputs, outputs);
    const types = (tensors: readonly NativeTensor[]): unknown[] => tensors.map(({ shape, dtype }) => ({ shape, dtype }));
    expect(types(recorded)).toEqual(types(real));
    for (const id of [...realInputs, ...real.map((tensor) => tensor.id)]) binding.deleteTensor(id);
    for (const id of recordedInputs) recorder.deleteTensor(id);
  });
});
