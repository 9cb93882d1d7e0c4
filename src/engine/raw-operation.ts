import { createRequire } from 'node:module';
import { captureContext, nativeBackend } from './native-backend';
import { hasNativeKernels, tf } from './tensorflow';

/** TensorFlow's own numbers for the types that Kumpas's raw operations name (tensorflow/core/framework/types.proto). */
export const TensorType = { float32: 1, int32: 3, uint8: 4, bool: 10 } as const;
type TensorTypeNumber = (typeof TensorType)[keyof typeof TensorType];

/** An attribute of a TensorFlow operation. */
export type OperationAttribute =
  | { readonly name: string; readonly kind: 'type'; readonly value: TensorTypeNumber }
  | { readonly name: string; readonly kind: 'int'; readonly value: number | readonly number[] }
  | { readonly name: string; readonly kind: 'float'; readonly value: number }
  | { readonly name: string; readonly kind: 'bool'; readonly value: boolean };

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
  };
  const native = attributes.map(({ name: attribute, kind, value }) => ({ name: attribute, type: attributeKind[kind], value }));
  return backend.executeMultipleOutputs(name, native, inputs, outputs);
}

/** Whether the library of own kernels is in this process: like the library itself, once and for all. */
let loaded = false;

/**
 * Loads the operations of `native/kernels`, compiled: each does in one pass over memory what takes several of TensorFlow's own, on the processor. TensorFlow must
 * be loaded already.
 * @param file the compiled library
 */
export function loadOwnKernels(file: string): void {
  loaded = (createRequire(__filename)(file) as { readonly registered: boolean }).registered;
}

/** Whether those operations can be used: not on a GPU, not in JavaScript, not where they could not be compiled. */
export function hasOwnKernels(): boolean {
  return loaded && captureContext.ownKernels && hasNativeKernels();
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
