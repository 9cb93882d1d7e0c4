import type { Batch } from '../data/batch';
import { tensorNamed, type NamedArrays, type NamedTensors } from '../engine/parameters';
import { tf } from '../engine/tensorflow';
import type { ClassificationLoss } from './losses';

/** The two heads of a model. */
type Head = 'gloss' | 'category';

/** What teachers say of the clips of a batch: probabilities, softened by their temperature. */
export interface TaughtLabels {
  /** `[size, num_gloss]` */
  readonly gloss: Float32Array;
  /** `[size, num_cat]` */
  readonly category: Float32Array;
}

/** A batch to train on. */
export interface TrainingBatch extends Batch {
  /** Where there are teachers: what they say of it. */
  readonly taught?: TaughtLabels;
}

/** How much teachers say beside the labels. */
export interface Distillation {
  /** Their share of the loss, from 0 to 1. */
  readonly weight: number;
  readonly temperature: number;
}

/** The inputs of a step that say what its clips are, a row each. */
export const targetNames = ['gloss', 'category', 'mixed_gloss', 'mixed_category', 'own_share', 'taught_gloss', 'taught_category'];

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
 * What teachers say of a batch's clips; nothing where there are none.
 * @param corrections what the mean loss of each head is multiplied by, which is none of the teachers' business: classes have no weights in what they say.
 */
export function taughtInputs({ size, taught }: TrainingBatch, corrections: Readonly<Record<Head, number>>): NamedArrays {
  if (taught === undefined) return {};
  const { gloss, category } = taught;
  return {
    taught_gloss: { shape: [size, gloss.length / size], values: gloss },
    taught_category: { shape: [size, category.length / size], values: category },
    taught_scale: { shape: [2], values: Float32Array.of(1 / corrections.gloss, 1 / corrections.category) },
  };
}

/**
 * The loss of every clip in one head, `[batch]`: that of its label, and where there are teachers `(1 − weight)` of it with `weight` of theirs.
 * @param inputs of the step: {@link labelInputs}, {@link mixedInputs}, {@link taughtInputs}, and the classes' weights where they have some.
 */
export function lossOfHead(
  head: Head,
  logits: tf.Tensor,
  inputs: NamedTensors,
  { loss, distillation }: { readonly loss: ClassificationLoss; readonly distillation?: Distillation | undefined },
): tf.Tensor {
  const ofLabels = lossOfLabels(head, loss, logits, inputs);
  const taught = inputs[`taught_${head}`];
  if (taught === undefined || distillation === undefined) return ofLabels;
  const { weight, temperature } = distillation;
  const scale = tf.mul(tf.slice(tensorNamed(inputs, 'taught_scale'), [head === 'gloss' ? 0 : 1], [1]), weight);
  return tf.add(tf.mul(ofLabels, 1 - weight), tf.mul(distillationLoss(logits, taught, temperature), scale));
}

/** Of a clip that is mixed with another, `share · loss(own label) + (1 − share) · loss(the other's)` (Zhang et al. 2018). */
function lossOfLabels(head: Head, loss: ClassificationLoss, logits: tf.Tensor, inputs: NamedTensors): tf.Tensor {
  const classWeights = inputs[`${head}_class_weights`];
  const own = loss(logits, tensorNamed(inputs, head), classWeights);
  const others = inputs[`mixed_${head}`];
  if (others === undefined) return own;
  const share = tensorNamed(inputs, 'own_share');
  return tf.add(tf.mul(own, share), tf.mul(loss(logits, others, classWeights), tf.sub(1, share)));
}

/** Stands for a probability of 0 in a logarithm. */
const LEAST = 1e-37;

/**
 * `T² · KL(taught ‖ softmax(logits / T))` of every clip (Hinton et al. 2015): the T² keeps its gradient as large as that of a label, whatever T is.
 * @param logits `[batch, classes]`
 * @param taught `[batch, classes]`: probabilities, at the same temperature.
 */
export function distillationLoss(logits: tf.Tensor, taught: tf.Tensor, temperature: number): tf.Tensor {
  const learnt = tf.logSoftmax(tf.div(logits, temperature));
  const divergence = tf.sum(tf.mul(taught, tf.sub(tf.log(tf.maximum(taught, LEAST)), learnt)), -1);
  return tf.mul(divergence, temperature ** 2);
}
