import { tf } from './tensorflow';
import { addBias } from './matrix-product';

export interface ConvolutionPlacement {
  readonly stride: number;
  /** Whether zeros are put around, so that a stride of 1 keeps the size. */
  readonly padded: boolean;
}

/**
 * A convolution with a bias, in operations that TensorFlow fuses.
 * @param x `[pictures, height, width, in]`
 * @param kernel `[height, width, in, out]`
 * @param bias `[out]`
 */
export function biasedConvolution(x: tf.Tensor, kernel: tf.Tensor, bias: tf.Tensor, placement: ConvolutionPlacement): tf.Tensor {
  return addBias(convolution(x, kernel, placement), bias);
}

/** A convolution of `[pictures, height, width, in]` with a kernel `[height, width, in, out]`. */
export function convolution(x: tf.Tensor, kernel: tf.Tensor, { stride, padded }: ConvolutionPlacement): tf.Tensor {
  return tf.conv2d(x as tf.Tensor4D, kernel as tf.Tensor4D, stride, padded ? 'same' : 'valid');
}

/** The largest of 3 × 3, each second place, without padding. */
export function maxPool(x: tf.Tensor): tf.Tensor {
  return tf.maxPool(x as tf.Tensor4D, 3, 2, 'valid');
}

/** The mean of 3 × 3 around each place; zeros beyond the edge count. (TensorFlow's own padding would leave them out.) */
export function averagePool(x: tf.Tensor): tf.Tensor {
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
