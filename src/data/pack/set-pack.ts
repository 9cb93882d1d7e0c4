import { closeSync, fstatSync, read, statSync, type Stats } from 'node:fs';
import { promisify } from 'node:util';
import { crc32 } from 'node:zlib';
import { UserError } from '../../foundation/errors';
import { openRegularFile } from '../../foundation/regular-file';
import { required } from '../../foundation/required';
import { beginsAsSafetensors, headerLength, LENGTH_SIZE, MalformedSafetensors, parseHeader } from '../../foundation/safetensors';
import { excerpt } from '../../foundation/text';
import { FileError } from '../data-error';
import { NO_SUCH_FILE } from '../file-reading';
import { arrayOfBytes } from '../npy';
import type { NpyArray } from '../npy-array';
import { MAX_BYTES, type ArrayFile } from '../npz';
import { indexOf, textsOf, withChecksums, type PackedArray, type PackedFile, type PackedName } from './pack-index';

/** NumPy's type strings of safetensors' types, and bytes of an item. */
const TYPES: ReadonlyMap<string, readonly [descr: string, bytes: number]> = new Map([
  ['BOOL', ['|b1', 1]],
  ['I8', ['|i1', 1]],
  ['I16', ['<i2', 2]],
  ['I32', ['<i4', 4]],
  ['I64', ['<i8', 8]],
  ['U8', ['|u1', 1]],
  ['U16', ['<u2', 2]],
  ['U32', ['<u4', 4]],
  ['U64', ['<u8', 8]],
  ['F16', ['<f2', 2]],
  ['F32', ['<f4', 4]],
  ['F64', ['<f8', 8]],
]);
export const PACKED_ITEM_BYTES: ReadonlyMap<string, number> = new Map([...TYPES].map(([type, [, bytes]]) => [type, bytes]));

/** Some 500,000 clips of four arrays. */
const MOST_TENSORS = 2_000_000;
const LARGEST_TEXT = 1024 * 1024;

const readAt = promisify(read);

/** An opened pack: its index in memory, its values on the disk. */
export class SetPack {
  private constructor(
    readonly file: string,
    private readonly stamp: string,
    private readonly dataStart: number,
    private readonly files: ReadonlyMap<string, PackedFile>,
    private readonly folders: ReadonlyMap<string, ReadonlyMap<string, PackedName>>,
  ) {}

  /**
   * Reads and checks the index of a pack.
   * @throws FileError where the file is no pack, or contradicts itself.
   */
  static async open(file: string): Promise<SetPack> {
    const { descriptor, size } = opened(file);
    try {
      const start = await bytesAt(descriptor, 0, Math.min(size, LENGTH_SIZE + 1));
      if (!beginsAsSafetensors(start, size)) throw new FileError(file, `it is no safetensors file, which a pack of clips is; ${MAKE_ONE}`);
      const length = headerLength(start);
      const dataStart = LENGTH_SIZE + length;
      const header = Buffer.from((await bytesAt(descriptor, LENGTH_SIZE, length)).buffer);
      const { tensors, metadata } = parseHeader(header, size - dataStart, PACKED_ITEM_BYTES, MOST_TENSORS);
      const texts = textsOf(metadata);
      if (texts === undefined)
        throw new FileError(file, `it is a safetensors file, but no pack of clips (are they weights of a model?); ${MAKE_ONE}`);
      const packed = await withChecksums(tensors, texts, (tensor) =>
        bytesAt(descriptor, dataStart + tensor.begin, tensor.end - tensor.begin),
      );
      return new SetPack(file, stampOf(fstatSync(descriptor)), dataStart, ...indexOf(packed));
    } catch (error) {
      throw error instanceof MalformedSafetensors ? new FileError(file, error.message.replace(/\.$/, ''), { cause: error }) : error;
    } finally {
      closeSync(descriptor);
    }
  }

  /** Its files, in their order. */
  get names(): string[] {
    return [...this.files.keys()];
  }

  kindOf(inner: string): 'folder' | 'file' | 'nothing' {
    return this.folders.has(inner) ? 'folder' : this.files.has(inner) ? 'file' : 'nothing';
  }

  /** What lies in one of its folders; undefined where there is no such folder. */
  namesIn(inner: string): readonly PackedName[] | undefined {
    const names = this.folders.get(inner);
    return names && [...names.values()];
  }

  /** Bytes that a file of it takes; 0 where there is none. */
  sizeOf(inner: string): number {
    const found = this.files.get(inner);
    if (found === undefined) return 0;
    const arrays = found.kind === 'clip' ? [...found.arrays.values()] : [found.array];
    return arrays.reduce((sum, { begin, end }) => sum + end - begin, 0);
  }

  /**
   * The bytes of a table.
   * @param shown what messages call it.
   * @throws FileError where there is none, it is larger than `mostBytes`, or damaged.
   */
  async readTable(inner: string, shown: string, mostBytes: number): Promise<Buffer> {
    const found = this.files.get(inner);
    if (found === undefined) throw new FileError(shown, NO_SUCH_FILE);
    if (found.kind !== 'table') throw new FileError(shown, 'it is a clip, packed as arrays; expected a table');
    const size = found.array.end - found.array.begin;
    if (size > mostBytes) throw new FileError(shown, `${size} bytes (at most ${mostBytes} are read); is this the right file?`);
    return Buffer.from((await this.bytesOf(found.array, shown)).buffer);
  }

  /**
   * A clip's arrays, each of which is read when it is asked for.
   * @param key what the array of a `.npy` is called, which has no name.
   * @throws FileError where there is no such clip.
   */
  clip(inner: string, shown: string, key: string): ArrayFile {
    const found = this.files.get(inner);
    if (found === undefined) throw new FileError(shown, NO_SUCH_FILE);
    if (found.kind === 'table') throw new FileError(shown, 'it is a table; expected a clip');
    const arrays: ReadonlyMap<string, PackedArray> = found.kind === 'clip' ? found.arrays : new Map([[key, found.array]]);
    const contents = [...arrays.keys()].map((name) => excerpt(name)).join(', ');
    return {
      file: shown,
      allowance: MAX_BYTES,
      keys: [...arrays.keys()],
      contents,
      has: (name) => arrays.has(name),
      declaredBytes: (name) => {
        const array = arrays.get(name);
        return array === undefined ? 0 : array.end - array.begin;
      },
      read: async (name) => {
        const array = arrays.get(name);
        if (array === undefined) throw new FileError(shown, `no array "${name}"; the clip holds: ${contents}`);
        return this.readArray(array, name, shown);
      },
    };
  }

  private async readArray(array: PackedArray, name: string, shown: string): Promise<NpyArray> {
    const size = array.end - array.begin;
    const most = array.isText ? LARGEST_TEXT : MAX_BYTES;
    if (size > most) throw new FileError(shown, `array "${excerpt(name)}": it has ${size} bytes (at most ${most} are read)`);
    const bytes = await this.bytesOf(array, shown, name);
    if (array.isText) return { dtype: 'text', shape: [], values: [Buffer.from(bytes.buffer).toString('utf8')] };
    const [descr] = required(TYPES.get(array.type), `what ${array.type} is`);
    return arrayOfBytes(descr, array.shape, bytes);
  }

  private async bytesOf({ begin, end, checksum }: PackedArray, shown: string, name?: string): Promise<Uint8Array<ArrayBuffer>> {
    const { descriptor } = opened(this.file);
    try {
      if (stampOf(fstatSync(descriptor)) !== this.stamp)
        throw new FileError(this.file, 'it was replaced or changed while it was in use; leave the data alone, and begin again');
      const bytes = await bytesAt(descriptor, this.dataStart + begin, end - begin);
      if (crc32(bytes) === checksum) return bytes;
      const what = name === undefined ? 'it' : `array "${excerpt(name)}"`;
      throw new FileError(shown, `${what} is damaged: its checksum (CRC-32) does not match; make the pack again`);
    } finally {
      closeSync(descriptor);
    }
  }
}

const MAKE_ONE = 'npm run data -- pack DIR makes one';

/** Packs that were opened, the newest last: opening reads their index, and clips are asked for one by one. */
const opening = new Map<string, { readonly stamp: string; readonly pack: Promise<SetPack> }>();
const MOST_OPEN = 4;

/** {@link SetPack.open}, once for a file that stays as it is. */
export async function openPack(file: string): Promise<SetPack> {
  const stamp = stampOf(statSync(file));
  const known = opening.get(file);
  if (known?.stamp === stamp) return known.pack;
  const pack = SetPack.open(file);
  opening.delete(file);
  opening.set(file, { stamp, pack });
  for (const other of [...opening.keys()].slice(0, -MOST_OPEN)) opening.delete(other);
  pack.catch(() => {
    if (opening.get(file)?.pack === pack) opening.delete(file);
  });
  return pack;
}

/** What changes when a file is replaced or written into. */
function stampOf({ dev, ino, size, mtimeMs }: Stats): string {
  return [dev, ino, size, mtimeMs].join(' ');
}

/**
 * The pack that a place leads into, and the place within it with `/` between folders, empty for the pack itself; undefined for any other place. Only a regular file whose
 * name ends as packs' names do is one.
 */
export function placeInPack(place: string): { readonly pack: string; readonly inner: string } | undefined {
  for (const { index, 0: ending } of place.matchAll(/\.safetensors(?=[\\/]|$)/gi)) {
    const pack = place.slice(0, index + ending.length);
    if (isFile(pack))
      return {
        pack,
        inner: place
          .slice(pack.length)
          .split(/[\\/]+/)
          .filter((part) => part !== '' && part !== '.')
          .join('/'),
      };
  }
  return undefined;
}

function isFile(place: string): boolean {
  try {
    return statSync(place, { throwIfNoEntry: false })?.isFile() === true;
  } catch {
    return false; // Whoever reads it says why it cannot be read.
  }
}

function opened(file: string): ReturnType<typeof openRegularFile> {
  try {
    return openRegularFile(file);
  } catch (error) {
    if (!(error instanceof UserError) || !error.message.startsWith(`${file}: `)) throw error;
    throw new FileError(file, error.message.slice(`${file}: `.length), { cause: error });
  }
}

/** @throws MalformedSafetensors where the file ends before. */
async function bytesAt(descriptor: number, position: number, length: number): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = new Uint8Array(length);
  for (let filled = 0; filled < length;) {
    const { bytesRead } = await readAt(descriptor, bytes, filled, length - filled, position + filled);
    if (bytesRead === 0) throw new MalformedSafetensors('it became shorter while it was being read');
    filled += bytesRead;
  }
  return bytes;
}
