import { createHash } from 'node:crypto';
import { closeSync, readSync } from 'node:fs';
import { openRegularFile } from '../foundation/regular-file';

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
