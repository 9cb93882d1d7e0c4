import { sizeOfShape } from '../named-tensors';
import type { ScanInputs, ScanResult, ScanStep } from '../scan-step';
import type { tf } from '../tensorflow';
import { CaptureError } from './errors';
import {
  withBinding,
  type NativeAttribute,
  type NativeBackend,
  type NativeBinding,
  type NativeTensor,
  type NativeValues,
} from './native-binding';
import {
  DataType,
  typeOf,
  type Attributes,
  type AttributeValue,
  type Constant,
  type Operation,
  type Recording,
  type TensorType,
  type ValueNumber,
} from './recording';
import { recordScanStep } from './record-scan-step';
import { scanOperation } from './scan-function';
import { outputTypes } from './shape-rules';

/** Ids of tensors that exist only in a recording start here; the binding counts its own from 0. */
const FIRST_RECORDED_ID = 2 ** 30;

/** Counts on through all recordings: a tensor of another one is told from this one's. */
let nextId = FIRST_RECORDED_ID;

/** Operations that draw from a generator with a state of its own: a resumed run would draw something else. */
const STATEFUL_DRAW = /^(?!Stateless)(.*Random.*|Multinomial|.*TruncatedNormal|Dropout)$/;

/** Operations whose output's shape depends on values, which a graph of settled shapes cannot hold. */
const SHAPE_FROM_VALUES = /^(Where|Unique.*|NonMaxSuppression.*|DynamicPartition|ListDiff)$/;

/**
 * Stands in for the native binding and writes down every operation that passes instead of running it. Only where no rule tells an operation's output shape
 * is the operation run, on zeros. So recording costs milliseconds, and a value that depends on what the computation is given does not exist here.
 */
export class Recorder {
  /** What tfjs-node's backend is given while recording. */
  readonly binding: NativeBinding;
  private readonly native: NativeBinding;
  private readonly types = new Map<ValueNumber, TensorType>();
  private readonly given = new Map<string, ValueNumber>();
  private readonly constants = new Map<ValueNumber, Constant>();
  private readonly operations: Operation[] = [];
  private readonly results = new Map<string, ValueNumber>();
  private readonly numberOfId = new Map<number, ValueNumber>();
  private refusal: CaptureError | undefined;

  /** @param native what runs what has to be run; another recorder's, for a computation within one that is being recorded. */
  constructor(
    private readonly backend: NativeBackend,
    native: NativeBinding = backend.binding,
  ) {
    this.native = native;
    this.binding = {
      // The native module's properties are read-only, which a Proxy may not hide: they are copied.
      ...(Object.fromEntries(
        Object.getOwnPropertyNames(this.native).map((name) => [name, this.native[name as keyof NativeBinding]]),
      ) as unknown as NativeBinding),
      executeOp: (operation, attributes, inputs, outputCount) => this.recordOperation(operation, attributes, inputs, outputCount),
      createTensor: (shape, dtype, values) => this.recordConstant(shape, dtype, values),
      deleteTensor: (id) => {
        if (id < FIRST_RECORDED_ID) this.native.deleteTensor(id);
      },
      tensorDataSync: (id) => this.readBack(id),
      recordScan: (given, step) => this.recordScan(given, step),
    };
  }

  /** A tensor that will be given at each run. */
  giveTensor(name: string, type: TensorType): tf.Tensor {
    const tensor = this.newTensor(type);
    this.given.set(name, this.numberOf(tensor.id));
    return this.backend.createOutputTensor(tensor);
  }

  /** Names a tensor as one of the results. */
  setResult(name: string, tensor: tf.Tensor): void {
    const [id] = this.backend.getInputTensorIds([tensor]);
    if (id !== undefined) this.results.set(name, this.numberOf(id));
  }

  /** What was recorded. @throws CaptureError where a value was asked for, even if whoever asked kept silent about the refusal. */
  finish(): Recording {
    if (this.refusal !== undefined) throw this.refusal;
    const { types, given, constants, operations, results } = this;
    return { types, given, constants, operations, results };
  }

  private recordOperation(
    name: string,
    nativeAttributes: readonly NativeAttribute[],
    ids: readonly number[],
    outputCount: number,
  ): NativeTensor[] {
    if (STATEFUL_DRAW.test(name)) {
      this.refuse(
        `${name} draws from a generator with a state of its own: draw with a Stateless operation whose seed is an input of the step`,
      );
    }
    if (SHAPE_FROM_VALUES.test(name))
      this.refuse(`${name} gives a tensor whose shape depends on values: a recorded step has settled shapes`);
    const inputs = ids.map((id) => this.numberOf(id));
    const inputTypes = inputs.map((input) => typeOf(this.types, input));
    const attributes = completeAttributes(name, inputTypes, this.attributesOf(nativeAttributes));
    const call = { inputs: inputTypes, attributes, constantInput: (place: number) => this.constants.get(inputs[place] ?? -1) };
    const ruled = outputTypes(name, call);
    const types = ruled?.length === outputCount ? ruled : this.runOnZeros(name, nativeAttributes, ids, outputCount);
    const outputs = types.map((type) => this.newTensor(type));
    this.operations.push({ name, attributes, inputs, outputs: outputs.map(({ id }) => this.numberOf(id)) });
    return outputs;
  }

  /** Records a scan's step by itself, and the whole scan as one operation. */
  private recordScan(given: ScanInputs, step: ScanStep): ScanResult {
    const { sequences, state, constants } = given;
    const inputs = this.backend.getInputTensorIds([...sequences, ...state, ...constants]).map((id) => this.numberOf(id));
    const types = inputs.map((input) => typeOf(this.types, input));
    const inner = new Recorder(this.backend, this.native);
    const scan = withBinding(this.backend, inner.binding, () => recordScanStep(inner, given, types, step));
    const { name, attributes, outputs } = scanOperation(scan);
    const tensors = outputs.map((type) => this.newTensor(type));
    this.operations.push({ name, attributes, inputs, outputs: tensors.map(({ id }) => this.numberOf(id)) });
    const made = tensors.map((tensor) => this.backend.createOutputTensor(tensor));
    return { state: made.slice(0, state.length), outputs: made.slice(state.length) };
  }

  private recordConstant(shape: readonly number[], dtype: number, values: NativeValues): number {
    if (dtype === DataType.string) this.refuse('a tensor of strings was made: a recorded step computes with numbers');
    const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength).slice();
    const id = this.native.createTensor(shape, dtype, values);
    this.addConstant(id, { dtype, shape: [...shape], bytes });
    return id;
  }

  private readBack(id: number): NativeValues {
    if (id < FIRST_RECORDED_ID) return this.native.tensorDataSync(id);
    this.refuse(
      'a value was read back to JavaScript (dataSync, data or array): at each run it would be what it was here; compute with tensors, or make it an input',
    );
  }

  private refuse(reason: string): never {
    this.refusal ??= new CaptureError(`this computation cannot be recorded: ${reason}`);
    throw this.refusal;
  }

  private newTensor({ dtype, shape }: TensorType): NativeTensor {
    const id = nextId++;
    this.types.set(this.addNumber(id), { dtype, shape });
    return { id, shape: [...shape], dtype };
  }

  private addConstant(id: number, constant: Constant): ValueNumber {
    const value = this.addNumber(id);
    this.types.set(value, { dtype: constant.dtype, shape: constant.shape });
    this.constants.set(value, constant);
    return value;
  }

  private addNumber(id: number): ValueNumber {
    const value = this.numberOfId.size;
    this.numberOfId.set(id, value);
    return value;
  }

  /** The number of a tensor; one that was made before the recording began counts as a constant. */
  private numberOf(id: number): ValueNumber {
    if (id >= FIRST_RECORDED_ID && !this.numberOfId.has(id))
      this.refuse('the step of a scan uses a tensor from outside: give it to the scan as a constant');
    return this.numberOfId.get(id) ?? this.addConstant(id, this.readConstant(id));
  }

  private readConstant(id: number): Constant {
    const [described] = this.native.executeOp('Identity', [], [id], 1);
    if (described === undefined) throw new Error(`the native library describes no tensor ${id}`);
    const values = this.native.tensorDataSync(described.id);
    this.native.deleteTensor(described.id);
    return {
      dtype: described.dtype,
      shape: described.shape,
      bytes: new Uint8Array(values.buffer, values.byteOffset, values.byteLength).slice(),
    };
  }

  /** Runs an operation on its constants and on zeros for all else, to learn what it gives. */
  private runOnZeros(name: string, attributes: readonly NativeAttribute[], ids: readonly number[], outputCount: number): TensorType[] {
    const made: number[] = [];
    const concrete = ids.map((id) => {
      if (id < FIRST_RECORDED_ID) return id;
      const zeros = this.makeZeros(name, typeOf(this.types, this.numberOf(id)));
      made.push(zeros);
      return zeros;
    });
    try {
      const outputs = this.native.executeOp(name, attributes, concrete, outputCount);
      made.push(...outputs.map(({ id }) => id));
      return outputs.map(({ dtype, shape }) => ({ dtype, shape: [...shape] }));
    } finally {
      for (const id of made) this.native.deleteTensor(id);
    }
  }

  private makeZeros(operation: string, { dtype, shape }: TensorType): number {
    const size = sizeOfShape(shape);
    switch (dtype) {
      case DataType.float32:
        return this.native.createTensor(shape, dtype, new Float32Array(size));
      case DataType.int32:
        return this.native.createTensor(shape, dtype, new Int32Array(size));
      case DataType.int64:
        return this.native.createTensor(shape, dtype, new Int32Array(2 * size));
      case DataType.bool:
      case DataType.uint8:
        return this.native.createTensor(shape, dtype, new Uint8Array(size));
      default:
        return this.refuse(`${operation} takes a tensor of TensorFlow's type number ${dtype}`);
    }
  }

  private attributesOf(attributes: readonly NativeAttribute[]): Attributes {
    return Object.fromEntries(attributes.map((attribute) => [attribute.name, this.attributeValue(attribute)]));
  }

  private attributeValue({ name, type, value }: NativeAttribute): AttributeValue {
    switch (type) {
      case this.native.TF_ATTR_TYPE:
        return { kind: 'type', value: value as number };
      case this.native.TF_ATTR_INT:
        return Array.isArray(value) ? { kind: 'ints', value: value as number[] } : { kind: 'int', value: value as number };
      case this.native.TF_ATTR_FLOAT:
        return Array.isArray(value) ? { kind: 'floats', value: value as number[] } : { kind: 'float', value: value as number };
      case this.native.TF_ATTR_BOOL:
        return { kind: 'bool', value: value as boolean };
      case this.native.TF_ATTR_STRING:
        return { kind: 'string', value: value as string };
      case this.native.TF_ATTR_SHAPE:
        return { kind: 'shape', value: value as number[] };
      default:
        return this.refuse(`the attribute ${name} is of a kind that graphs here do not hold`);
    }
  }
}

/** Adds what an operation run eagerly infers from its inputs and a graph must state. Of tfjs-node's kernels only ExpandDims leaves something out. */
function completeAttributes(operation: string, [first]: readonly TensorType[], attributes: Attributes): Attributes {
  if (operation !== 'ExpandDims' || first === undefined) return attributes;
  return { T: { kind: 'type', value: first.dtype }, Tdim: { kind: 'type', value: DataType.int32 }, ...attributes };
}
