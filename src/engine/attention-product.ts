import { elementAt, required } from '../foundation/required';
import { registerOperation } from './captured/operation-rules';
import { DataType } from './captured/recording';
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

/** Rows that attention is computed of, some positions of the padded clips left out. */
export interface AttentionRows {
  /** int32 `[batch · frames]`: the row of each position, any for a padded one; undefined where every position has a row of its own. */
  readonly places: tf.Tensor | undefined;
  /** The rows as `[batch · frames, width]`. */
  readonly spread: (rows: tf.Tensor) => tf.Tensor;
  /** The way back. */
  readonly rowsOf: (positions: tf.Tensor) => tf.Tensor;
}

/** What surrounds the product: what dropout drew for `[batch, heads, frames, frames]`, if anything, and who sees the weights before dropout, if anybody. */
export interface AttentionOptions {
  readonly drop: DropoutDraw | undefined;
  readonly observe?: ((weights: tf.Tensor) => void) | undefined;
}

/**
 * Dot-product attention of several heads (Vaswani et al. 2017), without its two scales: `dropout(softmax(q · kᵀ + scoreBias)) · v`, where `q` comes divided by
 * `sqrt(headWidth)`, and dropout's scale is left to whatever takes the result; both cost less on the weights before and after. Where nobody sees the weights it
 * is one own kernel, in which neither they nor their gradient are ever in memory (Dao et al. 2022).
 * @param projected `[rows, 3 · width]`: queries, keys and values side by side, each `[heads, headWidth]`
 * @param scoreBias `[batch, 1, 1, frames]`: 0, or as negative as −1e9 where a position is not to be attended to
 * @returns `[rows, width]`, still to be multiplied with dropout's scale
 */
export function attentionProduct(
  projected: tf.Tensor,
  rows: AttentionRows,
  scoreBias: tf.Tensor,
  shape: AttentionShape,
  { drop, observe }: AttentionOptions,
): tf.Tensor {
  if (hasOwnKernels() && observe === undefined && (drop === undefined || drop.own !== undefined))
    return attentionInOnePass(projected, rows.places, scoreBias, shape, drop);
  return rows.rowsOf(attentionInOperations(rows.spread(projected), scoreBias, shape, { drop, observe }));
}

function attentionInOnePass(
  projected: tf.Tensor,
  positionRows: tf.Tensor | undefined,
  scoreBias: tf.Tensor,
  { heads }: AttentionShape,
  drop: DropoutDraw | undefined,
): tf.Tensor {
  const { seed, attributes: drawn } = drop?.own ?? { seed: tf.tensor1d([0, 0, 0], 'int32'), attributes: drawAttributes(0, 0) };
  const attributes = [...drawn, { name: 'heads', kind: 'int', value: heads } as const];
  const places = positionRows ?? tf.tensor1d([], 'int32');
  return withOwnGradient(
    [projected],
    () => {
      const [mixed, sums] = rawOperations('KumpasAttention', attributes, [projected, scoreBias, places, seed], 2);
      const value = required(mixed, 'what attention mixed');
      return { value, saved: [projected, required(sums, "the sums of attention's exponentials"), scoreBias, places, seed] };
    },
    (dy, saved) => [rawOperation('KumpasAttentionGrad', attributes, [dy, ...saved])],
  );
}

/** The same in TensorFlow's operations. The gradient takes half of tfjs's passes over the weights: the softmax's row sums are those of `dy · y` (Dao et al. 2022). */
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
      observe?.(weights);
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
  name: 'KumpasAttention',
  shapes: ({ inputs: [projected, bias], attributes: { heads } }) => {
    if (projected === undefined || bias === undefined) return undefined;
    const [rows, columns] = [elementAt(projected.shape, 0), elementAt(projected.shape, 1)];
    const sums = [elementAt(bias.shape, 0), Number(heads?.value), elementAt(bias.shape, 3)];
    return [
      { dtype: projected.dtype, shape: [rows, columns / 3] },
      { dtype: DataType.float32, shape: sums },
    ];
  },
  lowPrecision: { kind: 'either', inputs: [0], outputs: [0] },
});
registerOperation({
  name: 'KumpasAttentionGrad',
  shapes: ({ inputs: [, projected] }) => projected,
  lowPrecision: { kind: 'either', inputs: [0, 1], outputs: [0] },
});
