import { crc32 } from 'node:zlib';
import { required } from '../../foundation/required';
import { excerpt } from '../../foundation/text';
import { FileError } from '../data-error';
import { NO_SUCH_FILE } from '../file-reading';
import { arrayOfBytes } from '../npy';
import type { NpyArray } from '../npy-array';
import { MAX_BYTES, type ArrayFile } from '../npz';
import { packFileOf, type PackFile } from './pack-file';
import type { PackedArray, PackedFile } from './pack-index';

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

const LARGEST_TEXT = 1024 * 1024;

/** Where the arrays of one clip lie in a pack, as data that another thread can be given: it reads the clip without the pack's index. */
export interface PackedClip {
  readonly pack: string;
  /** Of the pack when its index was read, from `stampOf`. */
  readonly stamp: string;
  /** Where the arrays' places count from. */
  readonly dataStart: number;
  readonly found: PackedFile | undefined;
}

/** Bytes that the arrays of a clip take; 0 where there is none. */
export function sizeOfPacked({ found }: Pick<PackedClip, 'found'>): number {
  if (found === undefined) return 0;
  const arrays = found.kind === 'clip' ? [...found.arrays.values()] : [found.array];
  return arrays.reduce((sum, { begin, end }) => sum + end - begin, 0);
}

/**
 * A clip's arrays, each of which is read when it is asked for.
 * @param shown what messages call the clip.
 * @param key what the array of a `.npy` is called, which has no name.
 * @throws FileError where there is no such clip.
 */
export function openPackedClip({ pack, stamp, found, dataStart }: PackedClip, shown: string, key: string): ArrayFile {
  const packFile = packFileOf(pack, stamp);
  if (found === undefined) throw new FileError(shown, NO_SUCH_FILE);
  if (found.kind === 'table') throw new FileError(shown, 'it is a table; expected a clip');
  const arrays: ReadonlyMap<string, PackedArray> = found.kind === 'clip' ? found.arrays : new Map([[key, found.array]]);
  return new PackedArrays(shown, arrays, dataStart, packFile);
}

/** The arrays of one clip. */
class PackedArrays implements ArrayFile {
  readonly allowance = MAX_BYTES;

  constructor(
    readonly file: string,
    private readonly arrays: ReadonlyMap<string, PackedArray>,
    private readonly dataStart: number,
    private readonly packFile: PackFile,
  ) {}

  get keys(): readonly string[] {
    return [...this.arrays.keys()];
  }

  get contents(): string {
    return this.keys.map((name) => excerpt(name)).join(', ');
  }

  has(name: string): boolean {
    return this.arrays.has(name);
  }

  declaredBytes(name: string): number {
    const array = this.arrays.get(name);
    return array === undefined ? 0 : array.end - array.begin;
  }

  async read(name: string): Promise<NpyArray> {
    const { file, dataStart, packFile } = this;
    const array = this.arrays.get(name);
    if (array === undefined) throw new FileError(file, `no array "${name}"; the clip holds: ${this.contents}`);
    return readArray({ array, dataStart, packFile }, file, name);
  }
}

/** An array within the file of a pack. */
interface ArrayInPack {
  readonly array: PackedArray;
  readonly dataStart: number;
  readonly packFile: PackFile;
}

async function readArray(place: ArrayInPack, shown: string, name: string): Promise<NpyArray> {
  const { array } = place;
  const size = array.end - array.begin;
  const most = array.isText ? LARGEST_TEXT : MAX_BYTES;
  if (size > most) throw new FileError(shown, `array "${excerpt(name)}": it has ${size} bytes (at most ${most} are read)`);
  const bytes = await verifiedBytes(place, shown, name);
  if (array.isText)
    return { dtype: 'text', shape: [], values: [Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('utf8')] };
  const [descr] = required(TYPES.get(array.type), `what ${array.type} is`);
  return arrayOfBytes(descr, array.shape, bytes);
}

/** The bytes of an array. @throws FileError where their checksum does not match. */
export async function verifiedBytes(
  { array: { begin, end, checksum }, dataStart, packFile }: ArrayInPack,
  shown: string,
  name?: string,
): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = await packFile.bytesAt(dataStart + begin, dataStart + end);
  if (crc32(bytes) === checksum) return bytes;
  const what = name === undefined ? 'it' : `array "${excerpt(name)}"`;
  throw new FileError(shown, `${what} is damaged: its checksum (CRC-32) does not match; make the pack again`);
}
