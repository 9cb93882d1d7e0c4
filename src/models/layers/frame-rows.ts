import { packRows, spreadRows, type RowPacking } from '../../engine/rows';
import { tf } from '../../engine/tensorflow';
import type { ModelInputs, PackedFrames } from '../model';
import { shape2, shape3 } from './shape';

/** Added to the scores of masked keys: their weight after softmax is exactly 0 in float32, as with −∞. */
const MASKED_SCORE = -1e9;

/**
 * The frames of a batch as rows, for layers that work frame by frame: all of them, or, where leaving the padding out saves much, those of the clips alone. A
 * model need not know which.
 */
export class FrameRows {
  readonly batch: number;
  /** Frames of a clip, its padding included. */
  readonly frames: number;
  private readonly packing: RowPacking | undefined;
  private bias: tf.Tensor | undefined;

  /** @param mask `[batch, frames]`, 1 for a frame of the clip, 0 for padding. */
  private constructor(
    readonly mask: tf.Tensor,
    private readonly packed: PackedFrames | undefined,
  ) {
    [this.batch, this.frames] = shape2(mask);
    this.packing = packed && { ...packed, kept: tf.reshape(mask, [-1, 1]) };
  }

  static of({ mask, packed }: Pick<ModelInputs, 'mask' | 'packed'>): FrameRows {
    return new FrameRows(mask, packed);
  }

  /** The same with a position that always counts, as a class token's, before every clip. */
  withToken(): FrameRows {
    const mask = tf.concat([tf.ones([this.batch, 1]), this.mask], 1);
    return new FrameRows(mask, this.packed && packedWithToken(this.packed, this.batch, this.frames));
  }

  /** The rows of `[batch, frames, width]`, or of `[batch · frames, width]`: `[rows, width]`. */
  rowsOf(x: tf.Tensor): tf.Tensor {
    return packRows(x.rank === 2 ? x : tf.reshape(x, [-1, shape3(x)[2]]), this.packing);
  }

  /** The way back, to `[batch · frames, width]`. Padded frames hold anything: what takes them must let no gradient come from there, as a mask does. */
  spread(rows: tf.Tensor): tf.Tensor {
    return spreadRows(rows, this.packing);
  }

  /** The way back, to `[batch, frames, width]`. */
  clipsOf(rows: tf.Tensor): tf.Tensor {
    return tf.reshape(this.spread(rows), [this.batch, this.frames, shape2(rows)[1]]);
  }

  /** What is added to attention scores: `[batch, 1, 1, frames]`, 0 for a frame, very negative for padding. */
  get scoreBias(): tf.Tensor {
    this.bias ??= tf.reshape(tf.mul(tf.sub(1, this.mask), MASKED_SCORE), [this.batch, 1, 1, this.frames]);
    return this.bias;
  }
}

/** The same frames with a position that counts put before every clip. @param frames of a clip, without it. */
function packedWithToken({ positions, rows }: PackedFrames, batch: number, frames: number): PackedFrames {
  const clips = Int32Array.from({ length: batch }, (_, clip) => clip);
  const tokenPositions = tf.tensor1d(
    clips.map((clip) => clip * (frames + 1)),
    'int32',
  );
  const shifted = tf.add(positions, tf.add(tf.floorDiv(positions, tf.scalar(frames, 'int32')), tf.scalar(1, 'int32')));
  const frameRows = tf.reshape(tf.add(rows, tf.scalar(batch, 'int32')), [batch, frames]);
  return {
    positions: tf.concat([tokenPositions, shifted]),
    rows: tf.reshape(tf.concat([tf.tensor2d(clips, [batch, 1], 'int32'), frameRows], 1), [-1]),
  };
}

/** How the frames of a clip become one vector. */
export type PoolingMethod = 'mean' | 'max' | 'cls';

/**
 * One vector a clip, `[batch, width]`, from `[batch, frames, width]`: the mean or the maximum over the frames that the mask marks, or the first position,
 * where the class token stands. Where no frame is marked the mean is 0.
 * @param mask `[batch, frames]`
 */
export function pool(method: PoolingMethod, hidden: tf.Tensor, mask: tf.Tensor): tf.Tensor {
  const [batch, frames, width] = shape3(hidden);
  switch (method) {
    case 'mean': {
      const counts = tf.maximum(tf.sum(mask, 1, true), 1);
      const sums = tf.reshape(tf.matMul(tf.reshape(mask, [batch, 1, frames]), hidden), [batch, width]);
      return tf.div(sums, counts);
    }
    case 'max':
      return tf.max(tf.add(hidden, tf.mul(tf.sub(1, tf.expandDims(mask, -1)), -1e9)), 1);
    case 'cls':
      return tf.reshape(tf.slice(hidden, [0, 0, 0], [batch, 1, width]), [batch, width]);
  }
}
