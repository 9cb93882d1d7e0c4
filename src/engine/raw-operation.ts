import { tf } from './tensorflow';

/** TensorFlow's own numbers for the types that Kumpas's raw operations name (tensorflow/core/framework/types.proto). */
export const TensorType = { float32: 1, int32: 3, uint8: 4, bool: 10 } as const;
export type TensorTypeNumber = (typeof TensorType)[keyof typeof TensorType];

/** An attribute of a TensorFlow operation. */
export type OperationAttribute =
  | { readonly name: string; readonly kind: 'type'; readonly value: TensorTypeNumber }
  | { readonly name: string; readonly kind: 'int'; readonly value: number | readonly number[] }
  | { readonly name: string; readonly kind: 'float'; readonly value: number }
  | { readonly name: string; readonly kind: 'bool'; readonly value: boolean };

/** The part of tfjs-node's backend that raw operations go through. */
interface NativeBackend {
  readonly binding: Readonly<Record<'TF_ATTR_TYPE' | 'TF_ATTR_INT' | 'TF_ATTR_FLOAT' | 'TF_ATTR_BOOL', number>>;
  executeMultipleOutputs(
    name: string,
    attributes: readonly { name: string; type: number; value: unknown }[],
    inputs: readonly tf.Tensor[],
    outputs: number,
  ): tf.Tensor[];
}

/** Whether the native kernels run: without them there are no raw operations. */
export function hasNativeKernels(): boolean {
  return tf.getBackend() === 'tensorflow';
}

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
  const backend = tf.backend() as unknown as NativeBackend;
  const attributeKind = {
    type: backend.binding.TF_ATTR_TYPE,
    int: backend.binding.TF_ATTR_INT,
    float: backend.binding.TF_ATTR_FLOAT,
    bool: backend.binding.TF_ATTR_BOOL,
  };
  const native = attributes.map(({ name: attribute, kind, value }) => ({ name: attribute, type: attributeKind[kind], value }));
  return backend.executeMultipleOutputs(name, native, inputs, outputs);
}
