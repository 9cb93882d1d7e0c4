import { elementAt } from './required';

/** What a byte becomes of a checksum, for each byte. */
const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let remainder = byte;
  for (let bit = 0; bit < 8; bit++) remainder = (remainder >>> 1) ^ (remainder & 1 ? 0xedb88320 : 0);
  return remainder;
});

/** The checksum that zip files have of their entries (CRC-32, as zlib's), where there is no zlib: in a browser. */
export function crc32(bytes: Uint8Array): number {
  let checksum = 0xffffffff;
  for (let at = 0; at < bytes.length; at++) checksum = (checksum >>> 8) ^ elementAt(TABLE, (checksum ^ elementAt(bytes, at)) & 0xff);
  return (checksum ^ 0xffffffff) >>> 0;
}
