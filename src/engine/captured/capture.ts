import { elementAt } from '../../foundation/required';
import {
  captureContext,
  type NativeAttribute,
  nativeBackend,
  type NativeBackend,
  nativeBinding,
  type NativeBinding,
  type NativeTensor,
  type NativeValues,
  type OperationRecorder,
  type ScanInputs,
  type ScanResult,
  type ScanStep,
} from '../native-backend';
import { type NamedTensors, sizeOfShape } from '../parameters';
import { inScope, type tf } from '../tensorflow';
import { outputTypes } from './operation-rules';
import { recordScanStep, scanOperation } from './recorded-scan';
import {
  type Attributes,
  type AttributeValue,
  CaptureError,
  type Constant,
  DataType,
  type Operation,
  type Recording,
  type TensorType,
  typeOf,
  type ValueNumber,
} from './recording';

/** A computation in tfjs functions: of named tensors, saying by name which tensors are its results. */
export type Computation = (given: NamedTensors, setResult: (name: string, tensor: tf.Tensor) => void) => void;

/**
 * Records the TensorFlow operations of a computation, its gradients included. For its first shapes it is recorded twice: whatever differs between the two was drawn or computed in
 * JavaScript (`Math.random`, a clock, a counter), and would be the same at every run.
 * @param given what changes from run to run, by name.
 * @param how.variables what is given as well, as far as the computation uses it: tensors whose values change while they stay the same objects.
 * @param how.once true where the same computation has been recorded for other shapes, twice.
 * @throws CaptureError where something in it would be frozen, or cannot be recorded.
 */
export function capture(
  given: ReadonlyMap<string, TensorType>,
  computation: Computation,
  {
    variables = new Map(),
    once = false,
  }: { readonly variables?: ReadonlyMap<string, tf.Tensor>; readonly once?: boolean | undefined } = {},
): Recording {
  const recording = record(given, computation, variables);
  if (!once) refuseDifferences(recording, record(given, computation, variables));
  return recording;
}

function record(given: ReadonlyMap<string, TensorType>, computation: Computation, variables: ReadonlyMap<string, tf.Tensor>): Recording {
  const recorder = new Recorder(nativeBackend(), variables);
  captureContext.run({ recorder }, () => {
    inScope(() => {
      const tensors = Object.fromEntries([...given].map(([name, type]) => [name, recorder.giveTensor(name, type)]));
      computation(tensors, (name, tensor) => {
        recorder.setResult(name, tensor);
      });
    });
  });
  return recorder.finish();
}

function refuseDifferences(first: Recording, second: Recording): void {
  const changed = [...first.constants].find(([value, constant]) => !sameConstant(constant, second.constants.get(value)));
  if (changed !== undefined) {
    const [value, { shape }] = changed;
    const user = first.operations.find(({ inputs }) => inputs.includes(value))?.name;
    throw new CaptureError(
      `this computation cannot be recorded: a tensor of shape [${shape.join(', ')}]${user === undefined ? '' : ` that ${user} takes`} has other values each time, ` +
        'so it was drawn or computed in JavaScript and would be frozen: draw with a Stateless operation whose seed is an input, or make it an input',
    );
  }
  if (
    first.operations.length !== second.operations.length ||
    first.operations.some((operation, index) => !sameOperation(operation, second.operations[index]))
  ) {
    throw new CaptureError(
      'this computation cannot be recorded: it runs other operations each time, so it depends on a state in JavaScript',
    );
  }
}

function sameConstant(first: Constant, second: Constant | undefined): boolean {
  return first.dtype === second?.dtype && Buffer.compare(first.bytes, second.bytes) === 0;
}

function sameOperation(first: Operation, second: Operation | undefined): boolean {
  return JSON.stringify(first) === JSON.stringify(second);
}

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
export class Recorder implements OperationRecorder {
  private readonly native: NativeBinding = nativeBinding();
  private readonly types = new Map<ValueNumber, TensorType>();
  private readonly given = new Map<string, ValueNumber>();
  private readonly constants = new Map<ValueNumber, Constant>();
  private readonly operations: Operation[] = [];
  private readonly results = new Map<string, ValueNumber>();
  private readonly numberOfId = new Map<number, ValueNumber>();
  /** The variables' names, by the ids of their values. */
  private readonly variables: ReadonlyMap<number, string>;
  private refusal: CaptureError | undefined;

  /** @param variableTensors tensors made before whose values are given at each run, under these names; all others are constants. */
  constructor(
    private readonly backend: NativeBackend,
    private readonly variableTensors: ReadonlyMap<string, tf.Tensor> = new Map(),
  ) {
    const ids = backend.getInputTensorIds([...variableTensors.values()]);
    this.variables = new Map([...variableTensors.keys()].map((name, place) => [elementAt(ids, place), name]));
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

  executeOp(name: string, nativeAttributes: readonly NativeAttribute[], ids: readonly number[], outputCount: number): NativeTensor[] {
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
    const call = { inputs: inputTypes, attributes, constantInput: (place: number) => this.constants.get(elementAt(inputs, place)) };
    const ruled = outputTypes(name, call);
    const types = ruled?.length === outputCount ? ruled : this.runOnZeros(name, nativeAttributes, ids, outputCount);
    const outputs = types.map((type) => this.newTensor(type));
    this.operations.push({ name, attributes, inputs, outputs: outputs.map(({ id }) => this.numberOf(id)) });
    return outputs;
  }

  /** Records a scan's step by itself, and the whole scan as one operation. */
  recordScan(given: ScanInputs, step: ScanStep): ScanResult {
    const { sequences, state, constants } = given;
    const inputs = this.backend.getInputTensorIds([...sequences, ...state, ...constants]).map((id) => this.numberOf(id));
    const types = inputs.map((input) => typeOf(this.types, input));
    const inner = new Recorder(this.backend, this.variableTensors);
    const scan = captureContext.run({ recorder: inner }, () => recordScanStep(inner, given, types, step));
    if ([...this.variables.values()].some((variable) => scan.step.given.has(variable)))
      this.refuse('the step of a scan uses a variable: give it to the scan as a constant');
    const { name, attributes, outputs } = scanOperation(scan);
    const tensors = outputs.map((type) => this.newTensor(type));
    this.operations.push({ name, attributes, inputs, outputs: tensors.map(({ id }) => this.numberOf(id)) });
    const made = tensors.map((tensor) => this.backend.createOutputTensor(tensor));
    return { state: made.slice(0, state.length), outputs: made.slice(state.length) };
  }

  createTensor(shape: readonly number[], dtype: number, values: NativeValues): number {
    if (dtype === DataType.string) this.refuse('a tensor of strings was made: a recorded step computes with numbers');
    const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength).slice();
    const id = this.native.createTensor(shape, dtype, values);
    this.addConstant(id, { dtype, shape: [...shape], bytes });
    return id;
  }

  deleteTensor(id: number): void {
    if (this.variables.has(id)) this.refuse('it assigns to a variable: give the new value as a result, and assign it outside');
    if (id < FIRST_RECORDED_ID) this.native.deleteTensor(id);
  }

  tensorDataSync(id: number): NativeValues {
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

  private numberOf(id: number): ValueNumber {
    if (id >= FIRST_RECORDED_ID && !this.numberOfId.has(id))
      this.refuse('the step of a scan uses a tensor from outside: give it to the scan as a constant');
    return this.numberOfId.get(id) ?? this.addOutside(id);
  }

  /** A tensor that was made before the recording began: given at each run if it is a variable's value, else a constant. */
  private addOutside(id: number): ValueNumber {
    const constant = this.readConstant(id);
    const variable = this.variables.get(id);
    if (variable === undefined) return this.addConstant(id, constant);
    const value = this.addNumber(id);
    this.types.set(value, { dtype: constant.dtype, shape: constant.shape });
    this.given.set(variable, value);
    return value;
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
