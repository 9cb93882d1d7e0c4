import { tensorNamed, type NamedTensors } from '../../engine/named-tensors';
import { tf } from '../../engine/tensorflow';

/** torchvision's InceptionV3 has this instead of PyTorch's usual 1e-5. */
export const BATCH_NORM_EPSILON = 1e-3;
/** The share of a batch's statistics in the running ones. */
const MOMENTUM = 0.1;

/** Takes what is to be added to a buffer after the step. */
type AddToBuffer = (name: string, amount: tf.Tensor) => void;

/** Normalises by the running statistics: `torch.nn.BatchNorm2d` in evaluation. */
export function runningBatchNorm(parameters: NamedTensors, name: string, x: tf.Tensor): tf.Tensor {
  return normalise(parameters, name, x, tensorNamed(parameters, `${name}.running_mean`), tensorNamed(parameters, `${name}.running_var`));
}

/**
 * Normalises by the batch's own statistics, and moves the running ones towards them: `torch.nn.BatchNorm2d` in training. Only pictures that count are counted;
 * where there is no padding it is PyTorch's.
 * @param x `[pictures, height, width, channels]`
 * @param counts `[pictures, 1]`, 1 for a picture that counts, 0 for padding
 */
export function batchStatisticsNorm(
  parameters: NamedTensors,
  name: string,
  x: tf.Tensor,
  counts: tf.Tensor,
  addToBuffer: AddToBuffer,
): tf.Tensor {
  const [, height = 1, width = 1, channels = 1] = x.shape;
  const values = tf.mul(tf.sum(counts), height * width);
  const overCounted = (perPicture: tf.Tensor): tf.Tensor => tf.div(tf.sum(tf.mul(perPicture, counts), 0), values);
  const mean = overCounted(tf.sum(x, [1, 2]));
  const variance = overCounted(tf.sum(tf.square(tf.sub(x, mean)), [1, 2]));
  const unbiased = tf.mul(variance, tf.div(values, tf.maximum(tf.sub(values, 1), 1)));
  const towards = (buffer: string, target: tf.Tensor): void => {
    addToBuffer(`${name}.${buffer}`, tf.mul(tf.sub(target, tensorNamed(parameters, `${name}.${buffer}`)), MOMENTUM));
  };
  towards('running_mean', tf.reshape(mean, [channels]));
  towards('running_var', tf.reshape(unbiased, [channels]));
  addToBuffer(`${name}.num_batches_tracked`, tf.scalar(1));
  return normalise(parameters, name, x, mean, variance);
}

function normalise(parameters: NamedTensors, name: string, x: tf.Tensor, mean: tf.Tensor, variance: tf.Tensor): tf.Tensor {
  const scale = tf.mul(tensorNamed(parameters, `${name}.weight`), tf.rsqrt(tf.add(variance, BATCH_NORM_EPSILON)));
  return tf.add(tf.mul(tf.sub(x, mean), scale), tensorNamed(parameters, `${name}.bias`));
}
