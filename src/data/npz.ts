import { promisify } from 'node:util';
import { crc32, inflateRaw } from 'node:zlib';
import { fromBufferPromise, type Entry, type ZipFile } from 'yauzl';
import { messageOf, UserError } from '../foundation/errors';
import { stoodInFor } from '../foundation/foreign-file';
import { excerpt } from '../foundation/text';
import { CENTRAL_HEADER, END_RECORD } from '../foundation/zip-format';
import { ZipWriter } from '../foundation/zip-write';
import { FileError } from './data-error';
import { readBoundedFile } from './file-reading';
import { parseNpy } from './npy';
import type { NpyArray } from './npy-array';
import { MAGIC } from './npy-array';
import { formatNpy } from './npy-write';

/** The most bytes a `.npz`, and each array in it once unpacked, may have: 300,000 frames of 156 numbers, or 16,000 frames of 2048. */
export const MAX_BYTES = 256 * 1024 * 1024;
const MAX_ARRAYS = 1000;
/**
 * What may be unpacked from a small file, and how many times its size from a larger one. Recordings shrink to a half or a tenth; what shrinks a thousand
 * times was made to fill somebody's memory.
 */
const LEAST_ALLOWANCE = 64 * 1024 * 1024;
const MOST_EXPANSION = 64;
const KEYS_LISTED = 20;
const START_BYTES = 512;
/** What every zip file has somewhere: an entry, or the record at its end. */
const ZIP_SIGNATURE = 'PK';
const SHOWN_BYTES = 16;

/**
 * Opens a `.npz` (stored or deflated, zip64 too) and lists its arrays, which are unpacked as they are asked for.
 * @throws FileError where the file is missing, unreadable, too large, no zip, or names an array twice.
 */
export async function openNpz(file: string): Promise<ArrayFile> {
  return npzOf(file, await readBoundedFile(file, MAX_BYTES, 'cut the clip'));
}

/**
 * {@link openNpz} of a file that is in memory.
 * @param file what messages call it.
 * @throws FileError where it is no zip, or names an array twice.
 */
export async function npzOf(file: string, whole: Buffer): Promise<ArrayFile> {
  const foreign = stoodInFor(whole.subarray(0, START_BYTES));
  if (foreign !== undefined) throw new FileError(file, foreign);
  if (whole.toString('latin1', 0, MAGIC.length) === MAGIC)
    throw new FileError(file, 'it is a single array; name it .npy, or save it with numpy.savez');
  if (!whole.includes(ZIP_SIGNATURE)) {
    const start = whole.length === 0 ? 'is empty' : `begins with ${JSON.stringify(whole.toString('latin1', 0, SHOWN_BYTES))}`;
    throw new FileError(file, `it is no .npz, which is a zip file of arrays: it ${start}; make the file again`);
  }
  const bytes = withoutPrefix(whole);
  try {
    const zip = await fromBufferPromise(bytes);
    if (zip.entryCount > MAX_ARRAYS) throw new UserError(`${zip.entryCount} arrays (at most ${MAX_ARRAYS} are read)`);
    return new NpzFile(file, bytes, zip, await listArrays(zip));
  } catch (error) {
    throw new FileError(file, `not a readable .npz: ${messageOf(error).replace(/\.$/, '')}; make the file again`, { cause: error });
  }
}

/** Arrays by their names, as a file has them. */
export interface ArrayFile {
  readonly file: string;
  /** The most bytes that arrays of this file may take in memory, all that are read together. */
  readonly allowance: number;
  /** The arrays' names, in the file's order. */
  readonly keys: readonly string[];
  /** The arrays' names for a message. */
  readonly contents: string;
  has(key: string): boolean;
  /** What an array claims to take once it is unpacked, in bytes; 0 where it is absent. */
  declaredBytes(key: string): number;
  /**
   * Unpacks, verifies and parses one array.
   * @throws FileError where it is absent, damaged, not what it declares to be, of a type that is not read, or out of proportion to the file.
   */
  read(key: string): Promise<NpyArray>;
}

/**
 * Opens a `.npy`, a single array without a name.
 * @param key what it is called.
 * @throws FileError where the file is missing, unreadable or too large.
 */
export async function openNpy(file: string, key: string): Promise<ArrayFile> {
  const bytes = await readBoundedFile(file, MAX_BYTES, 'cut the clip');
  return {
    file,
    allowance: allowanceOf(bytes),
    keys: [key],
    contents: key,
    has: (name) => name === key,
    declaredBytes: (name) => (name === key ? bytes.length : 0),
    read: (name) => {
      const parse = (): NpyArray => {
        if (name !== key) throw new FileError(file, `no array "${name}"; a .npy holds one without a name`);
        try {
          return parseNpy(bytes);
        } catch (error) {
          throw error instanceof UserError ? new FileError(file, `not a readable .npy: ${error.message}`, { cause: error }) : error;
        }
      };
      return Promise.resolve().then(parse);
    },
  };
}

function allowanceOf(bytes: Buffer): number {
  return Math.max(LEAST_ALLOWANCE, MOST_EXPANSION * bytes.length);
}

/** An open `.npz`. */
class NpzFile implements ArrayFile {
  readonly allowance: number;
  private taken = 0;

  constructor(
    readonly file: string,
    private readonly bytes: Buffer,
    private readonly zip: ZipFile,
    private readonly entries: ReadonlyMap<string, Entry>,
  ) {
    this.allowance = allowanceOf(bytes);
  }

  get keys(): string[] {
    return [...this.entries.keys()];
  }

  get contents(): string {
    const names = this.keys.slice(0, KEYS_LISTED).map((key) => excerpt(key));
    const more = this.entries.size - names.length;
    return `${names.join(', ') || 'nothing'}${more > 0 ? ` and ${more} more` : ''}`;
  }

  has(key: string): boolean {
    return this.entries.has(key);
  }

  declaredBytes(key: string): number {
    return this.entries.get(key)?.uncompressedSize ?? 0;
  }

  async read(key: string): Promise<NpyArray> {
    const entry = this.entries.get(key);
    if (entry === undefined) throw new FileError(this.file, `no array "${key}"; the file holds: ${this.contents}`);
    try {
      this.refuseOutOfProportion(entry.uncompressedSize);
      const array = parseNpy(await unpackEntry(this.zip, this.bytes, entry, MAX_BYTES), (bytes) => {
        this.refuseOutOfProportion(bytes);
      });
      this.taken += bytesInMemory(array);
      return array;
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      const problem = error instanceof DamagedArray ? ` is damaged: ${error.message}; make the file again` : `: ${error.message}`;
      throw new FileError(this.file, `array "${excerpt(key)}"${problem}`, { cause: error });
    }
  }

  private refuseOutOfProportion(bytes: number): void {
    if (this.taken + bytes <= this.allowance || bytes > MAX_BYTES) return;
    throw new UserError(
      `it takes ${bytes} bytes in memory; of a file of ${this.bytes.length} bytes at most ${this.allowance} are unpacked: is it a clip?`,
    );
  }
}

function bytesInMemory(array: NpyArray): number {
  if (array.dtype !== 'text') return array.values.byteLength;
  return array.values.reduce((bytes, text) => bytes + 2 * text.length, 0);
}

async function listArrays(zip: ZipFile): Promise<Map<string, Entry>> {
  const entries = new Map<string, Entry>();
  for await (const entry of zip.eachEntry()) {
    if (!entry.fileName.endsWith('.npy')) continue;
    const key = entry.fileName.slice(0, -'.npy'.length);
    if (entries.has(key)) throw new UserError(`it names the array "${excerpt(key)}" twice`);
    entries.set(key, entry);
  }
  return entries;
}

const inflate = promisify(inflateRaw) as (data: Uint8Array, options: { maxOutputLength: number; chunkSize: number }) => Promise<Buffer>;

/** An array whose packed bytes are not what the file says of them. */
class DamagedArray extends UserError {}

/** Ways to pack that zip files name and this does not undo (APPNOTE.TXT, 4.4.5). */
const OTHER_METHODS: Readonly<Record<number, string>> = { 9: 'deflate64', 12: 'bzip2', 14: 'lzma', 93: 'zstd', 95: 'xz' };

/**
 * Unpacks and verifies one entry of a zip that lies in memory.
 * @throws DamagedArray where it is damaged, UserError where it is larger than `mostBytes`, encrypted, or packed in another way than NumPy packs.
 */
async function unpackEntry(zip: ZipFile, bytes: Buffer, entry: Entry, mostBytes: number): Promise<Uint8Array> {
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

const LONGEST_COMMENT = 65_535;

/**
 * A zip file without what lies before it: places in a zip are counted from its own start, and self-extracting ones have a program there. Anything else is
 * given back as it is.
 */
function withoutPrefix(bytes: Buffer): Buffer {
  const end = endOfDirectory(bytes);
  if (end === undefined) return bytes;
  const size = bytes.readUInt32LE(end + 12);
  const declared = bytes.readUInt32LE(end + 16);
  const found = end - size;
  const prefix = found - declared;
  if (prefix <= 0 || found + 4 > bytes.length || bytes.readUInt32LE(found) !== CENTRAL_HEADER.signature) return bytes;
  return bytes.subarray(prefix);
}

/** Where the record lies that ends a zip file, perhaps followed by a comment. */
function endOfDirectory(bytes: Buffer): number | undefined {
  const first = Math.max(0, bytes.length - END_RECORD.size - LONGEST_COMMENT);
  for (let at = bytes.length - END_RECORD.size; at >= first; at--) {
    if (bytes.readUInt32LE(at) === END_RECORD.signature && at + END_RECORD.size + bytes.readUInt16LE(at + 20) === bytes.length) return at;
  }
  return undefined;
}

/**
 * The checksum and size that a `.npz` declares of an array, without unpacking anything: of equal arrays they are equal. Undefined where it has no such array, or no
 * directory that could be read at once.
 */
export function declaredChecksum(bytes: Buffer, key: string): string | undefined {
  const end = endOfDirectory(bytes);
  if (end === undefined) return undefined;
  let at = end - bytes.readUInt32LE(end + 12);
  for (let left = bytes.readUInt16LE(end + 10); left > 0 && at >= 0 && at + CENTRAL_HEADER.size <= end; left--) {
    if (bytes.readUInt32LE(at) !== CENTRAL_HEADER.signature) return undefined;
    const nameAt = at + CENTRAL_HEADER.size;
    const nameEnd = nameAt + bytes.readUInt16LE(at + 28);
    if (bytes.toString('utf8', nameAt, nameEnd) === `${key}.npy`) return `${bytes.readUInt32LE(at + 16)}-${bytes.readUInt32LE(at + 24)}`;
    at = nameEnd + bytes.readUInt16LE(at + 30) + bytes.readUInt16LE(at + 32);
  }
  return undefined;
}

/**
 * Arrays as the bytes of a `.npz` file, deflated as `numpy.savez_compressed` does or stored as `numpy.savez` does. The same arrays give the same bytes.
 */
export function formatNpz(arrays: Readonly<Record<string, NpyArray>>, { compress = true }: { readonly compress?: boolean } = {}): Buffer {
  const parts: Uint8Array[] = [];
  const zip = new ZipWriter((bytes) => parts.push(bytes), 1);
  for (const [key, array] of Object.entries(arrays)) zip.add(`${key}.npy`, formatNpy(array), compress ? 'deflate' : 'store');
  zip.finish();
  return Buffer.concat(parts);
}
