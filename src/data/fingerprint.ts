import { createHash } from 'node:crypto';

/** What a fingerprint is made of: one clip of one split. */
export interface FingerprintedClip {
  readonly split: 'train' | 'validation';
  readonly name: string;
  readonly gloss: number;
  readonly category: number;
  /** From {@link digestOfValues}. */
  readonly digest: string;
}

/** sha256 of a clip's float32 values, in hexadecimal. */
export function digestOfValues(values: Float32Array): string {
  return createHash('sha256')
    .update(new Uint8Array(values.buffer, values.byteOffset, values.byteLength))
    .digest('hex');
}

/** sha256 over the clips' splits, names, ids and values, in hexadecimal: the order of the clips does not matter. */
export function fingerprint(clips: readonly FingerprintedClip[]): string {
  const lines = clips.map(({ split, name, gloss, category, digest }) => JSON.stringify([split, name, gloss, category, digest]));
  return createHash('sha256').update(lines.sort().join('\n')).digest('hex');
}
