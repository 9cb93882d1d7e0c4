import { createHash } from 'node:crypto';
import { closeSync, readSync } from 'node:fs';
import { openRegularFile } from '../foundation/regular-file';
import type { StateDict } from '../checkpoint/training-checkpoint';

const PIECE = 1 << 20;

/**
 * A file's size, and its sha256 in hexadecimal; it is never in memory as a whole.
 * @throws UserError where it is no file that can be read.
 */
export function fileDigest(file: string): { readonly bytes: number; readonly sha256: string } {
  const hash = createHash('sha256');
  const piece = Buffer.allocUnsafe(PIECE);
  const { descriptor } = openRegularFile(file);
  try {
    let bytes = 0;
    for (let read = readSync(descriptor, piece); read > 0; read = readSync(descriptor, piece)) {
      hash.update(piece.subarray(0, read));
      bytes += read;
    }
    return { bytes, sha256: hash.digest('hex') };
  } finally {
    closeSync(descriptor);
  }
}

/** The sha256 alone. */
export function checksumOf(file: string): string {
  return fileDigest(file).sha256;
}

/** sha256 of a text's UTF-8 bytes, in hexadecimal. */
export function checksumOfText(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

/** sha256 over names, shapes and values of a state_dict: the same weights give the same, whatever file they lie in. */
export function weightsDigest(weights: StateDict): string {
  const hash = createHash('sha256');
  for (const [name, { shape, values }] of [...weights].sort(([one], [other]) => (one < other ? -1 : 1))) {
    hash.update(`${JSON.stringify([name, shape])}\n`).update(bytesOf(values));
  }
  return hash.digest('hex');
}

/** Whether two arrays hold the same bits: NaN equals itself, and 0 is not −0. */
export function sameBits(one: Float32Array, other: Float32Array | undefined): boolean {
  return other !== undefined && bytesOf(one).equals(bytesOf(other));
}

/** An array's bytes, without a copy. */
function bytesOf(values: Float32Array): Buffer {
  return Buffer.from(values.buffer, values.byteOffset, values.byteLength);
}

/** Whether two state_dicts hold the same tensors, bit for bit. */
export function sameWeights(one: StateDict, other: StateDict): boolean {
  return one.size === other.size && [...one].every(([name, { values }]) => sameBits(values, other.get(name)?.values));
}
