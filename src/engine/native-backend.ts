import { createRequire } from 'node:module';
import { required } from '../foundation/required';
import { CaptureError, DataType } from './captured/recording';
import { hasNativeKernels, tf } from './tensorflow';

/** A tensor on TensorFlow's side, as the binding describes it. */
export interface NativeTensor {
  readonly id: number;
  readonly shape: readonly number[];
  readonly dtype: number;
}

/** An attribute of an operation, as the binding takes it. */
export interface NativeAttribute {
  readonly name: string;
  readonly type: number;
  readonly value: unknown;
}

export type NativeValues = Float32Array | Int32Array | Uint8Array;

/** What all that tfjs computes passes through. */
export interface NativeOperations {
  executeOp(operation: string, attributes: readonly NativeAttribute[], inputs: readonly number[], outputCount: number): NativeTensor[];
  createTensor(shape: readonly number[], dtype: number, values: NativeValues): number;
  deleteTensor(id: number): void;
  tensorDataSync(id: number): NativeValues;
}

/** The functions of tfjs-node's native module that the engine uses. */
export interface NativeBinding extends NativeOperations {
  isUsingGpuDevice(): boolean;
  readonly TF_ATTR_STRING: number;
  readonly TF_ATTR_INT: number;
  readonly TF_ATTR_FLOAT: number;
  readonly TF_ATTR_BOOL: number;
  readonly TF_ATTR_TYPE: number;
  readonly TF_ATTR_SHAPE: number;
}

/** The part of tfjs-node's backend between a tfjs tensor and the binding. */
export interface NativeBackend {
  binding: NativeBinding;
  /** The binding's ids of tensors, after uploading those that were still on the JavaScript side. */
  getInputTensorIds(tensors: readonly tf.Tensor[]): number[];
  /** A tfjs tensor for one of the binding's. */
  createOutputTensor(tensor: NativeTensor): tf.Tensor;
  executeMultipleOutputs(name: string, attributes: readonly NativeAttribute[], inputs: readonly tf.Tensor[], outputs: number): tf.Tensor[];
}

/** What a scan goes over. */
export interface ScanInputs {
  /** At least one, each `[frames, …]`: a step sees one frame of them. */
  readonly sequences: readonly tf.Tensor[];
  /** What the first step is given, and each step hands on to the next. */
  readonly state: readonly tf.Tensor[];
  /** What every step is given. */
  readonly constants: readonly tf.Tensor[];
  /** From the last frame to the first. */
  readonly reverse?: boolean;
}

/** What a step hands on, and what it leaves behind; also what a whole scan gives: the last state, and the outputs `[frames, …]`. */
export interface ScanResult {
  readonly state: readonly tf.Tensor[];
  readonly outputs: readonly tf.Tensor[];
}

/** The computation of one frame. It must not use tensors but those that it is given and those that it makes. */
export type ScanStep = (sequences: readonly tf.Tensor[], state: readonly tf.Tensor[], constants: readonly tf.Tensor[]) => ScanResult;

/** Writes down what is computed, instead of computing it. */
export interface OperationRecorder extends NativeOperations {
  recordScan(given: ScanInputs, step: ScanStep): ScanResult;
}

/** What holds for a computation while it runs. */
interface CaptureSettings {
  /** What its operations are given to; they are run where there is none. */
  readonly recorder: OperationRecorder | undefined;
  /** Whether own kernels may do the work of TensorFlow's operations, where they are there: not in graphs that go to others. */
  readonly ownKernels: boolean;
  /** Whether GRUs are computed by cuDNN's kernels. */
  readonly cudnnGru: boolean;
}

/** Where a computation is entered with other settings. All of it is synchronous: nothing outlives `run`. */
class CaptureContext {
  private settings: CaptureSettings = { recorder: undefined, ownKernels: true, cudnnGru: false };

  /** Runs a computation with some settings changed. */
  run<Result>(change: Partial<CaptureSettings>, compute: () => Result): Result {
    const before = this.settings;
    this.settings = { ...before, ...change };
    try {
      return compute();
    } finally {
      this.settings = before;
    }
  }

  get recorder(): OperationRecorder | undefined {
    return this.settings.recorder;
  }

  get ownKernels(): boolean {
    return this.settings.ownKernels;
  }

  get cudnnGru(): boolean {
    return this.settings.cudnnGru;
  }
}

export const captureContext = new CaptureContext();

/** The native module of each backend whose operations can be diverted. */
const nativeModules = new WeakMap<NativeBackend, NativeBinding>();

/**
 * tfjs-node's backend. This is the one place that reaches into it: from the first call on, every operation goes to the recorder of the {@link captureContext},
 * where there is one, and else to the native module as before.
 * @throws CaptureError where another backend is running.
 */
export function nativeBackend(): NativeBackend {
  if (!hasNativeKernels())
    throw new CaptureError(`a captured step needs TensorFlow's native kernels, and the ${tf.getBackend()} backend is running`);
  const backend = tf.backend() as unknown as NativeBackend;
  if (!nativeModules.has(backend)) {
    nativeModules.set(backend, backend.binding);
    backend.binding = divertible(backend.binding);
  }
  return backend;
}

/** The native module itself, which runs what it is given even while a computation is recorded. @throws CaptureError where another backend is running. */
export function nativeBinding(): NativeBinding {
  return required(nativeModules.get(nativeBackend()), "tfjs-node's native module");
}

function divertible(native: NativeBinding): NativeBinding {
  const operations = (): NativeOperations => captureContext.recorder ?? native;
  return {
    // The native module's properties are read-only, which a Proxy may not hide: they are copied.
    ...(Object.fromEntries(
      Object.getOwnPropertyNames(native).map((name): [string, unknown] => [name, Reflect.get(native, name)]),
    ) as unknown as NativeBinding),
    executeOp: (operation, attributes, inputs, outputCount) =>
      operations().executeOp(operation, attributes, inputs, outputCount).map(asKnownToTfjs),
    createTensor: (shape, dtype, values) => operations().createTensor(shape, dtype, values),
    deleteTensor: (id) => {
      operations().deleteTensor(id);
    },
    tensorDataSync: (id) => operations().tensorDataSync(id),
  };
}

/** tfjs-node refuses types that it does not know, though it hands them on: to it, integers of 64 bits without a sign are as uint8, which it does not look at either. */
function asKnownToTfjs(tensor: NativeTensor): NativeTensor {
  return tensor.dtype === DataType.uint64 ? { ...tensor, dtype: DataType.uint8 } : tensor;
}

/** An attribute of a TensorFlow operation. */
export type OperationAttribute =
  | { readonly name: string; readonly kind: 'type'; readonly value: (typeof DataType)[keyof typeof DataType] }
  | { readonly name: string; readonly kind: 'int'; readonly value: number | readonly number[] }
  | { readonly name: string; readonly kind: 'float'; readonly value: number }
  | { readonly name: string; readonly kind: 'bool'; readonly value: boolean }
  | { readonly name: string; readonly kind: 'string'; readonly value: string };

/**
 * Runs one TensorFlow operation by its name. tfjs sees no gradient here: wrap it in `tf.customGrad` where one is needed.
 * @throws Error where the operation, an attribute or a shape is wrong, or where the native kernels are not running.
 */
export function rawOperation(name: string, attributes: readonly OperationAttribute[], inputs: readonly tf.Tensor[]): tf.Tensor {
  const [output] = rawOperations(name, attributes, inputs, 1);
  if (output === undefined) throw new Error(`the operation ${name} gave no output`);
  return output;
}

/** {@link rawOperation} for one that gives several outputs. */
export function rawOperations(
  name: string,
  attributes: readonly OperationAttribute[],
  inputs: readonly tf.Tensor[],
  outputs: number,
): tf.Tensor[] {
  if (!hasNativeKernels()) throw new Error(`the operation ${name} needs TensorFlow's native kernels`);
  const backend = nativeBackend();
  const attributeKind = {
    type: backend.binding.TF_ATTR_TYPE,
    int: backend.binding.TF_ATTR_INT,
    float: backend.binding.TF_ATTR_FLOAT,
    bool: backend.binding.TF_ATTR_BOOL,
    string: backend.binding.TF_ATTR_STRING,
  };
  const native = attributes.map(({ name: attribute, kind, value }) => ({ name: attribute, type: attributeKind[kind], value }));
  return backend.executeMultipleOutputs(name, native, inputs, outputs);
}

/** What the library of own kernels says of itself. */
interface OwnKernels {
  /** Whether TensorFlow took them all. */
  readonly registered: boolean;
  /** Whether its product of matrices is faster than TensorFlow's on this processor. */
  readonly fastProducts: boolean;
}

/** The library of own kernels, where it is in this process: like TensorFlow itself, once and for all. */
let loaded: OwnKernels | undefined;

/**
 * Loads the operations of `native/kernels`, compiled: each does in one pass over memory what takes several of TensorFlow's own, on the processor. TensorFlow must
 * be loaded already.
 * @param file the compiled library
 */
export function loadOwnKernels(file: string): void {
  loaded = createRequire(__filename)(file) as OwnKernels;
}

/** Whether those operations can be used: not on a GPU, not in JavaScript, not where they could not be compiled. */
export function hasOwnKernels(): boolean {
  return loaded?.registered === true && captureContext.ownKernels && hasNativeKernels();
}

/** Whether large products of matrices are to be own kernels, too. */
export function hasFastProducts(): boolean {
  return hasOwnKernels() && loaded?.fastProducts === true;
}

/** What a computation gives forward: its value, and what its gradient wants to see again. */
interface ForwardResult {
  readonly value: tf.Tensor;
  readonly saved: readonly tf.Tensor[];
}

/**
 * A computation with a gradient written by hand, where tfjs's own would be slow or is missing.
 * @param inputs what the gradient flows to.
 * @param forward the value, and the tensors to keep for the gradient.
 * @param gradient one tensor for each input, of its shape.
 */
export function withOwnGradient(
  inputs: readonly tf.Tensor[],
  forward: (inputs: readonly tf.Tensor[]) => ForwardResult,
  gradient: (dy: tf.Tensor, saved: readonly tf.Tensor[]) => tf.Tensor[],
): tf.Tensor {
  const custom = tf.customGrad((...given: unknown[]) => {
    const save = given.at(-1) as (tensors: tf.Tensor[]) => void;
    const { value, saved } = forward(given.slice(0, -1) as tf.Tensor[]);
    save([...saved]);
    return { value, gradFunc: (dy: tf.Tensor, kept: tf.Tensor[]) => gradient(dy, kept) };
  });
  return custom(...inputs);
}

/** The saved tensor at that place. @throws Error where there is none: a bug in the gradient. */
export function savedTensor(saved: readonly tf.Tensor[], place: number): tf.Tensor {
  const tensor = saved[place];
  if (tensor === undefined) throw new Error(`the gradient wants saved tensor ${place}, and there are ${saved.length}`);
  return tensor;
}
