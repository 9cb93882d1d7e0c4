import { required } from '../foundation/required';
import { CaptureError } from './captured/recording';
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
  loadSavedModel(folder: string, tags: string): number;
  deleteSavedModel(session: number): void;
  runSavedModel(session: number, inputs: readonly number[], inputNames: string, outputNames: string): NativeTensor[];
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
export interface CaptureSettings {
  /** What its operations are given to; they are run where there is none. */
  readonly recorder: OperationRecorder | undefined;
  /** Whether own kernels may do the work of TensorFlow's operations, where they are there: not in graphs that go to others. */
  readonly ownKernels: boolean;
}

/** Where a computation is entered with other settings. All of it is synchronous: nothing outlives `run`. */
class CaptureContext {
  private settings: CaptureSettings = { recorder: undefined, ownKernels: true };

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
    executeOp: (operation, attributes, inputs, outputCount) => operations().executeOp(operation, attributes, inputs, outputCount),
    createTensor: (shape, dtype, values) => operations().createTensor(shape, dtype, values),
    deleteTensor: (id) => {
      operations().deleteTensor(id);
    },
    tensorDataSync: (id) => operations().tensorDataSync(id),
  };
}
