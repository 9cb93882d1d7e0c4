import { tf } from '../tensorflow';
import type { ScanInputs, ScanResult, ScanStep } from '../scan-step';
import { hasNativeKernels } from '../raw-operation';
import { CaptureError } from './errors';

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

/** The functions of tfjs-node's native module that the captured step uses. Everything tfjs computes passes through `executeOp` and `createTensor`. */
export interface NativeBinding {
  readonly executeOp: (
    operation: string,
    attributes: readonly NativeAttribute[],
    inputs: readonly number[],
    outputCount: number,
  ) => NativeTensor[];
  readonly createTensor: (shape: readonly number[], dtype: number, values: NativeValues) => number;
  readonly deleteTensor: (id: number) => void;
  readonly tensorDataSync: (id: number) => NativeValues;
  readonly loadSavedModel: (folder: string, tags: string) => number;
  readonly deleteSavedModel: (session: number) => void;
  readonly runSavedModel: (session: number, inputs: readonly number[], inputNames: string, outputNames: string) => NativeTensor[];
  /** Only of the binding that stands in while a computation is recorded: writes a scan down as a loop of the graph. */
  readonly recordScan?: (given: ScanInputs, step: ScanStep) => ScanResult;
  readonly isUsingGpuDevice: () => boolean;
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
}

/** @throws CaptureError where another backend is running. */
export function nativeBackend(): NativeBackend {
  if (!hasNativeKernels())
    throw new CaptureError(`a captured step needs TensorFlow's native kernels, and the ${tf.getBackend()} backend is running`);
  return tf.backend() as unknown as NativeBackend;
}

/** Runs a computation while another binding stands in for the native one. */
export function withBinding<T>(backend: NativeBackend, substitute: NativeBinding, compute: () => T): T {
  const native = backend.binding;
  backend.binding = substitute;
  try {
    return compute();
  } finally {
    backend.binding = native;
  }
}
