import type { Batch } from '../data/batch';
import { tensorNamed, type NamedArrays, type NamedTensors } from '../engine/parameters';
import { tf } from '../engine/tensorflow';
import type { ClassificationLoss } from './losses';

/** The two heads of a model. */
type Head = 'gloss' | 'category';

/** The inputs of a step that say what its clips are, a row each. */
export const targetNames = ['gloss', 'category', 'mixed_gloss', 'mixed_category', 'own_share'];

/** The labels of a batch's clips, as inputs of a step. */
export function labelInputs({ size, gloss, category }: Batch): NamedArrays {
  return { gloss: { shape: [size], values: gloss }, category: { shape: [size], values: category } };
}

/** The labels of the clips that a batch's clips are mixed with, and the share of each clip's own; nothing where none are mixed. */
export function mixedInputs({ size, mixed }: Batch): NamedArrays {
  if (mixed === undefined) return {};
  return {
    mixed_gloss: { shape: [size], values: mixed.gloss },
    mixed_category: { shape: [size], values: mixed.category },
    own_share: { shape: [size], values: mixed.share },
  };
}

/**
 * The loss of every clip in one head, `[batch]`. Of a clip that is mixed with another it is `share · loss(own label) + (1 − share) · loss(the other's)` (Zhang et al. 2018).
 * @param inputs of the step: {@link labelInputs}, {@link mixedInputs}, and the classes' weights where they have some.
 */
export function lossOfHead(head: Head, loss: ClassificationLoss, logits: tf.Tensor, inputs: NamedTensors): tf.Tensor {
  const classWeights = inputs[`${head}_class_weights`];
  const own = loss(logits, tensorNamed(inputs, head), classWeights);
  const others = inputs[`mixed_${head}`];
  if (others === undefined) return own;
  const share = tensorNamed(inputs, 'own_share');
  return tf.add(tf.mul(own, share), tf.mul(loss(logits, others, classWeights), tf.sub(1, share)));
}
