import { elementAt, required } from '../../foundation/required';
import { sizeOfShape } from '../parameters';
import { DataType, type Attributes, type Constant, type TensorType } from './recording';

/** An operation about to be recorded: its inputs' types, and the values of those that are constant. */
export interface OperationCall {
  readonly inputs: readonly TensorType[];
  readonly attributes: Attributes;
  readonly constantInput: (place: number) => Constant | undefined;
}

/** The types of what an operation gives, from what it is given; undefined where they depend on a value that is not constant. */
export type ShapeRule = (call: OperationCall) => TensorType | readonly (TensorType | undefined)[] | undefined;

type SingleShapeRule = (call: OperationCall) => TensorType | undefined;

/**
 * How an operation takes part where matrix products are computed in bfloat16; one without a rule takes and gives float32.
 * - `product`: it is one; its operands are rounded.
 * - `exact`: it moves values, or picks some, without computing, so what was exact in bfloat16 is so afterwards. `operands`: how many of its first inputs are such
 *   values, counted from the end where negative; `typeAttribute`: the attribute that tells their type.
 * - `sum`: TensorFlow's own, which adds up in float32 what also goes into products: no reason to keep the values in float32.
 * - `either`: a kernel that takes and gives either type at some places. What a product gave goes into it as it is; without such an input it gives bfloat16 where
 *   only products and sums take it. `sum`: it is one as well.
 */
export type LowPrecision =
  | { readonly kind: 'product' }
  | { readonly kind: 'exact'; readonly operands: number; readonly typeAttribute?: string }
  | { readonly kind: 'sum' }
  | { readonly kind: 'either'; readonly inputs: readonly number[]; readonly outputs: readonly number[]; readonly sum?: true };

/** What recording knows of an operation. */
export interface OperationRules {
  /** TensorFlow's name of it. */
  readonly name: string;
  readonly shapes: ShapeRule;
  readonly lowPrecision?: LowPrecision;
}

const registered = new Map<string, OperationRules>();

/**
 * Tells recording of an operation: of a kernel of one's own, beside the function that calls it. One that is not registered can be recorded as well: it is run
 * once on zeros to learn what it gives.
 * @throws Error where it is registered already.
 */
export function registerOperation(rules: OperationRules): void {
  if (registered.has(rules.name)) throw new Error(`the operation ${rules.name} is registered already`);
  registered.set(rules.name, rules);
}

/** How an operation takes part in bfloat16, if it does. */
export function lowPrecisionOf(operation: string): LowPrecision | undefined {
  return registered.get(operation)?.lowPrecision;
}

/**
 * What an operation gives, from what it is given, for the operations that a model spends its time in: so that recording runs none of them. Undefined where
 * there is no rule, or the rule needs a value that is not constant: then the operation has to run once.
 */
export function outputTypes(operation: string, call: OperationCall): TensorType[] | undefined {
  const told = registered.get(operation)?.shapes(call);
  if (told === undefined) return undefined;
  const types = 'shape' in told ? [told] : told;
  const known = types.filter((type) => type !== undefined);
  return known.length === types.length ? known : undefined;
}

/** The operations that have a rule. */
export function registeredOperations(): string[] {
  return [...registered.keys()];
}

/** A rule: the first input's type. */
export const sameAsFirst: SingleShapeRule = ({ inputs }) => inputs[0];

/** A rule: as long as the first input's last axis. */
export const lastAxis: SingleShapeRule = ({ inputs: [input] }) => input && { dtype: input.dtype, shape: input.shape.slice(-1) };

const broadcast: SingleShapeRule = ({ inputs: [left, right] }) =>
  left && right && { dtype: left.dtype, shape: broadcastShapes(left.shape, right.shape) };

const comparison: SingleShapeRule = (call) => {
  const type = broadcast(call);
  return type && { dtype: DataType.bool, shape: type.shape };
};

const reduction: SingleShapeRule = ({ inputs: [input], attributes, constantInput }) => {
  const axes = integers(constantInput(1));
  if (input === undefined || axes === undefined) return undefined;
  const rank = input.shape.length;
  const reduced = new Set(axes.map((axis) => (axis < 0 ? axis + rank : axis)));
  const keep = attributes['keep_dims']?.value === true;
  return { dtype: input.dtype, shape: input.shape.flatMap((size, axis) => (reduced.has(axis) ? (keep ? [1] : []) : [size])) };
};

const matrixProduct =
  (transposeLeft: string, transposeRight: string): SingleShapeRule =>
  ({ inputs: [left, right], attributes }) => {
    if (left === undefined || right === undefined) return undefined;
    const rows = required(left.shape.at(attributes[transposeLeft]?.value === true ? -1 : -2), 'the rows of a matrix');
    const columns = required(right.shape.at(attributes[transposeRight]?.value === true ? -2 : -1), 'the columns of a matrix');
    return { dtype: left.dtype, shape: [...broadcastShapes(left.shape.slice(0, -2), right.shape.slice(0, -2)), rows, columns] };
  };

/** The size along one axis of what a window gives that moves over a picture by a stride; undefined where the padding is none of TensorFlow's two rules. */
function windowsAlong(size: number, window: number, stride: number, padding: unknown): number | undefined {
  if (padding === 'SAME') return Math.ceil(size / stride);
  return padding === 'VALID' ? Math.ceil((size - window + 1) / stride) : undefined;
}

/** The numbers of an attribute of two axes of pictures `[pictures, height, width, channels]`, of which it says one for each axis. */
function ofHeightAndWidth(attributes: Attributes, name: string): readonly [number, number] | undefined {
  const attribute = attributes[name];
  return attribute?.kind === 'ints' ? [elementAt(attribute.value, 1), elementAt(attribute.value, 2)] : undefined;
}

/** Pictures after a window of this size and this many channels has moved over them. */
function afterWindows(
  { inputs: [pictures], attributes }: OperationCall,
  [windowHeight, windowWidth]: readonly [number, number],
  channels: number | undefined,
): TensorType | undefined {
  const strides = ofHeightAndWidth(attributes, 'strides');
  if (pictures === undefined || strides === undefined || channels === undefined || attributes['data_format']?.value !== 'NHWC')
    return undefined;
  const [count, height, width] = [0, 1, 2].map((axis) => elementAt(pictures.shape, axis)) as [number, number, number];
  const padding = attributes['padding']?.value;
  const [rows, columns] = [windowsAlong(height, windowHeight, strides[0], padding), windowsAlong(width, windowWidth, strides[1], padding)];
  return rows === undefined || columns === undefined ? undefined : { dtype: pictures.dtype, shape: [count, rows, columns, channels] };
}

const convolution: SingleShapeRule = (call) => {
  const filter = call.inputs[1];
  const dilations = ofHeightAndWidth(call.attributes, 'dilations') ?? [1, 1];
  if (filter === undefined) return undefined;
  const reach = (axis: 0 | 1): number => (elementAt(filter.shape, axis) - 1) * dilations[axis] + 1;
  return afterWindows(call, [reach(0), reach(1)], filter.shape[3]);
};

const pooling: SingleShapeRule = (call) => {
  const window = ofHeightAndWidth(call.attributes, 'ksize');
  return window && afterWindows(call, window, call.inputs[0]?.shape[3]);
};

/** A rule: float32 of the shape that a constant input tells. @param place of that input. */
const shapeGiven =
  (place: number): SingleShapeRule =>
  ({ constantInput }) => {
    const shape = integers(constantInput(place));
    return shape && { dtype: DataType.float32, shape };
  };

/** The shapes of TensorFlow's own operations. */
const TENSORFLOW_SHAPES: readonly (readonly [name: string, rule: ShapeRule])[] = [
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
          parts.reduce((size, { shape }) => size + elementAt(shape, axis), 0),
        ),
      };
    },
  ],
  ['BiasAddGrad', lastAxis],
  [
    'Bitcast',
    ({ inputs: [input], attributes: { type: to } }) => {
      if (input?.dtype !== DataType.int32) return undefined;
      if (to?.value === DataType.uint8) return { dtype: to.value, shape: [...input.shape, 4] };
      return to?.value === DataType.uint64 && input.shape.at(-1) === 2 ? { dtype: to.value, shape: input.shape.slice(0, -1) } : undefined;
    },
  ],
  [
    'StatelessRandomUniformFullIntV2',
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
      return input && order && { dtype: input.dtype, shape: order.map((axis) => elementAt(input.shape, axis)) };
    },
  ],
  [
    'Reshape',
    ({ inputs: [input], constantInput }) => {
      const shape = integers(constantInput(1));
      return input && shape && { dtype: input.dtype, shape: settledShape(shape, sizeOfShape(input.shape)) };
    },
  ],
  [
    'OneHot',
    ({ inputs: [indices, , on], attributes: { axis }, constantInput }) => {
      const [depth] = integers(constantInput(1)) ?? [];
      return indices && on && depth !== undefined && axis?.value === -1 ? { dtype: on.dtype, shape: [...indices.shape, depth] } : undefined;
    },
  ],
  [
    'SplitV',
    ({ inputs: [input], constantInput }) => {
      const [sizes, [axis] = []] = [integers(constantInput(1)), integers(constantInput(2))];
      if (input === undefined || sizes === undefined || axis === undefined || axis < 0 || sizes.includes(-1)) return undefined;
      return sizes.map((size) => ({ dtype: input.dtype, shape: input.shape.with(axis, size) }));
    },
  ],
  [
    'PadV2',
    ({ inputs: [input], constantInput }) => {
      const added = integers(constantInput(1));
      const grown = (size: number, axis: number): number => size + Number(added?.[2 * axis]) + Number(added?.[2 * axis + 1]);
      return input && added && { dtype: input.dtype, shape: input.shape.map(grown) };
    },
  ],
  ['Conv2D', convolution],
  ['Conv2DBackpropInput', shapeGiven(0)],
  ['Conv2DBackpropFilter', shapeGiven(1)],
  ['MaxPool', pooling],
  ['MaxPoolGrad', sameAsFirst],
  ['AvgPool', pooling],
  ['AvgPoolGrad', shapeGiven(0)],
];

/** Those of TensorFlow's own operations that take part in bfloat16; matrix-type.ts looks closer at BiasAdd, Maximum and Mul. */
const TENSORFLOW_LOW_PRECISION: Readonly<Record<string, LowPrecision>> = {
  MatMul: { kind: 'product' },
  BatchMatMul: { kind: 'product' },
  BatchMatMulV2: { kind: 'product' },
  Reshape: { kind: 'exact', operands: 1 },
  Transpose: { kind: 'exact', operands: 1 },
  Slice: { kind: 'exact', operands: 1 },
  ConcatV2: { kind: 'exact', operands: -1 },
  GatherV2: { kind: 'exact', operands: 1, typeAttribute: 'Tparams' },
  Relu: { kind: 'exact', operands: 1 },
  ReluGrad: { kind: 'exact', operands: 2 },
  BiasAddGrad: { kind: 'sum' },
};

for (const [name, shapes] of TENSORFLOW_SHAPES) {
  const lowPrecision = TENSORFLOW_LOW_PRECISION[name];
  registerOperation({ name, shapes, ...(lowPrecision === undefined ? {} : { lowPrecision }) });
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
