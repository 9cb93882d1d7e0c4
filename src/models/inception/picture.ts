import { tf } from '../../engine/tensorflow';

/** ImageNet's mean and standard deviation of red, green and blue, of values from 0 to 1. */
const IMAGENET_MEAN = [0.485, 0.456, 0.406] as const;
const IMAGENET_DEVIATION = [0.229, 0.224, 0.225] as const;

/**
 * Pixels from 0 to 255 as InceptionV3 takes them: normalised as torchvision's ToTensor and Normalize do, and with `transform_input` then turned into
 * (x − 0.5) / 0.5, with which its ImageNet weights were trained.
 * @param pixels `[…, 3]`
 */
export function networkInput(pixels: tf.Tensor, transformInput: boolean): tf.Tensor {
  const normalised = tf.div(tf.sub(tf.div(pixels, 255), tf.tensor1d([...IMAGENET_MEAN])), tf.tensor1d([...IMAGENET_DEVIATION]));
  if (!transformInput) return normalised;
  const scale = IMAGENET_DEVIATION.map((deviation) => deviation / 0.5);
  const shift = IMAGENET_MEAN.map((mean) => (mean - 0.5) / 0.5);
  return tf.add(tf.mul(normalised, tf.tensor1d(scale)), tf.tensor1d(shift));
}

/** The mean over all places: from `[frames, height, width, channels]` to `[frames, channels]`. */
export function meanOverPicture(x: tf.Tensor): tf.Tensor {
  const [, height = 1, width = 1] = x.shape;
  return tf.mul(tf.sum(x, [1, 2]), 1 / (height * width));
}
