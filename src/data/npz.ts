import { open } from 'node:fs/promises';
import { promisify } from 'node:util';
import { crc32, inflateRaw } from 'node:zlib';
import { fromBufferPromise, type Entry, type ZipFile } from 'yauzl';
import { gitLfsPointer } from '../foundation/foreign-file';
import { messageOf, UserError } from '../foundation/errors';
import { FileError } from './data-error';
import { parseNpy, type NpyArray } from './npy';

/** The most bytes a `.npz`, and each array in it once unpacked, may have: 300,000 frames of 156 numbers, or 16,000 frames of 2048. */
export const MAX_BYTES = 256 * 1024 * 1024;
const MAX_ARRAYS = 1000;
const LFS_START_BYTES = 64;

const inflate = promisify(inflateRaw) as (data: Uint8Array, options: { maxOutputLength: number; chunkSize: number }) => Promise<Buffer>;

/**
 * Opens a `.npz` (stored or deflated, zip64 too) and lists its arrays, which are unpacked as they are asked for.
 * @throws FileError where the file is missing, unreadable, too large, no zip, or names an array twice.
 */
export async function openNpz(file: string): Promise<NpzFile> {
  const bytes = await readBounded(file);
  const pointer = gitLfsPointer(bytes.subarray(0, LFS_START_BYTES));
  if (pointer !== undefined) throw new FileError(file, pointer);
  try {
    const zip = await fromBufferPromise(bytes);
    if (zip.entryCount > MAX_ARRAYS) throw new UserError(`${zip.entryCount} arrays (at most ${MAX_ARRAYS} are read)`);
    return new NpzFile(file, bytes, zip, await listArrays(zip));
  } catch (error) {
    throw new FileError(file, `not a readable .npz: ${messageOf(error).replace(/\.$/, '')}; make the file again`, { cause: error });
  }
}

/** An open `.npz`. */
export class NpzFile {
  constructor(
    readonly file: string,
    private readonly bytes: Buffer,
    private readonly zip: ZipFile,
    private readonly entries: ReadonlyMap<string, Entry>,
  ) {}

  /** The arrays' names, in the file's order. */
  get keys(): string[] {
    return [...this.entries.keys()];
  }

  has(key: string): boolean {
    return this.entries.has(key);
  }

  /**
   * Unpacks, verifies and parses one array.
   * @throws FileError where it is absent, damaged, not what it declares to be, or of a type that is not read.
   */
  async read(key: string): Promise<NpyArray> {
    const entry = this.entries.get(key);
    if (entry === undefined) throw new FileError(this.file, `no array "${key}"; the file holds: ${this.keys.join(', ') || 'none'}`);
    let unpacked: Uint8Array;
    try {
      unpacked = await this.unpack(entry);
    } catch (error) {
      throw new FileError(this.file, `array "${key}" is damaged: ${messageOf(error)}; make the file again`, { cause: error });
    }
    try {
      return parseNpy(unpacked);
    } catch (error) {
      if (error instanceof UserError) throw new FileError(this.file, `array "${key}": ${error.message}`, { cause: error });
      throw error;
    }
  }

  private async unpack(entry: Entry): Promise<Uint8Array> {
    const size = entry.uncompressedSize;
    if (entry.isEncrypted()) throw new UserError('it is encrypted');
    if (size > MAX_BYTES) throw new UserError(`it declares ${size} bytes (at most ${MAX_BYTES} are read)`);
    const { fileDataStart } = await this.zip.readLocalFileHeaderPromise(entry, { minimal: true });
    const packed = this.bytes.subarray(fileDataStart, fileDataStart + entry.compressedSize);
    const unpacked = await unpackBytes(packed, entry.compressionMethod, size);
    if (unpacked.length !== size) throw new UserError(`it declares ${size} bytes and has ${unpacked.length}`);
    if (crc32(unpacked) !== entry.crc32) throw new UserError('its checksum (CRC-32) does not match');
    return unpacked;
  }
}

async function unpackBytes(packed: Buffer, method: number, size: number): Promise<Buffer> {
  if (method === 0) return packed;
  if (method !== 8) throw new UserError(`compression method ${method} is not read (stored and deflated are)`);
  try {
    return await inflate(packed, { maxOutputLength: Math.max(size, 1), chunkSize: Math.min(Math.max(size, 1024), 1024 * 1024) });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE')
      throw new UserError(`it unpacks to more than the ${size} bytes it declares`, { cause: error });
    throw error;
  }
}

async function listArrays(zip: ZipFile): Promise<Map<string, Entry>> {
  const entries = new Map<string, Entry>();
  for await (const entry of zip.eachEntry()) {
    if (!entry.fileName.endsWith('.npy')) continue;
    const key = entry.fileName.slice(0, -'.npy'.length);
    if (entries.has(key)) throw new UserError(`it names the array "${key}" twice`);
    entries.set(key, entry);
  }
  return entries;
}

async function readBounded(file: string): Promise<Buffer> {
  try {
    const handle = await open(file, 'r');
    try {
      const status = await handle.stat();
      if (!status.isFile()) throw new FileError(file, 'not a file');
      if (status.size > MAX_BYTES) throw new FileError(file, `${status.size} bytes (at most ${MAX_BYTES} are read); cut the clip`);
      return await handle.readFile();
    } finally {
      await handle.close();
    }
  } catch (error) {
    if (error instanceof FileError) throw error;
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') throw new FileError(file, 'no such file', { cause: error });
    throw new FileError(file, `cannot be read (${messageOf(error)})`, { cause: error });
  }
}
