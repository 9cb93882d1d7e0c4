import { elementAt } from '../foundation/required';
import { registerOperation } from './captured/operation-rules';
import { DataType, type TensorType } from './captured/recording';
import { captureContext, type OperationAttribute, rawOperations, savedTensor, withOwnGradient } from './native-backend';
import { sizeOfShape } from './parameters';
import { tf } from './tensorflow';

/** The parameters of a `torch.nn.GRU` of one layer in one direction, gates in the order r, z, n. */
export interface GruWeights {
  /** `[3 · hidden, inputs]` */
  readonly weightIh: tf.Tensor;
  /** `[3 · hidden, hidden]` */
  readonly weightHh: tf.Tensor;
  /** `[3 · hidden]` */
  readonly biasIh: tf.Tensor;
  /** `[3 · hidden]` */
  readonly biasHh: tf.Tensor;
}

/**
 * A GRU's parameters as cuDNN has them, in one vector: the matrices of the inputs for the gates r, z, n (its linLayerID 0 to 2), those of the states (3 to 5), then the
 * biases in the same order. Within a matrix cuDNN has a row for each output, so PyTorch's parameters are these very numbers, one after the other.
 */
export function cudnnParameters({ weightIh, weightHh, biasIh, biasHh }: GruWeights): tf.Tensor {
  return tf.concat([weightIh, weightHh, biasIh, biasHh].map((part) => tf.reshape(part, [-1])));
}

/** What {@link cudnnParameters} put together, for an input of that width. */
export function ofCudnnParameters(parameters: tf.Tensor, inputs: number, hidden: number): GruWeights {
  const shapes = [[3 * hidden, inputs], [3 * hidden, hidden], [3 * hidden], [3 * hidden]];
  const parts = tf.split(parameters, shapes.map(sizeOfShape));
  const [weightIh, weightHh, biasIh, biasHh] = parts.map((part, place) => tf.reshape(part, elementAt(shapes, place))) as FourTensors;
  return { weightIh, weightHh, biasIh, biasHh };
}

type FourTensors = [tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor];

/** Whether the computation that is being made is one whose GRUs are computed by cuDNN. */
export function usesCudnnGru(): boolean {
  return captureContext.cudnnGru;
}

const attributes: readonly OperationAttribute[] = [
  { name: 'T', kind: 'type', value: DataType.float32 },
  { name: 'rnn_mode', kind: 'string', value: 'gru' },
  { name: 'input_mode', kind: 'string', value: 'linear_input' },
  { name: 'direction', kind: 'string', value: 'unidirectional' },
  { name: 'dropout', kind: 'float', value: 0 },
  { name: 'seed', kind: 'int', value: 0 },
  { name: 'seed2', kind: 'int', value: 0 },
  { name: 'num_proj', kind: 'int', value: 0 },
  { name: 'time_major', kind: 'bool', value: true },
];

/**
 * The states of a GRU after each frame by cuDNN's fused kernels, forward and backward (TensorFlow's CudnnRNNV3 and CudnnRNNBackpropV3): the formulas are PyTorch's, which
 * computes by the same kernels. On NVIDIA GPUs only.
 *
 * cuDNN gives zeros for frames of padding; here, as of the loop of `gru-states.ts`, a padded frame has the last frame's state.
 * @param x `[frames, batch, inputs]`
 * @param mask `[frames, batch, 1]`, 1 for a frame that counts, 0 for the padding behind; it has no gradient
 * @returns `[frames, batch, hidden]`
 */
export function cudnnGruStates(x: tf.Tensor, mask: tf.Tensor, { weightIh, weightHh, biasIh, biasHh }: GruWeights): tf.Tensor {
  const [frames, batch, inputs] = x.shape as [number, number, number];
  const hidden = elementAt(weightHh.shape, 1);
  return withOwnGradient(
    [x, weightIh, weightHh, biasIh, biasHh],
    () => {
      const given = [
        x,
        tf.zeros([1, batch, hidden]),
        tf.scalar(0), // The cell's state, which a GRU has not.
        cudnnParameters({ weightIh, weightHh, biasIh, biasHh }),
        // A clip of no frame, as a batch is filled up with, counts as one of one frame: cuDNN knows none of less.
        tf.cast(tf.reshape(tf.maximum(tf.sum(mask, 0), 1), [batch]), 'int32'),
      ];
      const made = rawOperations('CudnnRNNV3', [...attributes, { name: 'is_training', kind: 'bool', value: true }], given, 5);
      const [output, last] = [elementAt(made, 0), elementAt(made, 1)];
      const value = tf.add(tf.mul(output, mask), tf.mul(last, tf.sub(1, mask)));
      return { value, saved: [mask, ...given, ...made] };
    },
    (dy, saved) => {
      const kept = saved.map((_, place) => savedTensor(saved, place));
      const [padding, given, made] = [tf.sub(1, elementAt(kept, 0)), kept.slice(1, 6), kept.slice(6)];
      const dOutput = tf.mul(dy, elementAt(kept, 0));
      const dLast = tf.sum(tf.mul(dy, padding), 0, true);
      const [output, last, cell, reserve, hostReserve] = made as [...FourTensors, tf.Tensor];
      const all = [...given, output, last, cell, dOutput, dLast, tf.scalar(0), reserve, hostReserve];
      const gradients = rawOperations('CudnnRNNBackpropV3', attributes, all, 4);
      const ofWeights = ofCudnnParameters(elementAt(gradients, 3), inputs, hidden);
      return [
        tf.reshape(elementAt(gradients, 0), [frames, batch, inputs]),
        ofWeights.weightIh,
        ofWeights.weightHh,
        ofWeights.biasIh,
        ofWeights.biasHh,
      ];
    },
  );
}

/**
 * What cuDNN keeps for the gradient is as large as cuDNN likes, and of bytes (int8) in part. Nothing but the gradient's operation takes it, so a recording need not know:
 * it calls both empty, the second one uint8, a type that tfjs can hold.
 */
const KEPT_BY_CUDNN: readonly TensorType[] = [
  { dtype: DataType.float32, shape: [0] },
  { dtype: DataType.uint8, shape: [0] },
];

registerOperation({
  name: 'CudnnRNNV3',
  shapes: ({ inputs: [x, state, cell] }) => {
    if (x === undefined || state === undefined || cell === undefined) return undefined;
    const shape = [...x.shape.slice(0, 2), elementAt(state.shape, 2)];
    return [{ dtype: x.dtype, shape }, state, cell, ...KEPT_BY_CUDNN];
  },
});
registerOperation({ name: 'CudnnRNNBackpropV3', shapes: ({ inputs }) => inputs.slice(0, 4) });
