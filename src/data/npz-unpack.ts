import { promisify } from 'node:util';
import { crc32, inflateRaw } from 'node:zlib';
import type { Entry, ZipFile } from 'yauzl';
import { messageOf, UserError } from '../foundation/errors';

const inflate = promisify(inflateRaw) as (data: Uint8Array, options: { maxOutputLength: number; chunkSize: number }) => Promise<Buffer>;

/** An array whose packed bytes are not what the file says of them. */
export class DamagedArray extends UserError {}

/** Ways to pack that zip files name and this does not undo (APPNOTE.TXT, 4.4.5). */
const OTHER_METHODS: Readonly<Record<number, string>> = { 9: 'deflate64', 12: 'bzip2', 14: 'lzma', 93: 'zstd', 95: 'xz' };

/**
 * Unpacks and verifies one entry of a zip that lies in memory.
 * @throws DamagedArray where it is damaged, UserError where it is larger than `mostBytes`, encrypted, or packed in another way than NumPy packs.
 */
export async function unpackEntry(zip: ZipFile, bytes: Buffer, entry: Entry, mostBytes: number): Promise<Uint8Array> {
  const { uncompressedSize: size, compressionMethod: method } = entry;
  if (entry.isEncrypted()) throw new UserError('it is encrypted');
  if (size > mostBytes) throw new UserError(`it declares ${size} bytes (at most ${mostBytes} are read)`);
  if (method !== 0 && method !== 8) {
    const name = OTHER_METHODS[method] ?? 'an unknown one';
    throw new UserError(`compression method ${method} is not read (${name}); save the file with numpy.savez_compressed or numpy.savez`);
  }
  try {
    const { fileDataStart } = await zip.readLocalFileHeaderPromise(entry, { minimal: true });
    const packed = bytes.subarray(fileDataStart, fileDataStart + entry.compressedSize);
    const unpacked = method === 0 ? packed : await inflateTo(size, packed);
    if (unpacked.length !== size) throw new UserError(`it declares ${size} bytes and has ${unpacked.length}`);
    if (crc32(unpacked) !== entry.crc32) throw new UserError('its checksum (CRC-32) does not match');
    return unpacked;
  } catch (error) {
    throw new DamagedArray(messageOf(error), { cause: error });
  }
}

async function inflateTo(size: number, packed: Buffer): Promise<Buffer> {
  try {
    // A chunk that holds all of it spares putting chunks together; one byte more tells zlib that there is room left.
    return await inflate(packed, { maxOutputLength: Math.max(size, 1), chunkSize: Math.max(size + 1, 1024) });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE')
      throw new UserError(`it unpacks to more than the ${size} bytes it declares`, { cause: error });
    throw error;
  }
}

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
