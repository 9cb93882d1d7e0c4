const END_SIGNATURE = 0x06054b50;
const END_BYTES = 22;
const LONGEST_COMMENT = 65_535;
const DIRECTORY_SIGNATURE = 0x02014b50;

/**
 * A zip file without what lies before it: places in a zip are counted from its own start, and self-extracting ones have a program there. Anything else is
 * given back as it is.
 */
export function withoutPrefix(bytes: Buffer): Buffer {
  const end = endOfDirectory(bytes);
  if (end === undefined) return bytes;
  const size = bytes.readUInt32LE(end + 12);
  const declared = bytes.readUInt32LE(end + 16);
  const found = end - size;
  const prefix = found - declared;
  if (prefix <= 0 || found + 4 > bytes.length || bytes.readUInt32LE(found) !== DIRECTORY_SIGNATURE) return bytes;
  return bytes.subarray(prefix);
}

/** Where the record lies that ends a zip file, perhaps followed by a comment. */
function endOfDirectory(bytes: Buffer): number | undefined {
  const first = Math.max(0, bytes.length - END_BYTES - LONGEST_COMMENT);
  for (let at = bytes.length - END_BYTES; at >= first; at--) {
    if (bytes.readUInt32LE(at) === END_SIGNATURE && at + END_BYTES + bytes.readUInt16LE(at + 20) === bytes.length) return at;
  }
  return undefined;
}
