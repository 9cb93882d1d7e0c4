import { fromBufferPromise, type Entry, type ZipFile } from 'yauzl';
import { stoodInFor } from '../foundation/foreign-file';
import { messageOf, UserError } from '../foundation/errors';
import { excerpt } from '../foundation/text';
import { readBoundedFile } from './bounded-file';
import { FileError } from './data-error';
import { parseNpy, type NpyArray } from './npy';
import { DamagedArray, unpackEntry, withoutPrefix } from './npz-unpack';

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

/**
 * Opens a `.npz` (stored or deflated, zip64 too) and lists its arrays, which are unpacked as they are asked for.
 * @throws FileError where the file is missing, unreadable, too large, no zip, or names an array twice.
 */
export async function openNpz(file: string): Promise<NpzFile> {
  const whole = await readBoundedFile(file, MAX_BYTES, 'cut the clip');
  const foreign = stoodInFor(whole.subarray(0, START_BYTES));
  if (foreign !== undefined) throw new FileError(file, foreign);
  const bytes = withoutPrefix(whole);
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
  /** The most bytes that arrays of this file may take in memory, all that are read together. */
  readonly allowance: number;
  private taken = 0;

  constructor(
    readonly file: string,
    private readonly bytes: Buffer,
    private readonly zip: ZipFile,
    private readonly entries: ReadonlyMap<string, Entry>,
  ) {
    this.allowance = Math.max(LEAST_ALLOWANCE, MOST_EXPANSION * bytes.length);
  }

  /** The arrays' names, in the file's order. */
  get keys(): string[] {
    return [...this.entries.keys()];
  }

  /** The arrays' names for a message. */
  get contents(): string {
    const names = this.keys.slice(0, KEYS_LISTED).map((key) => excerpt(key));
    const more = this.entries.size - names.length;
    return `${names.join(', ') || 'nothing'}${more > 0 ? ` and ${more} more` : ''}`;
  }

  has(key: string): boolean {
    return this.entries.has(key);
  }

  /** What an array claims to take once it is unpacked, in bytes; 0 where it is absent. */
  declaredBytes(key: string): number {
    return this.entries.get(key)?.uncompressedSize ?? 0;
  }

  /**
   * Unpacks, verifies and parses one array.
   * @throws FileError where it is absent, damaged, not what it declares to be, of a type that is not read, or out of proportion to the file.
   */
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
