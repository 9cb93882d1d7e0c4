import { endianness } from 'node:os';

/** Turns values of `itemSize` bytes from the byte order of a file to this machine's, in place. */
export function toHostByteOrder<Bytes extends Uint8Array>(bytes: Bytes, itemSize: 1 | 2 | 4 | 8, bigEndian: boolean): Bytes {
  if (bigEndian === (endianness() === 'BE')) return bytes;
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (itemSize === 2) buffer.swap16();
  else if (itemSize === 4) buffer.swap32();
  else if (itemSize === 8) buffer.swap64();
  return bytes;
}
