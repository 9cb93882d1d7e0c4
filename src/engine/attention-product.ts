import { registerOperation, sameAsFirst } from './captured/operation-rules';
import { drawAttributes, type DropoutDraw } from './dropout';
import { hasOwnKernels, rawOperation, rawOperations, savedTensor, withOwnGradient } from './native-backend';
import { tf } from './tensorflow';

export interface AttentionShape {
  readonly batch: number;
  readonly frames: number;
  readonly heads: number;
  /** Numbers a head. */
  readonly headWidth: number;
}

/** What surrounds the product: what dropout drew for `[batch, heads, frames, frames]`, if anything, and who sees the weights before dropout. */
export interface AttentionOptions {
  readonly drop: DropoutDraw | undefined;
  readonly observe: (weights: tf.Tensor) => void;
}

/**
 * Dot-product attention of several heads (Vaswani et al. 2017), without its two scales: `dropout(softmax(q · kᵀ + scoreBias)) · v`, where `q` comes divided by
 * `sqrt(headWidth)`, and dropout's scale is left to whatever takes the result; both cost less on the weights before and after. Its gradient takes half the
 * passes over `[batch, heads, frames, frames]` that tfjs's takes: the softmax's row sums are those of `dy · y` (Dao et al. 2022).
 * @param projected `[batch · frames, 3 · width]`: queries, keys and values side by side, each `[heads, headWidth]`
 * @param scoreBias `[batch, 1, 1, frames]`
 * @returns `[batch · frames, width]`, still to be multiplied with dropout's scale
 */
export function attentionProduct(
  projected: tf.Tensor,
  scoreBias: tf.Tensor,
  shape: AttentionShape,
  { drop, observe }: AttentionOptions,
): tf.Tensor {
  return hasOwnKernels() && (drop === undefined || drop.own !== undefined)
    ? attentionInFewPasses(projected, scoreBias, shape, { drop, observe })
    : attentionInOperations(projected, scoreBias, shape, { drop, observe });
}

function attentionInOperations(
  projected: tf.Tensor,
  scoreBias: tf.Tensor,
  shape: AttentionShape,
  { drop, observe }: AttentionOptions,
): tf.Tensor {
  return withOwnGradient(
    [projected],
    () => {
      const { q, k, v } = splitHeads(projected, shape);
      const weights = tf.softmax(tf.add(tf.matMul(q, k, false, true), scoreBias));
      observe(weights);
      const mask = drop?.kept();
      const kept = mask === undefined ? weights : tf.mul(weights, mask);
      const value = joinHeads(tf.matMul(kept, v), shape);
      return { value, saved: [q, k, v, weights, value, ...(mask === undefined ? [] : [kept, mask])] };
    },
    (dy, saved) => {
      const weights = savedTensor(saved, 3);
      const kept = drop === undefined ? weights : savedTensor(saved, 5);
      const dMixed = headsFirst(dy, shape);
      const dKept = tf.matMul(dMixed, savedTensor(saved, 2), false, true);
      const dWeights = drop === undefined ? dKept : tf.mul(dKept, savedTensor(saved, 6));
      const dScores = tf.mul(weights, tf.sub(dWeights, rowSums(dy, savedTensor(saved, 4), shape)));
      return [joinProjections(productGradients(dScores, kept, dMixed, saved), shape)];
    },
  );
}

/** The same where softmax, bias and dropout are one operation, and so is their gradient. */
function attentionInFewPasses(
  projected: tf.Tensor,
  scoreBias: tf.Tensor,
  shape: AttentionShape,
  { drop, observe }: AttentionOptions,
): tf.Tensor {
  const { seed, attributes } = drop?.own ?? { seed: tf.tensor1d([0, 0], 'int32'), attributes: drawAttributes(0, 0) };
  return withOwnGradient(
    [projected],
    () => {
      const { q, k, v } = splitHeads(projected, shape);
      const [weights, kept] = rawOperations('KumpasSoftmax', attributes, [tf.matMul(q, k, false, true), scoreBias, seed], 2);
      if (weights === undefined || kept === undefined) throw new Error('the softmax gave no outputs');
      observe(weights);
      return { value: joinHeads(tf.matMul(kept, v), shape), saved: [q, k, v, weights, kept, seed] };
    },
    (dy, saved) => {
      const dMixed = headsFirst(dy, shape);
      const dKept = tf.matMul(dMixed, savedTensor(saved, 2), false, true);
      const dScores = rawOperation('KumpasSoftmaxGrad', attributes, [dKept, savedTensor(saved, 3), savedTensor(saved, 5)]);
      return [joinProjections(productGradients(dScores, savedTensor(saved, 4), dMixed, saved), shape)];
    },
  );
}

/** The gradients of queries, keys and values. @param saved which starts with queries and keys */
function productGradients(dScores: tf.Tensor, kept: tf.Tensor, dMixed: tf.Tensor, saved: readonly tf.Tensor[]): tf.Tensor[] {
  const dq = tf.matMul(dScores, savedTensor(saved, 1));
  const dk = tf.matMul(dScores, savedTensor(saved, 0), true, false);
  const dv = tf.matMul(kept, dMixed, true, false);
  return [dq, dk, dv];
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

registerOperation({
  name: 'KumpasSoftmax',
  shapes: ({ inputs: [scores] }) => [scores, scores],
  lowPrecision: { kind: 'either', inputs: [0], outputs: [1] },
});
registerOperation({ name: 'KumpasSoftmaxGrad', shapes: sameAsFirst, lowPrecision: { kind: 'either', inputs: [0], outputs: [0] } });
