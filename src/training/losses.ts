import type { TrainingSettings } from '../config/training-settings';
import { tf } from '../engine/tensorflow';

/**
 * A loss of `[batch]` clips from logits `[batch, classes]` and class ids `[batch]`, each weighted where the classes have weights `[classes]`, as PyTorch's
 * losses do with `weight` and without reduction.
 */
export type ClassificationLoss = (logits: tf.Tensor, targets: tf.Tensor, classWeights?: tf.Tensor) => tf.Tensor;

export type LossSettings = Pick<TrainingSettings, 'loss' | 'focal_gamma' | 'focal_alpha' | 'label_smoothing'>;

/** The losses by the word that `--loss` takes. A further one is a function and a row here, and its word (and settings) in config/training-settings.ts. */
const losses: Readonly<Record<LossSettings['loss'], (settings: LossSettings) => ClassificationLoss>> = {
  ce: () => weightedByTarget(crossEntropy),
  focal: (settings) => weightedByTarget((logits, targets) => focalLoss(logits, targets, settings.focal_gamma, settings.focal_alpha)),
  label_smoothing: (settings) => (logits, targets, classWeights) =>
    smoothedCrossEntropy(logits, targets, settings.label_smoothing, classWeights),
};

/** The loss that the settings name. */
export function classificationLoss(settings: LossSettings): ClassificationLoss {
  return losses[settings.loss](settings);
}

/** A loss whose classes may have weights, of one that knows none: each clip's is multiplied by the weight of the class that it is of. */
export function weightedByTarget(loss: (logits: tf.Tensor, targets: tf.Tensor) => tf.Tensor): ClassificationLoss {
  return (logits, targets, classWeights) => {
    const losses = loss(logits, targets);
    if (classWeights === undefined) return losses;
    return tf.mul(losses, tf.sum(tf.mul(oneHot(targets, classesOf(logits)), classWeights), -1));
  };
}

/** `−log p(target)`, as `torch.nn.CrossEntropyLoss` without reduction. */
export function crossEntropy(logits: tf.Tensor, targets: tf.Tensor): tf.Tensor {
  return tf.neg(tf.sum(tf.mul(tf.logSoftmax(logits), oneHot(targets, classesOf(logits))), -1));
}

/** Below what `1 − p` can be in float32 without being 0. */
const LEAST_MISSED = 1e-8;

/** `alpha · (1 − p)^gamma · −log p` (Lin et al. 2017). */
export function focalLoss(logits: tf.Tensor, targets: tf.Tensor, gamma: number, alpha: number): tf.Tensor {
  const entropy = crossEntropy(logits, targets);
  if (gamma === 0) return tf.mul(entropy, alpha);
  const missed = tf.sub(1, tf.exp(tf.neg(entropy)));
  // A root has no slope at 0, which is where a clip that is certain stands: always, where there is one class.
  const base = gamma < 1 ? tf.maximum(missed, LEAST_MISSED) : missed;
  return tf.mul(tf.mul(tf.pow(base, gamma), entropy), alpha);
}

/**
 * Cross-entropy against `(1 − smoothing) · one-hot + smoothing / classes`, as `torch.nn.CrossEntropyLoss(label_smoothing=…, weight=…)`.
 * @param classWeights `[classes]`: what the share of each class in the target is multiplied by.
 */
export function smoothedCrossEntropy(logits: tf.Tensor, targets: tf.Tensor, smoothing: number, classWeights?: tf.Tensor): tf.Tensor {
  const classes = classesOf(logits);
  const target = tf.add(tf.mul(oneHot(targets, classes), 1 - smoothing), smoothing / classes);
  const weighted = classWeights === undefined ? target : tf.mul(target, classWeights);
  return tf.neg(tf.sum(tf.mul(tf.logSoftmax(logits), weighted), -1));
}

function classesOf(logits: tf.Tensor): number {
  const classes = logits.shape.at(-1);
  if (classes === undefined) throw new Error('logits without an axis of classes');
  return classes;
}

/**
 * Class ids as rows that are 1 at the id and 0 elsewhere; for a single class too, which tfjs's own operation refuses.
 * @param ids `[rows]`
 * @returns `[rows, classes]`
 */
function oneHot(ids: tf.Tensor, classes: number): tf.Tensor {
  if (classes > 1) return tf.oneHot(tf.cast(ids, 'int32'), classes);
  return tf.cast(tf.equal(tf.reshape(ids, [-1, 1]), 0), 'float32');
}
