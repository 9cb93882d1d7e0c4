import type { RowPacking } from '../../engine/rows';
import { tf } from '../../engine/tensorflow';
import type { PackedFrames } from '../model';

/** The packing of a batch's frames for layers that work frame by frame; undefined where all are computed. @param mask `[batch, frames]` */
export function framePacking(packed: PackedFrames | undefined, mask: tf.Tensor): RowPacking | undefined {
  return packed && { ...packed, kept: tf.reshape(mask, [-1, 1]) };
}

/** The same frames with a class token, which always counts, put before every clip. @param frames of a clip, without the token. */
export function packedWithToken({ positions, rows }: PackedFrames, batch: number, frames: number): PackedFrames {
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
