import { relu } from '../../engine/dropout';
import { addBias } from '../../engine/linear-and-norm';
import { constantValue, type NamedTensors, type ParameterDeclaration, type ParameterValues, tensorNamed } from '../../engine/parameters';
import { tf } from '../../engine/tensorflow';
import { elementAt, required } from '../../foundation/required';
import { shape4 } from '../layers/frame-rows';
import type { ForwardContext } from '../model';
import { BACKBONE_CONVOLUTIONS, BACKBONE_PREFIX, BATCH_NORM_EPSILON, inceptionV3, PICTURE_SIZE, POINT } from './backbone';

/** A frozen backbone's parameters: of each convolution one kernel `[height, width, in, out]` and one bias, its BatchNorm within. */
export const FOLDED_PARAMETERS: readonly ParameterDeclaration[] = BACKBONE_CONVOLUTIONS.flatMap(
  ({ name, inputs, outputs, height, width }) => [
    { name: `${name}.kernel`, shape: [height, width, inputs, outputs], trainable: false, initialise: constantValue(0) },
    { name: `${name}.bias`, shape: [outputs], trainable: false, initialise: constantValue(0) },
  ],
);

/**
 * Turns the backbone's kernels from PyTorch's layout into TensorFlow's, once, and works each BatchNorm's running statistics into them:
 * `gamma · (W x − mean) / sqrt(var + eps) + beta`; into the first one, which pads nothing, the scaling of the pixels too.
 * @param weights by the names of an InceptionV3GRU's state_dict.
 */
export function foldBackbone(weights: ParameterValues, transformInput: boolean): ParameterValues {
  const folded = new Map<string, Float32Array>();
  for (const { name, inputs, outputs, height, width } of BACKBONE_CONVOLUTIONS) {
    const values = (part: string): Float32Array => {
      const full = `${BACKBONE_PREFIX}${name}.${part}`;
      return required(weights.get(full), `the backbone's ${full}`);
    };
    const [gamma, beta, mean, variance, kernel] = ['bn.weight', 'bn.bias', 'bn.running_mean', 'bn.running_var', 'conv.weight'].map(
      values,
    ) as [Float32Array, Float32Array, Float32Array, Float32Array, Float32Array];
    const scale = gamma.map((value, channel) => value / Math.sqrt(elementAt(variance, channel) + BATCH_NORM_EPSILON));
    const places = height * width;
    const turned = new Float32Array(kernel.length);
    for (let output = 0; output < outputs; output++) {
      const factor = elementAt(scale, output);
      for (let input = 0; input < inputs; input++) {
        const from = (output * inputs + input) * places;
        for (let place = 0; place < places; place++) {
          turned[(place * inputs + input) * outputs + output] = elementAt(kernel, from + place) * factor;
        }
      }
    }
    folded.set(`${name}.kernel`, turned);
    folded.set(
      `${name}.bias`,
      beta.map((value, channel) => value - elementAt(mean, channel) * elementAt(scale, channel)),
    );
  }
  foldPixelScales(folded, transformInput);
  return folded;
}

function foldPixelScales(folded: ReadonlyMap<string, Float32Array>, transformInput: boolean): void {
  const { name, outputs } = elementAt(BACKBONE_CONVOLUTIONS, 0);
  const [kernel, bias] = [
    required(folded.get(`${name}.kernel`), 'the first kernel'),
    required(folded.get(`${name}.bias`), 'the first bias'),
  ];
  const { scale, shift } = pixelScales(transformInput);
  const shifts = new Float64Array(outputs);
  kernel.forEach((weight, place) => {
    const [output, channel] = [place % outputs, Math.floor(place / outputs) % shift.length];
    shifts[output] = elementAt(shifts, output) + weight * elementAt(shift, channel);
    kernel[place] = weight * elementAt(scale, channel);
  });
  shifts.forEach((amount, output) => (bias[output] = elementAt(bias, output) + amount));
}

/**
 * The features of pictures, by a folded backbone.
 * @param pictures `[frames, 299, 299, 3]`, pixels from 0 to 255
 * @returns `[frames, 2048]`
 */
export function foldedFeatures(parameters: NamedTensors, pictures: tf.Tensor): tf.Tensor {
  const shaped = tf.reshape(pictures, [-1, PICTURE_SIZE, PICTURE_SIZE, 3]);
  const kernelOf = (name: string): tf.Tensor => tensorNamed(parameters, `${name}.kernel`);
  const activated = (name: string, x: tf.Tensor): tf.Tensor => fusedRelu(addBias(x, tensorNamed(parameters, `${name}.bias`)));
  const last = inceptionV3<tf.Tensor>(shaped, {
    convolution: (name, x, placement) => activated(name, convolution(x, kernelOf(name), placement)),
    // Both are linear: the mean of the products is the product of the means, and there are fewer of them.
    averagedConvolution: (name, x) => activated(name, averagePool(convolution(x, kernelOf(name), POINT))),
    maxPool,
    join: (parts) => tf.concat([...parts], 3),
  });
  return meanOverPicture(last);
}

/** ImageNet's mean and standard deviation of red, green and blue, of values from 0 to 1. */
const IMAGENET_MEAN = [0.485, 0.456, 0.406] as const;
const IMAGENET_DEVIATION = [0.229, 0.224, 0.225] as const;

/**
 * What makes of pixels from 0 to 255 what InceptionV3 takes, for red, green and blue: they are normalised as torchvision's ToTensor and Normalize do, and with
 * `transform_input` then turned into (x − 0.5) / 0.5, with which its ImageNet weights were trained.
 */
function pixelScales(transformInput: boolean): { readonly scale: readonly number[]; readonly shift: readonly number[] } {
  const [mean, deviation] = transformInput
    ? [IMAGENET_MEAN.map(() => 0.5), IMAGENET_MEAN.map(() => 0.5)]
    : [IMAGENET_MEAN, IMAGENET_DEVIATION];
  return {
    scale: deviation.map((value) => 1 / (255 * value)),
    shift: mean.map((value, channel) => -value / elementAt(deviation, channel)),
  };
}

/** Pixels, `[…, 3]`, as InceptionV3 takes them. */
function networkInput(pixels: tf.Tensor, transformInput: boolean): tf.Tensor {
  const { scale, shift } = pixelScales(transformInput);
  return tf.add(tf.mul(pixels, tf.tensor1d([...scale])), tf.tensor1d([...shift]));
}

/** The mean over all places: from `[frames, height, width, channels]` to `[frames, channels]`. */
function meanOverPicture(x: tf.Tensor): tf.Tensor {
  const [, height, width] = shape4(x);
  return tf.mul(tf.sum(x, [1, 2]), 1 / (height * width));
}

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
  const [, height, width, channels] = shape4(x);
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
  const activated = (name: string, x: tf.Tensor, placement: ConvolutionPlacement): tf.Tensor => {
    const kernel = tf.transpose(tensorNamed(parameters, `${BACKBONE_PREFIX}${name}.conv.weight`), [2, 3, 1, 0]);
    const convolved = convolution(x, kernel, placement);
    const norm = `${BACKBONE_PREFIX}${name}.bn`;
    const normed =
      context.addToBuffer === undefined
        ? runningBatchNorm(parameters, norm, convolved)
        : batchStatisticsNorm(parameters, norm, convolved, counts, context.addToBuffer);
    return relu(normed);
  };
  const last = inceptionV3<tf.Tensor>(networkInput(shaped, transformInput), {
    convolution: activated,
    averagedConvolution: (name, x) => activated(name, averagePool(x), POINT),
    maxPool,
    join: (parts) => tf.concat([...parts], 3),
  });
  return context.dropout(meanOverPicture(last), FEATURE_DROPOUT);
}

interface ConvolutionPlacement {
  readonly stride: number;
  /** Whether zeros are put around, so that a stride of 1 keeps the size. */
  readonly padded: boolean;
}

/** What relu lets through of negative values here: so little that it is nothing beside any other value. */
const LEAK = 1e-30;

/**
 * Relu that TensorFlow fuses with the convolution and the bias before it, without a gradient. A relu proper would make 0 of NaN there, and hide weights that are too large; a leaky one
 * hands NaN on.
 */
export function fusedRelu(x: tf.Tensor): tf.Tensor {
  return tf.leakyRelu(x, LEAK);
}

/** A convolution of `[pictures, height, width, in]` with a kernel `[height, width, in, out]`. */
function convolution(x: tf.Tensor, kernel: tf.Tensor, { stride, padded }: ConvolutionPlacement): tf.Tensor {
  return tf.conv2d(x as tf.Tensor4D, kernel as tf.Tensor4D, stride, padded ? 'same' : 'valid');
}

/** The largest of 3 × 3, each second place, without padding. */
function maxPool(x: tf.Tensor): tf.Tensor {
  return tf.maxPool(x as tf.Tensor4D, 3, 2, 'valid');
}

/** The mean of 3 × 3 around each place; zeros beyond the edge count. (TensorFlow's own padding would leave them out.) */
function averagePool(x: tf.Tensor): tf.Tensor {
  return tf.avgPool(
    tf.pad(x, [
      [0, 0],
      [1, 1],
      [1, 1],
      [0, 0],
    ]) as tf.Tensor4D,
    3,
    1,
    'valid',
  );
}
