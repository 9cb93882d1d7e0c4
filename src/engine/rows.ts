import { savedTensor, withOwnGradient, rawOperation, TensorType } from './raw-operation';
import { hasNativeKernels, tf } from './tensorflow';

/**
 * Which rows of a padded `[positions, width]` are worth computing. Layers that work row by row need only these; what mixes rows takes them spread out again.
 */
export interface RowPacking {
  /** int32 `[rows]`: the position of each packed row. Rows that only fill up repeat a padded position. */
  readonly positions: tf.Tensor;
  /** int32 `[positions]`: the packed row of each position; any row for a padded one. */
  readonly rows: tf.Tensor;
  /** `[positions, 1]`: 1 for a position that counts, 0 for padding. */
  readonly kept: tf.Tensor;
}

/** The packed rows of `[positions, width]`: `[rows, width]`. The gradient of a padded position is 0. */
export function packRows(x: tf.Tensor, packing: RowPacking | undefined): tf.Tensor {
  if (packing === undefined) return x;
  const { positions, rows, kept } = packing;
  return withOwnGradient(
    [x],
    () => ({ value: gatherRows(x, positions), saved: [rows, kept] }),
    (dy, saved) => [tf.mul(gatherRows(dy, savedTensor(saved, 0)), savedTensor(saved, 1))],
  );
}

/**
 * The way back: `[positions, width]` of `[rows, width]`. Padded positions hold some row's values; whoever takes them must let no gradient come from there, as
 * a mask does that makes them count nothing.
 */
export function spreadRows(x: tf.Tensor, packing: RowPacking | undefined): tf.Tensor {
  if (packing === undefined) return x;
  const { positions, rows } = packing;
  return withOwnGradient(
    [x],
    () => ({ value: gatherRows(x, rows), saved: [positions] }),
    (dy, saved) => [gatherRows(dy, savedTensor(saved, 0))],
  );
}

/** Rows by their indices, without a gradient. tfjs's own gather would read the indices back to JavaScript. */
function gatherRows(x: tf.Tensor, indices: tf.Tensor): tf.Tensor {
  if (!hasNativeKernels()) return tf.gather(x, indices);
  return rawOperation(
    'GatherV2',
    [
      { name: 'batch_dims', kind: 'int', value: 0 },
      { name: 'Tparams', kind: 'type', value: TensorType.float32 },
      { name: 'Tindices', kind: 'type', value: TensorType.int32 },
      { name: 'Taxis', kind: 'type', value: TensorType.int32 },
    ],
    [x, indices, tf.scalar(0, 'int32')],
  );
}

/**
 * Class ids as rows that are 1 at the id and 0 elsewhere; for a single class too, which tfjs's own operation refuses.
 * @param ids `[rows]`
 * @returns `[rows, classes]`
 */
export function oneHot(ids: tf.Tensor, classes: number): tf.Tensor {
  if (classes > 1) return tf.oneHot(tf.cast(ids, 'int32'), classes);
  return tf.cast(tf.equal(tf.reshape(ids, [-1, 1]), 0), 'float32');
}
