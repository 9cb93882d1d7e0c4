import { averagePool, convolution, maxPool } from '../../engine/convolution';
import { tensorNamed, type NamedTensors } from '../../engine/named-tensors';
import { relu } from '../../engine/relu';
import { tf } from '../../engine/tensorflow';
import type { ForwardContext } from '../model';
import { inceptionV3, PICTURE_SIZE } from './backbone';
import { BACKBONE_PREFIX } from './backbone-parameters';
import { batchStatisticsNorm, runningBatchNorm } from './batch-norm';
import { meanOverPicture, networkInput } from './picture';

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
