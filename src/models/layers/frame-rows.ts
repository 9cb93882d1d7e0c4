import { DataType } from '../../engine/captured/recording';
import type { RowPositions } from '../../engine/dropout';
import { rawOperation, savedTensor, withOwnGradient } from '../../engine/native-backend';
import { hasNativeKernels, tf } from '../../engine/tensorflow';
import type { ModelInputs, PackedFrames } from '../model';

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

  /** int32 `[batch · frames]`: the row of each frame, any for padding; undefined where padding is not left out. */
  get places(): tf.Tensor | undefined {
    return this.packing?.rows;
  }

  /** Where the rows stand, for what draws a number for each of their values; undefined where padding is not left out. */
  get drawn(): RowPositions | undefined {
    return this.packing && { positions: this.packing.positions, perExample: this.frames };
  }

  /** What is said of whole clips, `[batch, 1]`, for each of their rows: `[rows, 1]`. */
  rowsOfClips(x: tf.Tensor): tf.Tensor {
    return this.rowsOf(tf.reshape(tf.tile(x, [1, this.frames]), [-1, 1]));
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

/** The shape of a tensor of two dimensions. @throws Error where it has another number of them. */
export function shape2({ shape }: tf.Tensor): readonly [number, number] {
  const [first, second]: readonly (number | undefined)[] = shape;
  if (first === undefined || second === undefined || shape.length !== 2)
    throw new Error(`expected two dimensions, found [${shape.join(', ')}]`);
  return [first, second];
}

/** The shape of a tensor of three dimensions, as `[batch, frames, width]`. @throws Error where it has another number of them. */
export function shape3({ shape }: tf.Tensor): readonly [number, number, number] {
  const [first, second, third]: readonly (number | undefined)[] = shape;
  if (first === undefined || second === undefined || third === undefined || shape.length !== 3)
    throw new Error(`expected three dimensions, found [${shape.join(', ')}]`);
  return [first, second, third];
}

/** The shape of a tensor of four dimensions, as `[pictures, height, width, channels]`. @throws Error where it has another number of them. */
export function shape4({ shape }: tf.Tensor): readonly [number, number, number, number] {
  const [first, second, third, fourth]: readonly (number | undefined)[] = shape;
  if (first === undefined || second === undefined || third === undefined || fourth === undefined || shape.length !== 4)
    throw new Error(`expected four dimensions, found [${shape.join(', ')}]`);
  return [first, second, third, fourth];
}

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
      { name: 'Tparams', kind: 'type', value: DataType.float32 },
      { name: 'Tindices', kind: 'type', value: DataType.int32 },
      { name: 'Taxis', kind: 'type', value: DataType.int32 },
    ],
    [x, indices, tf.scalar(0, 'int32')],
  );
}
