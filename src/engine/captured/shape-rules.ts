import { sizeOfShape } from '../named-tensors';
import { DataType, type Attributes, type Constant, type TensorType } from './recording';

/** An operation about to be recorded: its inputs' types, and the values of those that are constant. */
export interface OperationCall {
  readonly inputs: readonly TensorType[];
  readonly attributes: Attributes;
  readonly constantInput: (place: number) => Constant | undefined;
}

type Rule = (call: OperationCall) => TensorType | undefined;

const sameAsFirst: Rule = ({ inputs }) => inputs[0];

const lastAxis: Rule = ({ inputs: [input] }) => input && { dtype: input.dtype, shape: input.shape.slice(-1) };

const broadcast: Rule = ({ inputs: [left, right] }) =>
  left && right && { dtype: left.dtype, shape: broadcastShapes(left.shape, right.shape) };

const comparison: Rule = (call) => {
  const type = broadcast(call);
  return type && { dtype: DataType.bool, shape: type.shape };
};

const reduction: Rule = ({ inputs: [input], attributes, constantInput }) => {
  const axes = integers(constantInput(1));
  if (input === undefined || axes === undefined) return undefined;
  const rank = input.shape.length;
  const reduced = new Set(axes.map((axis) => (axis < 0 ? axis + rank : axis)));
  const keep = attributes['keep_dims']?.value === true;
  return { dtype: input.dtype, shape: input.shape.flatMap((size, axis) => (reduced.has(axis) ? (keep ? [1] : []) : [size])) };
};

const matrixProduct =
  (transposeLeft: string, transposeRight: string): Rule =>
  ({ inputs: [left, right], attributes }) => {
    if (left === undefined || right === undefined) return undefined;
    const rows = left.shape.at(attributes[transposeLeft]?.value === true ? -1 : -2) ?? 1;
    const columns = right.shape.at(attributes[transposeRight]?.value === true ? -2 : -1) ?? 1;
    return { dtype: left.dtype, shape: [...broadcastShapes(left.shape.slice(0, -2), right.shape.slice(0, -2)), rows, columns] };
  };

const RULES = new Map<string, Rule>([
  ...[
    ...[
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
      'ReluGrad',
      'Relu6',
      'Relu6Grad',
    ],
    ...['KumpasDropout', 'KumpasDropoutAdd', 'KumpasReluDropout', 'KumpasReluGrad', 'KumpasSoftmaxGrad'],
    ...['Rsqrt', 'Sigmoid', 'SigmoidGrad', 'Sign', 'Softmax', 'Softplus', 'Sqrt', 'Square', 'Tanh', 'TanhGrad', 'ZerosLike'],
  ].map((name) => [name, sameAsFirst] as const),
  ...['Add', 'AddV2', 'Sub', 'Mul', 'Div', 'RealDiv', 'DivNoNan', 'Maximum', 'Minimum', 'Pow', 'SquaredDifference'].map(
    (name) => [name, broadcast] as const,
  ),
  ...['Equal', 'NotEqual', 'Greater', 'GreaterEqual', 'Less', 'LessEqual', 'LogicalAnd', 'LogicalOr'].map(
    (name) => [name, comparison] as const,
  ),
  ...['Sum', 'Mean', 'Max', 'Min', 'Prod'].map((name) => [name, reduction] as const),
  ['MatMul', matrixProduct('transpose_a', 'transpose_b')],
  ['BatchMatMul', matrixProduct('adj_x', 'adj_y')],
  ['BatchMatMulV2', matrixProduct('adj_x', 'adj_y')],
  [
    'Cast',
    ({ inputs: [input], attributes: { DstT: to } }) => (input && to?.kind === 'type' ? { dtype: to.value, shape: input.shape } : undefined),
  ],
  ['BiasAdd', sameAsFirst],
  [
    'ConcatV2',
    ({ inputs, constantInput }) => {
      const parts = inputs.slice(0, -1);
      const [first] = parts;
      const [axis] = integers(constantInput(parts.length)) ?? [];
      if (first === undefined || axis === undefined || axis < 0) return undefined;
      return {
        dtype: first.dtype,
        shape: first.shape.with(
          axis,
          parts.reduce((size, { shape }) => size + (shape[axis] ?? 0), 0),
        ),
      };
    },
  ],
  ...['BiasAddGrad', 'KumpasColumnSum'].map((name) => [name, lastAxis] as const),
  [
    'Bitcast',
    ({ inputs: [input], attributes: { type: to } }) =>
      input?.dtype === DataType.int32 && to?.value === DataType.uint8 ? { dtype: to.value, shape: [...input.shape, 4] } : undefined,
  ],
  [
    'StatelessRandomUniformFullInt',
    ({ attributes: { dtype }, constantInput }) => {
      const shape = integers(constantInput(0));
      return shape && dtype?.kind === 'type' ? { dtype: dtype.value, shape } : undefined;
    },
  ],
  [
    'GatherV2',
    ({ inputs: [params, indices], attributes: { batch_dims: batched }, constantInput }) => {
      const [axis] = integers(constantInput(2)) ?? [];
      if (params === undefined || indices === undefined || axis !== 0 || batched?.value !== 0) return undefined;
      return { dtype: params.dtype, shape: [...indices.shape, ...params.shape.slice(1)] };
    },
  ],
  [
    'Slice',
    ({ inputs: [input], constantInput }) => {
      const size = integers(constantInput(2));
      return input && size && !size.includes(-1) ? { dtype: input.dtype, shape: size } : undefined;
    },
  ],
  [
    'Transpose',
    ({ inputs: [input], constantInput }) => {
      const order = integers(constantInput(1));
      return input && order && { dtype: input.dtype, shape: order.map((axis) => input.shape[axis] ?? 1) };
    },
  ],
  [
    'Reshape',
    ({ inputs: [input], constantInput }) => {
      const shape = integers(constantInput(1));
      return input && shape && { dtype: input.dtype, shape: settledShape(shape, sizeOfShape(input.shape)) };
    },
  ],
]);

/** Of operations that give several outputs. */
const RULES_OF_SEVERAL = new Map<string, (inputs: readonly TensorType[]) => (TensorType | undefined)[]>([
  [
    'KumpasLayerNorm',
    ([x]) => {
      const rows = x && { dtype: x.dtype, shape: x.shape.slice(0, -1) };
      return [x, rows, rows];
    },
  ],
  ['KumpasLayerNormGrad', ([, x, , , gamma]) => [x, gamma, gamma]],
  ['KumpasSoftmax', ([scores]) => [scores, scores]],
]);

/**
 * What an operation gives, from what it is given, for the operations that a model spends its time in: so that recording runs none of them. Undefined where
 * there is no rule, or the rule needs a value that is not constant: then the operation has to run once.
 */
export function outputTypes(operation: string, call: OperationCall): TensorType[] | undefined {
  const types = RULES_OF_SEVERAL.get(operation)?.(call.inputs) ?? [RULES.get(operation)?.(call)];
  const known = types.filter((type) => type !== undefined);
  return known.length === types.length ? known : undefined;
}

/** The operations that have a rule. */
export function operationsWithRule(): string[] {
  return [...RULES.keys(), ...RULES_OF_SEVERAL.keys()];
}

function broadcastShapes(left: readonly number[], right: readonly number[]): number[] {
  const rank = Math.max(left.length, right.length);
  return Array.from({ length: rank }, (_, axis) => {
    const fromLeft = left[axis - rank + left.length] ?? 1;
    const fromRight = right[axis - rank + right.length] ?? 1;
    return fromLeft === 1 ? fromRight : fromLeft;
  });
}

/** A shape whose -1, if it has one, is what is left of the size. */
function settledShape(shape: readonly number[], size: number): number[] {
  const known = sizeOfShape(shape.filter((dimension) => dimension !== -1));
  return shape.map((dimension) => (dimension === -1 ? size / known : dimension));
}

function integers(constant: Constant | undefined): number[] | undefined {
  if (constant?.dtype !== DataType.int32) return undefined;
  const { buffer, byteOffset, byteLength } = constant.bytes;
  return [...new Int32Array(buffer, byteOffset, byteLength / 4)];
}
