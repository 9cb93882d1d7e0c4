import type { DropoutDraw } from './dropout';
import { savedTensor, withOwnGradient, hasOwnKernels, rawOperation, TensorType } from './raw-operation';
import { hasNativeKernels, tf } from './tensorflow';
import { registerOperation, sameAsFirst } from './captured/operation-rules';

/** `max(x, 0)`, NaN where x is, with TensorFlow's own gradient: tfjs's takes six operations. */
export function relu(x: tf.Tensor): tf.Tensor {
  return droppedRelu(x, undefined);
}

/**
 * `max(x, 0) * kept`: a relu with dropout, but for dropout's scale, which whatever comes next can apply to something smaller. Where the value is not zero,
 * the gradient passes; so it needs no mask.
 */
export function droppedRelu(x: tf.Tensor, drop: DropoutDraw | undefined): tf.Tensor {
  return withOwnGradient(
    [x],
    () => {
      const value = reluAndDrop(x, drop);
      return { value, saved: [value] };
    },
    (dy, saved) => [reluGradient(dy, savedTensor(saved, 0))],
  );
}

function reluAndDrop(x: tf.Tensor, drop: DropoutDraw | undefined): tf.Tensor {
  if (drop === undefined) return positivePart(x);
  const { own } = drop;
  return own === undefined ? tf.mul(positivePart(x), drop.kept()) : rawOperation('KumpasReluDropout', own.attributes, [x, own.seed]);
}

/** TensorFlow fuses its Relu with the matrix product before it, and oneDNN's code for the two makes 0 of NaN; its Maximum stays by itself and hands NaN on. */
function positivePart(x: tf.Tensor): tf.Tensor {
  return tf.maximum(x, 0);
}

function reluGradient(dy: tf.Tensor, value: tf.Tensor): tf.Tensor {
  if (!hasNativeKernels()) return tf.mul(dy, tf.step(value));
  return rawOperation(
    hasOwnKernels() ? 'KumpasReluGrad' : 'ReluGrad',
    [{ name: 'T', kind: 'type', value: TensorType.float32 }],
    [dy, value],
  );
}

registerOperation({ name: 'KumpasReluDropout', shapes: sameAsFirst, lowPrecision: { kind: 'either', inputs: [0], outputs: [0] } });
registerOperation({ name: 'KumpasReluGrad', shapes: sameAsFirst, lowPrecision: { kind: 'either', inputs: [0, 1], outputs: [0] } });
