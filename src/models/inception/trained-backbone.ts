import { tensorNamed, type NamedTensors } from '../../engine/parameters';
import { tf } from '../../engine/tensorflow';
import { averagePool, convolution, maxPool } from '../../engine/convolution';
import { relu } from '../../engine/relu';
import type { ForwardContext } from '../model';
import { inceptionV3, PICTURE_SIZE } from './backbone';
import { BACKBONE_PREFIX, BATCH_NORM_EPSILON } from './backbone-parameters';
import { meanOverPicture, networkInput } from './folded-backbone';

/** The share of a batch's statistics in the running ones. */
const MOMENTUM = 0.1;

/** Takes what is to be added to a buffer after the step. */
type AddToBuffer = (name: string, amount: tf.Tensor) => void;

/** Normalises by the running statistics: `torch.nn.BatchNorm2d` in evaluation. */
function runningBatchNorm(parameters: NamedTensors, name: string, x: tf.Tensor): tf.Tensor {
  return normalise(parameters, name, x, tensorNamed(parameters, `${name}.running_mean`), tensorNamed(parameters, `${name}.running_var`));
}

/**
 * Normalises by the batch's own statistics, and moves the running ones towards them: `torch.nn.BatchNorm2d` in training. Only pictures that count are counted;
 * where there is no padding it is PyTorch's.
 * @param x `[pictures, height, width, channels]`
 * @param counts `[pictures, 1]`, 1 for a picture that counts, 0 for padding
 */
function batchStatisticsNorm(parameters: NamedTensors, name: string, x: tf.Tensor, counts: tf.Tensor, addToBuffer: AddToBuffer): tf.Tensor {
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

/** Of torchvision's InceptionV3, before the layer that is left out here. */
const FEATURE_DROPOUT = 0.5;

/**
 * The features of pictures by a backbone that is trained with the rest of the model, from the parameters as PyTorch keeps them: BatchNorm by the batch's
 * statistics in a training step, and dropout as torchvision has it; by the running ones elsewhere.
 * @param pictures `[frames, 299 · 299 · 3]`, pixels from 0 to 255
 * @param counts `[frames, 1]`, 1 for a frame that counts, 0 for padding
 * @returns `[frames, 2048]`
 */
export function trainedFeatures(
  parameters: NamedTensors,
  pictures: tf.Tensor,
  counts: tf.Tensor,
  { transformInput, context }: { transformInput: boolean; context: ForwardContext },
): tf.Tensor {
  const shaped = tf.reshape(pictures, [-1, PICTURE_SIZE, PICTURE_SIZE, 3]);
  const last = inceptionV3<tf.Tensor>(networkInput(shaped, transformInput), {
    convolution: (name, x, placement) => {
      const kernel = tf.transpose(tensorNamed(parameters, `${BACKBONE_PREFIX}${name}.conv.weight`), [2, 3, 1, 0]);
      const convolved = convolution(x, kernel, placement);
      const norm = `${BACKBONE_PREFIX}${name}.bn`;
      const normed =
        context.addToBuffer === undefined
          ? runningBatchNorm(parameters, norm, convolved)
          : batchStatisticsNorm(parameters, norm, convolved, counts, context.addToBuffer);
      return relu(normed);
    },
    maxPool,
    averagePool,
    join: (parts) => tf.concat([...parts], 3),
  });
  return context.dropout(meanOverPicture(last), FEATURE_DROPOUT);
}
