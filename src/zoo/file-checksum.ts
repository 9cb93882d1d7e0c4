import { createHash } from 'node:crypto';
import { closeSync, openSync, readSync } from 'node:fs';

const PIECE = 1 << 20;

/** sha256 of a file, in hexadecimal; it is never in memory as a whole. */
export function checksumOf(file: string): string {
  const hash = createHash('sha256');
  const piece = Buffer.allocUnsafe(PIECE);
  const descriptor = openSync(file, 'r');
  try {
    for (;;) {
      const bytes = readSync(descriptor, piece);
      if (bytes === 0) return hash.digest('hex');
      hash.update(piece.subarray(0, bytes));
    }
  } finally {
    closeSync(descriptor);
  }
}

/** sha256 of a text's UTF-8 bytes, in hexadecimal. */
export function checksumOfText(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
