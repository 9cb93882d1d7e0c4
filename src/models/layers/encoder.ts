import { attentionProduct } from '../../engine/attention-product';
import { addDropped, droppedRelu } from '../../engine/dropout';
import type { NamedTensors, ParameterDeclaration } from '../../engine/parameters';
import { tf } from '../../engine/tensorflow';
import type { ForwardContext } from '../model';
import { type FrameRows, shape2 } from './frame-rows';
import { deferredNorm, type DeferredNorm, linear, linearParameters, normedLinear, normParameters } from './linear';

/** One pass through an encoder: its parameters, the frames that go through it, and how it drops. */
export interface EncoderPass {
  readonly parameters: NamedTensors;
  readonly frames: FrameRows;
  readonly heads: number;
  readonly dropout: number;
  /** The share of clips for which each half of the layer is left out; 0 unless given. */
  readonly layerDrop?: number;
  readonly context: ForwardContext;
}

/** An encoder layer's parameters, in the order of the reference's state_dict. @param width of the embedding. @param inner of the feed-forward part. */
export function encoderLayerParameters(name: string, width: number, inner: number): ParameterDeclaration[] {
  return [
    ...attentionParameters(`${name}.attention`, width),
    ...linearParameters(`${name}.feed_forward.linear1`, width, inner),
    ...linearParameters(`${name}.feed_forward.linear2`, inner, width),
    ...normParameters(`${name}.residual1.norm`, width),
    ...normParameters(`${name}.residual2.norm`, width),
  ];
}

/**
 * A pre-norm transformer layer (Vaswani et al. 2017, Xiong et al. 2020): `x + dropout(attention(norm(x)))`, then `x + dropout(feedForward(norm(x)))`. With
 * stochastic depth (Huang et al. 2016) each of the two is left out for some of the clips, and counts more for the others, so that the expectation stays.
 * @param x `[rows, width]`
 */
export function encoderLayer(pass: EncoderPass, name: string, x: tf.Tensor): tf.Tensor {
  const norm = (norm: string, input: tf.Tensor): DeferredNorm => deferredNorm(pass.parameters, `${name}.${norm}`, input);
  const attended = plusDropout(pass, x, attention(pass, `${name}.attention`, norm('residual1.norm', x)));
  return plusDropout(pass, attended, feedForward(pass, `${name}.feed_forward`, norm('residual2.norm', attended)));
}

/** `x + dropout(y)`, and for the clips for which `y` is left out `x` alone. */
function plusDropout({ frames, dropout, layerDrop = 0, context }: EncoderPass, x: tf.Tensor, y: tf.Tensor): tf.Tensor {
  const drop = context.dropout.draw(y.shape, dropout, frames.drawn);
  const kept = layerDrop === 0 ? undefined : context.dropout.draw([frames.batch, 1], layerDrop);
  return addDropped(x, kept === undefined ? y : tf.mul(y, frames.rowsOfClips(tf.mul(kept.kept(), kept.scale))), drop);
}

/** Parameters of multi-head self-attention: W_q, W_k, W_v and W_o, each Linear `[width, width]`. */
function attentionParameters(name: string, width: number): ParameterDeclaration[] {
  return ['W_q', 'W_k', 'W_v', 'W_o'].flatMap((matrix) => linearParameters(`${name}.${matrix}`, width, width));
}

/**
 * Multi-head self-attention with dropout on its weights (Vaswani et al. 2017), of rows that are still to be normalised. The scale of the queries and of the
 * dropout is applied to weights, which are smaller than what they make.
 */
function attention({ parameters, frames, heads, dropout, context }: EncoderPass, name: string, x: DeferredNorm): tf.Tensor {
  const headWidth = shape2(x.input)[1] / heads;
  const projections = [{ name: `${name}.W_q`, scale: 1 / Math.sqrt(headWidth) }, { name: `${name}.W_k` }, { name: `${name}.W_v` }];
  const projected = normedLinear(parameters, x, projections);
  const drop = context.dropout.draw([frames.batch, heads, frames.frames, frames.frames], dropout);
  const size = { batch: frames.batch, frames: frames.frames, heads, headWidth };
  const observe = context.observe && ((weights: tf.Tensor): void => context.observe?.(name, weights));
  const mixed = attentionProduct(projected, frames, frames.scoreBias, size, { drop, observe });
  return linear(parameters, `${name}.W_o`, mixed, drop?.scale);
}

/** `linear2(dropout(relu(linear1(x))))`, of rows that are still to be normalised. */
function feedForward({ parameters, frames, dropout, context }: EncoderPass, name: string, x: DeferredNorm): tf.Tensor {
  const raised = normedLinear(parameters, x, [{ name: `${name}.linear1` }]);
  const drop = context.dropout.draw(raised.shape, dropout, frames.drawn);
  return linear(parameters, `${name}.linear2`, droppedRelu(raised, drop), drop?.scale);
}

/** The sinusoidal positions of Vaswani et al. 2017 as a buffer `[1, length, width]`: sine at even, cosine at odd places. */
export function positionParameter(name: string, length: number, width: number): ParameterDeclaration {
  return { name, shape: [1, length, width], trainable: false, computed: true, initialise: () => sinusoidalPositions(length, width) };
}

function sinusoidalPositions(length: number, width: number): Float32Array {
  const positions = new Float32Array(length * width);
  for (let place = 0; place < width; place += 2) {
    const frequency = Math.exp((-Math.log(10_000) * place) / width);
    for (let position = 0; position < length; position++) {
      positions[position * width + place] = Math.sin(position * frequency);
      if (place + 1 < width) positions[position * width + place + 1] = Math.cos(position * frequency);
    }
  }
  return positions;
}
