import path from 'node:path';
import { elementAt } from '../../foundation/required';
import { jsonOf, MalformedSafetensors, type StoredTensor } from '../../foundation/safetensors';
import { excerpt } from '../../foundation/text';
import { NPY } from '../clip-names';
import { arrayOfBytes } from '../npy';

/**
 * A set of clips in one file, which every library of safetensors reads: a folder whose files are tensors. `keypoints_train/clip.npz/X` is an array of a clip, with its
 * type and shape; `train_labels.csv` is a table, its bytes as they were. Numbers lie as they are used, each at a multiple of its size, so that any clip is read with one
 * positioned read, and Python maps them into memory.
 */
export const PACK_FORMAT = 'kumpas-set';
export const PACK_VERSION = '1';
/** The tensor of the others' checksums, CRC-32, in the header's order. */
export const CHECKSUMS = 'crc32';
/** What the name of a pack ends in, without regard to case. */
export const PACK_ENDING = '.safetensors';

const LONGEST_NAME = 4096;
const DEEPEST = 16;

export interface PackedArray extends StoredTensor {
  readonly checksum: number;
  readonly isText: boolean;
}

/** A file within a pack: a clip with named arrays, or a single array, which a table of bytes is too. */
export type PackedFile =
  | { readonly kind: 'clip'; readonly arrays: ReadonlyMap<string, PackedArray> }
  | { readonly kind: 'array' | 'table'; readonly array: PackedArray };

/** A name in a folder of a pack. */
export interface PackedName {
  readonly name: string;
  readonly isFile: () => boolean;
  readonly isDirectory: () => boolean;
}

/** The names of the arrays that are texts, of the metadata of a pack; undefined where it is that of another file. @throws MalformedSafetensors for a later version. */
export function textsOf(metadata: unknown): ReadonlySet<string> | undefined {
  const { format, version, texts } = Object(metadata) as Readonly<Record<string, unknown>>;
  if (format !== PACK_FORMAT) return undefined;
  if (version !== PACK_VERSION)
    throw new MalformedSafetensors(
      `it is a pack of version ${excerpt(String(version))}, and version ${PACK_VERSION} is read: use the Kumpas that made it`,
    );
  const names = typeof texts === 'string' ? jsonOf(texts, 'its metadata "texts"') : undefined;
  if (!Array.isArray(names) || !names.every((name) => typeof name === 'string'))
    throw new MalformedSafetensors('its metadata "texts" is no list of names');
  return new Set(names);
}

/** The arrays of a pack with their checksums. @param bytesOf reads a tensor. @throws MalformedSafetensors where these are not there. */
export async function withChecksums(
  tensors: readonly StoredTensor[],
  texts: ReadonlySet<string>,
  bytesOf: (tensor: StoredTensor) => Promise<Uint8Array<ArrayBuffer>>,
): Promise<PackedArray[]> {
  const others = tensors.filter(({ name }) => name !== CHECKSUMS);
  const checksums = tensors.find(({ name }) => name === CHECKSUMS);
  if (checksums?.type !== 'U32' || checksums.shape.length !== 1 || checksums.shape[0] !== others.length)
    throw new MalformedSafetensors(`it has no "${CHECKSUMS}" of ${others.length} U32, the checksums of its arrays`);
  const { values } = arrayOfBytes('<u4', checksums.shape, await bytesOf(checksums));
  return others.map(({ name, type, shape, begin, end }, place) => {
    const array = type === 'U8' && shape.length === 1 ? splitName(name).array : undefined;
    const isText = array !== undefined && texts.has(array);
    return { name, type, shape, begin, end, isText, checksum: elementAt(values as ArrayLike<number>, place) };
  });
}

/** The file that a tensor belongs to, and the array's name in it; a `.npy`'s array and a table have none. */
function splitName(name: string): { readonly file: string; readonly array: string | undefined } {
  const ending = WITHIN_CLIP.exec(name);
  if (ending === null) return { file: name, array: undefined };
  const end = ending.index + ending[0].length;
  return { file: name.slice(0, end - 1), array: name.slice(end) };
}

const WITHIN_CLIP = /\.npz\//i;

/** Files and folders of a pack. @throws MalformedSafetensors for a name that leads out of it, or is a file and a folder at once. */
export function indexOf(arrays: readonly PackedArray[]): [Map<string, PackedFile>, Map<string, Map<string, PackedName>>] {
  const files = new Map<string, IndexedFile>();
  const folders = new Map<string, Map<string, PackedName>>([['', new Map()]]);
  for (const array of arrays) {
    const { file, array: key } = splitName(array.name);
    const known = files.get(file);
    if (known?.kind === 'clip' && key !== undefined) {
      known.arrays.set(key, array);
      continue;
    }
    if (known !== undefined) throw new MalformedSafetensors(`"${excerpt(file)}" is in it twice`);
    refuseName(file);
    if (key === undefined) files.set(file, { kind: NPY.test(file) ? 'array' : 'table', array });
    else files.set(file, { kind: 'clip', arrays: new Map([[key, array]]) });
    addToFolders(folders, file);
  }
  for (const folder of folders.keys())
    if (files.has(folder)) throw new MalformedSafetensors(`"${excerpt(folder)}" is a file and a folder in it`);
  return [files, folders];
}

/** {@link PackedFile} while its arrays come. */
type IndexedFile = { readonly kind: 'clip'; readonly arrays: Map<string, PackedArray> } | Exclude<PackedFile, { readonly kind: 'clip' }>;

function addToFolders(folders: Map<string, Map<string, PackedName>>, file: string): void {
  let kind: KindOfName = A_FILE;
  for (let place = file; place !== '';) {
    const slash = place.lastIndexOf('/');
    const folder = place.slice(0, Math.max(0, slash));
    const name = place.slice(slash + 1);
    const names = folders.get(folder);
    if (names?.has(name) === true) return;
    if (names === undefined) folders.set(folder, new Map([[name, { name, ...kind }]]));
    else names.set(name, { name, ...kind });
    kind = A_FOLDER;
    place = folder;
  }
}

type KindOfName = Omit<PackedName, 'name'>;
const A_FILE: KindOfName = { isFile: () => true, isDirectory: () => false };
const A_FOLDER: KindOfName = { isFile: () => false, isDirectory: () => true };

/** Names become places in a folder when a pack is unpacked. */
function refuseName(name: string): void {
  const parts = name.split('/');
  if (parts.some((part) => part === '' || part === '.' || part === '..') || /[\0\r\n\\]/.test(name) || path.win32.isAbsolute(name))
    throw new MalformedSafetensors(`the name ${JSON.stringify(excerpt(name))} leads out of the pack`);
  if (parts.length > DEEPEST) throw new MalformedSafetensors(`a name in it leads through ${parts.length} folders (at most ${DEEPEST})`);
  if (Buffer.byteLength(name) > LONGEST_NAME)
    throw new MalformedSafetensors(`a name in it has ${Buffer.byteLength(name)} bytes (at most ${LONGEST_NAME})`);
}
