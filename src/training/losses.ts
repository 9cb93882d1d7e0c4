import { tf } from '../engine/tensorflow';

/** A loss of `[batch]` clips from logits `[batch, classes]` and class ids `[batch]`. */
export type ClassificationLoss = (logits: tf.Tensor, targets: tf.Tensor) => tf.Tensor;

export interface LossSettings {
  readonly loss: 'ce' | 'focal' | 'label_smoothing';
  readonly focal_gamma: number;
  readonly focal_alpha: number;
  readonly label_smoothing: number;
}

/** The loss that the settings name. */
export function classificationLoss(settings: LossSettings): ClassificationLoss {
  switch (settings.loss) {
    case 'ce':
      return crossEntropy;
    case 'focal':
      return (logits, targets) => focalLoss(logits, targets, settings.focal_gamma, settings.focal_alpha);
    case 'label_smoothing':
      return (logits, targets) => smoothedCrossEntropy(logits, targets, settings.label_smoothing);
  }
}

/** `−log p(target)`, as `torch.nn.CrossEntropyLoss` without reduction. */
export function crossEntropy(logits: tf.Tensor, targets: tf.Tensor): tf.Tensor {
  return tf.neg(tf.sum(tf.mul(tf.logSoftmax(logits), oneHot(targets, logits)), -1));
}

/** `alpha · (1 − p)^gamma · −log p` (Lin et al. 2017). */
function focalLoss(logits: tf.Tensor, targets: tf.Tensor, gamma: number, alpha: number): tf.Tensor {
  const entropy = crossEntropy(logits, targets);
  const missed = tf.sub(1, tf.exp(tf.neg(entropy)));
  return tf.mul(tf.mul(tf.pow(missed, gamma), entropy), alpha);
}

/** Cross-entropy against `(1 − smoothing) · one-hot + smoothing / classes`, as `torch.nn.CrossEntropyLoss(label_smoothing=…)`. */
function smoothedCrossEntropy(logits: tf.Tensor, targets: tf.Tensor, smoothing: number): tf.Tensor {
  const classes = logits.shape.at(-1) ?? 1;
  const target = tf.add(tf.mul(oneHot(targets, logits), 1 - smoothing), smoothing / classes);
  return tf.neg(tf.sum(tf.mul(tf.logSoftmax(logits), target), -1));
}

function oneHot(targets: tf.Tensor, logits: tf.Tensor): tf.Tensor {
  return tf.oneHot(tf.cast(targets, 'int32'), logits.shape.at(-1) ?? 1);
}
