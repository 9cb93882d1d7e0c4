import type { DropoutMask } from './dropout';
import { savedTensor, withOwnGradient } from './own-gradient';
import { tf } from './tensorflow';

export interface AttentionShape {
  readonly batch: number;
  readonly frames: number;
  readonly heads: number;
  /** Numbers a head. */
  readonly headWidth: number;
}

/** What surrounds the product: what dropout drew for `[batch, heads, frames, frames]`, if anything, and who sees the weights before dropout. */
export interface AttentionSurroundings {
  readonly drop: DropoutMask | undefined;
  readonly observe: (weights: tf.Tensor) => void;
}

/**
 * Scaled dot-product attention of several heads (Vaswani et al. 2017): `dropout(softmax(q · kᵀ / sqrt(headWidth) + scoreBias)) · v`. Its gradient takes half
 * the passes over `[batch, heads, frames, frames]` that tfjs's takes: the softmax's row sums are those of `dy · y` (Dao et al. 2022), and every scale is
 * applied to the narrower tensors.
 * @param projected `[batch · frames, 3 · width]`: queries, keys and values side by side, each `[heads, headWidth]`
 * @param scoreBias `[batch, 1, 1, frames]`
 * @returns `[batch · frames, width]`
 */
export function attentionProduct(
  projected: tf.Tensor,
  scoreBias: tf.Tensor,
  shape: AttentionShape,
  { drop, observe }: AttentionSurroundings,
): tf.Tensor {
  const scale = 1 / Math.sqrt(shape.headWidth);
  const keptScale = drop?.scale ?? 1;
  return withOwnGradient(
    [projected],
    () => {
      const { q, k, v } = splitHeads(projected, shape);
      const weights = tf.softmax(tf.add(tf.mul(tf.matMul(q, k, false, true), scale), scoreBias));
      observe(weights);
      const kept = drop === undefined ? weights : tf.mul(weights, drop.kept);
      const value = joinHeads(times(tf.matMul(kept, v), keptScale), shape);
      return { value, saved: [q, k, v, weights, value, ...(drop === undefined ? [] : [kept, drop.kept])] };
    },
    (dy, saved) => {
      const weights = savedTensor(saved, 3);
      const kept = drop === undefined ? weights : savedTensor(saved, 5);
      const dMixed = times(headsFirst(dy, shape), scale * keptScale);
      const dKept = tf.matMul(dMixed, savedTensor(saved, 2), false, true);
      const dWeights = drop === undefined ? dKept : tf.mul(dKept, savedTensor(saved, 6));
      const dScores = tf.mul(weights, tf.sub(dWeights, times(rowSums(dy, savedTensor(saved, 4), shape), scale)));
      const dq = tf.matMul(dScores, savedTensor(saved, 1));
      const dk = tf.matMul(dScores, savedTensor(saved, 0), true, false);
      const dv = times(tf.matMul(kept, dMixed, true, false), 1 / scale);
      return [joinProjections([dq, dk, dv], shape)];
    },
  );
}

/** `[batch · frames, 3 · width]` as three of `[batch, heads, frames, headWidth]`. */
function splitHeads(projected: tf.Tensor, { batch, frames, heads, headWidth }: AttentionShape): Record<'q' | 'k' | 'v', tf.Tensor> {
  const parted = tf.transpose(tf.reshape(projected, [batch, frames, 3, heads, headWidth]), [2, 0, 3, 1, 4]);
  const part = (place: number): tf.Tensor =>
    tf.reshape(tf.slice(parted, [place, 0, 0, 0, 0], [1, batch, heads, frames, headWidth]), [batch, heads, frames, headWidth]);
  return { q: part(0), k: part(1), v: part(2) };
}

/** The way back from {@link splitHeads}. */
function joinProjections(parts: tf.Tensor[], shape: AttentionShape): tf.Tensor {
  return tf.concat(
    parts.map((part) => joinHeads(part, shape)),
    1,
  );
}

/** `[batch · frames, width]` as `[batch, heads, frames, headWidth]`. */
function headsFirst(x: tf.Tensor, { batch, frames, heads, headWidth }: AttentionShape): tf.Tensor {
  return tf.transpose(tf.reshape(x, [batch, frames, heads, headWidth]), [0, 2, 1, 3]);
}

/** The way back from {@link headsFirst}. */
function joinHeads(x: tf.Tensor, { batch, frames, heads, headWidth }: AttentionShape): tf.Tensor {
  return tf.reshape(tf.transpose(x, [0, 2, 1, 3]), [batch * frames, heads * headWidth]);
}

/** The sums of `dy · y` over each head, `[batch, heads, frames, 1]`. */
function rowSums(dy: tf.Tensor, y: tf.Tensor, { batch, frames, heads, headWidth }: AttentionShape): tf.Tensor {
  const sums = tf.sum(tf.reshape(tf.mul(dy, y), [batch, frames, heads, headWidth]), -1);
  return tf.reshape(tf.transpose(sums, [0, 2, 1]), [batch, heads, frames, 1]);
}

function times(x: tf.Tensor, factor: number): tf.Tensor {
  return factor === 1 ? x : tf.mul(x, factor);
}
