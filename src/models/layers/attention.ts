import { attentionProduct } from '../../engine/attention-product';
import type { NamedTensors } from '../../engine/named-tensors';
import type { ParameterDeclaration } from '../../engine/parameters';
import { packRows, spreadRows, type RowPacking } from '../../engine/rows';
import { tf } from '../../engine/tensorflow';
import type { ForwardContext } from '../model';
import { linear, linearParameters, normedLinear } from './linear';

/** Added to the scores of masked keys: their weight after softmax is exactly 0 in float32, as with −∞. */
const MASKED_SCORE = -1e9;

export interface AttentionSize {
  readonly batch: number;
  readonly frames: number;
  readonly width: number;
  readonly heads: number;
}

/** What surrounds an attention: its size, how its rows are packed if they are, and dropout. */
export interface AttentionSurroundings {
  readonly size: AttentionSize;
  readonly packing: RowPacking | undefined;
  readonly dropoutRate: number;
  readonly context: ForwardContext;
}

/** Parameters of multi-head self-attention: W_q, W_k, W_v and W_o, each Linear `[width, width]`. */
export function attentionParameters(name: string, width: number): ParameterDeclaration[] {
  return ['W_q', 'W_k', 'W_v', 'W_o'].flatMap((matrix) => linearParameters(`${name}.${matrix}`, width, width));
}

/** What is added to attention scores for a mask `[batch, frames]`: `[batch, 1, 1, frames]`, 0 for a frame, very negative for padding. */
export function maskedScores(mask: tf.Tensor, { batch, frames }: AttentionSize): tf.Tensor {
  return tf.reshape(tf.mul(tf.sub(1, mask), MASKED_SCORE), [batch, 1, 1, frames]);
}

/**
 * A layer norm, then multi-head self-attention with dropout on the weights (Vaswani et al. 2017).
 * @param name the attention's parameters
 * @param normName the norm's
 * @param x `[rows, width]`: all frames, or the packed ones
 * @param scoreBias from {@link maskedScores}
 */
export function normedAttention(
  parameters: NamedTensors,
  { name, normName }: { name: string; normName: string },
  x: tf.Tensor,
  scoreBias: tf.Tensor,
  { size, packing, dropoutRate, context }: AttentionSurroundings,
): tf.Tensor {
  const { batch, frames, width, heads } = size;
  const headWidth = width / heads;
  const projections = [{ name: `${name}.W_q`, scale: 1 / Math.sqrt(headWidth) }, { name: `${name}.W_k` }, { name: `${name}.W_v` }];
  const projected = normedLinear(parameters, normName, projections, x);
  const drop = context.dropout.draw([batch, heads, frames, frames], dropoutRate);
  const mixed = attentionProduct(
    spreadRows(projected, packing),
    scoreBias,
    { batch, frames, heads, headWidth },
    {
      drop,
      observe: (weights) => context.observe?.(name, weights),
    },
  );
  return linear(parameters, `${name}.W_o`, packRows(mixed, packing), drop?.scale);
}
