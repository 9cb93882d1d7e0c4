import { type NamedTensors, tensorNamed, type ParameterDeclaration, type ParameterValues, constantValue } from '../../engine/parameters';
import { averagePool, biasedConvolution, maxPool } from '../../engine/convolution';
import { relu } from '../../engine/relu';
import { tf } from '../../engine/tensorflow';
import { inceptionV3, PICTURE_SIZE } from './backbone';
import { BACKBONE_CONVOLUTIONS, BACKBONE_PREFIX, BATCH_NORM_EPSILON } from './backbone-parameters';

/** A frozen backbone's parameters: of each convolution one kernel `[height, width, in, out]` and one bias, its BatchNorm within. */
export const FOLDED_PARAMETERS: readonly ParameterDeclaration[] = BACKBONE_CONVOLUTIONS.flatMap(
  ({ name, inputs, outputs, height, width }) => [
    { name: `${name}.kernel`, shape: [height, width, inputs, outputs], trainable: false, initialise: constantValue(0) },
    { name: `${name}.bias`, shape: [outputs], trainable: false, initialise: constantValue(0) },
  ],
);

/**
 * Turns the backbone's kernels from PyTorch's layout into TensorFlow's, once, and works each BatchNorm's running statistics into them:
 * `gamma · (W x − mean) / sqrt(var + eps) + beta`.
 * @param weights by the names of an InceptionV3GRU's state_dict.
 */
export function foldBackbone(weights: ParameterValues): ParameterValues {
  const folded = new Map<string, Float32Array>();
  for (const { name, inputs, outputs, height, width } of BACKBONE_CONVOLUTIONS) {
    const values = (part: string): Float32Array => {
      const found = weights.get(`${BACKBONE_PREFIX}${name}.${part}`);
      if (found === undefined) throw new Error(`the backbone lacks ${name}.${part}`);
      return found;
    };
    const [gamma, beta, mean, variance, kernel] = ['bn.weight', 'bn.bias', 'bn.running_mean', 'bn.running_var', 'conv.weight'].map(
      values,
    ) as [Float32Array, Float32Array, Float32Array, Float32Array, Float32Array];
    const scale = gamma.map((value, channel) => value / Math.sqrt((variance[channel] ?? 1) + BATCH_NORM_EPSILON));
    const places = height * width;
    const turned = new Float32Array(kernel.length);
    for (let output = 0; output < outputs; output++) {
      const factor = scale[output] ?? 1;
      for (let input = 0; input < inputs; input++) {
        const from = (output * inputs + input) * places;
        for (let place = 0; place < places; place++) {
          turned[(place * inputs + input) * outputs + output] = (kernel[from + place] ?? 0) * factor;
        }
      }
    }
    folded.set(`${name}.kernel`, turned);
    folded.set(
      `${name}.bias`,
      beta.map((value, channel) => value - (mean[channel] ?? 0) * (scale[channel] ?? 1)),
    );
  }
  return folded;
}

/**
 * The features of pictures, by a folded backbone.
 * @param pictures `[frames, 299, 299, 3]`, pixels from 0 to 255
 * @returns `[frames, 2048]`
 */
export function foldedFeatures(parameters: NamedTensors, pictures: tf.Tensor, transformInput: boolean): tf.Tensor {
  const shaped = tf.reshape(pictures, [-1, PICTURE_SIZE, PICTURE_SIZE, 3]);
  const last = inceptionV3<tf.Tensor>(networkInput(shaped, transformInput), {
    convolution: (name, x, { stride, padded }) =>
      relu(biasedConvolution(x, tensorNamed(parameters, `${name}.kernel`), tensorNamed(parameters, `${name}.bias`), { stride, padded })),
    maxPool,
    averagePool,
    join: (parts) => tf.concat([...parts], 3),
  });
  return meanOverPicture(last);
}

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
