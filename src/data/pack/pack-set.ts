import { existsSync, readdirSync, statSync } from 'node:fs';
import path from 'node:path';
import { crc32 } from 'node:zlib';
import { checkOptions, type OptionsInput } from '../../config/layers';
import { option, requiredOption, text } from '../../config/setting';
import { replaceFileInSteps } from '../../foundation/atomic-file';
import { UserError } from '../../foundation/errors';
import { makeFolders } from '../../foundation/folders';
import { notesTo, type Hooks } from '../../foundation/hooks';
import { elementAt, required } from '../../foundation/required';
import { formatHeader, placeTensors, type StoredTensor } from '../../foundation/safetensors';
import { counted, excerpt } from '../../foundation/text';
import { byCause, DataError, FileError, type DataProblem } from '../data-error';
import { describeFolder } from '../describe-folder';
import { mapConcurrently, readBoundedFile } from '../file-reading';
import { isClipFile, NPY } from '../clip-names';
import { littleEndianBytes } from '../npy';
import type { NpyArray } from '../npy-array';
import { UnreadableType } from '../npy-header';
import { openClipArrays } from '../places';
import { removeUnfinished } from './unfinished';
import { CHECKSUMS, PACK_ENDING, PACK_FORMAT, PACK_VERSION } from './pack-index';
import { PACKED_ITEM_BYTES } from './packed-clip';
import { openPack, placeInPack } from './set-pack';

const group = 'Pack';

/** The options of {@link packSet}, each a flag of the command `data pack`. */
export const packOptions = {
  data: requiredOption(text('a data folder'), {
    group,
    description: 'The folder to pack: a set as --data of a training takes it, or a collection that is not split yet.',
  }),
  out: option(
    text('the path of a file that ends in .safetensors'),
    { group, description: 'The file to write.', aliases: ['o'] },
    'NAME.kumpas.safetensors',
  ),
} as const;

/** What {@link packSet} is asked for. */
export type PackOptions = OptionsInput<typeof packOptions>;

/** A set that was packed. */
export interface PackedSet {
  readonly from: string;
  readonly file: string;
  readonly clips: number;
  /** Its tables and texts, by their names. */
  readonly tables: readonly string[];
  readonly bytes: number;
  /** What the folder holds besides, and the pack does not, a line each. */
  readonly leftOut: readonly string[];
}

/**
 * Packs a set of clips, or a collection, into one file of the safetensors format. Every clip is read and checked first; then the file is written a clip at a time, whole
 * or not at all. The same folder makes the same bytes.
 * @throws DataError with every clip that cannot be read; UserError where there is no set, or the file is something else.
 */
export async function packSet(options: PackOptions, hooks: Hooks = {}): Promise<PackedSet> {
  const { data: from, out } = checkOptions(packOptions, { source: 'packSet()', values: options });
  const file = out ?? `${path.basename(path.resolve(from))}.kumpas${PACK_ENDING}`;
  if (!file.toLowerCase().endsWith(PACK_ENDING))
    throw new UserError(`--out ${file}: expected a name that ends in ${PACK_ENDING}, by which Kumpas and other tools know such files`);
  const found = await filesOf(from);
  await refuseToReplace(file);
  const clips = await checkClips(found.clips, hooks);
  const tables = await Promise.all(found.tables.map((table) => readTable(table)));
  const header = headerOf(tables, clips);
  makeFolders(path.dirname(path.resolve(file)));
  removeUnfinished(file);
  await replaceFileInSteps(file, async (writeAt) => {
    writeAt(header.bytes, 0);
    const put = (bytes: Uint8Array, { begin }: StoredTensor): void => {
      writeAt(bytes, header.bytes.length + begin);
    };
    put(header.checksums, header.checksumsPlace);
    tables.forEach(({ bytes }, place) => {
      put(bytes, elementAt(header.tables, place));
    });
    let done = 0;
    await mapConcurrently(clips, READS_AT_ONCE, async (clip, place) => {
      hooks.signal?.throwIfAborted();
      await writeClip(clip, elementAt(header.clips, place), put);
      hooks.onEvent?.({ kind: 'clips-written', done: ++done, total: clips.length });
    });
  });
  const leftOut = [...found.leftOut, ...leftOutArrays(clips)];
  for (const line of leftOut) notesTo(hooks)(`left out: ${line}`);
  return { from, file, clips: clips.length, tables: tables.map(({ name }) => name), bytes: statSync(file).size, leftOut };
}

/** A file to pack: its name in the folder, with `/` between folders, and where it lies. */
interface SourceFile {
  readonly name: string;
  readonly file: string;
}

interface FoundFiles {
  readonly clips: readonly SourceFile[];
  readonly tables: readonly SourceFile[];
  readonly leftOut: readonly string[];
}

const READS_AT_ONCE = 8;
const MOST_CLIPS = 500_000;
const DEEPEST = 8;
const LARGEST_TABLE = 64 * 1024 * 1024;
const LABELS = /^(train_|val_|test_)?labels\.csv$/;
/** What beside clips belongs to a set: tables, descriptions, a licence. */
const TABLE = /\.(csv|tsv|json|md|txt)$/i;

/** What a data folder holds: tables at its root, clips in the folders below. */
async function filesOf(folder: string): Promise<FoundFiles> {
  if (placeInPack(folder) !== undefined)
    throw new UserError(`${folder}: it is a pack already; npm run data -- unpack makes a folder of it`);
  if (!existsSync(folder)) throw new UserError(`${folder}: no such folder; expected a data folder to pack`);
  if (!statSync(folder).isDirectory()) throw new UserError(`${folder}: it is a file; expected a data folder to pack`);
  const clips: SourceFile[] = [];
  const tables: SourceFile[] = [];
  const others = new Map<string, number>();
  const waiting = [''];
  for (let place = waiting.shift(); place !== undefined; place = waiting.shift()) {
    for (const entry of readdirSync(path.join(folder, place)).sort()) {
      if (entry.startsWith('.')) continue;
      const name = place === '' ? entry : `${place}/${entry}`;
      const file = path.join(folder, name);
      const status = statSync(file, { throwIfNoEntry: false });
      if (status?.isDirectory() === true) {
        if (place === '' && /^frames(_|$)/.test(entry))
          throw new UserError(`${file}: clips of pictures are not packed; npm run features makes clips of features of them, which are`);
        if (isClipFile(entry)) throw new UserError(`${file}: a folder that is named as a clip; give it another name`);
        if (name.split('/').length < DEEPEST) waiting.push(name);
      } else if (status?.isFile() === true && isClipFile(entry) && place !== '') {
        if (clips.push({ name, file }) > MOST_CLIPS) throw new UserError(`${folder}: more than ${MOST_CLIPS} clips; pack parts of it`);
      } else if (status?.isFile() === true && TABLE.test(entry) && place === '') {
        tables.push({ name, file });
      } else {
        const kind = path.extname(entry).toLowerCase() || 'without an extension';
        others.set(kind, (others.get(kind) ?? 0) + 1);
      }
    }
  }
  if (clips.length === 0 || !tables.some(({ name }) => LABELS.test(name)))
    throw new UserError(
      `${folder}: no set to pack; expected clips (.npz) in folders and train_labels.csv, val_labels.csv or labels.csv, as docs/data.md describes. Found: ${await describeFolder(folder)}`,
    );
  const leftOut = [...others].map(([kind, count]) => `${counted(count, 'file')} ${kind}: a pack holds clips of numbers, and tables`);
  return { clips: clips.sort(byName), tables, leftOut };
}

function byName(one: SourceFile, other: SourceFile): number {
  return one.name < other.name ? -1 : 1;
}

/** A pack may take the place of a pack. */
async function refuseToReplace(file: string): Promise<void> {
  if (!existsSync(file)) return;
  try {
    await openPack(file);
  } catch (error) {
    throw new UserError(`${file}: it is there and is no pack of clips, so it is not replaced; choose another name`, { cause: error });
  }
}

/** An array of a clip as it will lie in the pack. */
interface ArrayToPack {
  readonly key: string;
  readonly name: string;
  readonly type: string;
  readonly shape: readonly number[];
  readonly checksum: number;
  readonly isText: boolean;
}

interface CheckedClip extends SourceFile {
  readonly arrays: readonly ArrayToPack[];
  /** Arrays that no pack takes, and why. */
  readonly without: readonly DataProblem[];
}

/** What the array of a `.npy` is called here: it has no name. */
const UNNAMED = 'array';

/** Reads every clip, and tells what its arrays will be. @throws DataError with every clip that cannot be read. */
async function checkClips(clips: readonly SourceFile[], { onEvent, signal }: Pick<Hooks, 'onEvent' | 'signal'>): Promise<CheckedClip[]> {
  const problems: DataProblem[] = [];
  let done = 0;
  const checked = await mapConcurrently(clips, READS_AT_ONCE, async (clip) => {
    signal?.throwIfAborted();
    const found = await checkClip(clip).catch((error: unknown) => {
      if (!(error instanceof FileError)) throw error;
      problems.push({ file: error.file, problem: error.problem });
      return undefined;
    });
    onEvent?.({ kind: 'clips-read', done: ++done, total: clips.length });
    return found;
  });
  const ofTwoKinds = arraysOfTwoKinds(checked.filter((clip) => clip !== undefined));
  if (problems.length + ofTwoKinds.length > 0)
    throw new DataError([...problems.sort((one, other) => (one.file < other.file ? -1 : 1)), ...ofTwoKinds]);
  return checked.map((clip, place) => required(clip, `the clip ${elementAt(clips, place).file}`));
}

async function checkClip({ name, file }: SourceFile): Promise<CheckedClip> {
  const opened = await openClipArrays(file, UNNAMED);
  const arrays: ArrayToPack[] = [];
  const without: DataProblem[] = [];
  for (const key of opened.keys) {
    const array = await opened.read(key).catch((error: unknown) => {
      if (!(error instanceof FileError && error.cause instanceof UnreadableType)) throw error;
      without.push({ file, problem: error.problem });
      return undefined;
    });
    if (array === undefined) continue;
    const packed = packedForm(array);
    const arrayName = NPY.test(name) ? name : `${name}/${key}`;
    if (packed === undefined)
      without.push({ file, problem: `array "${excerpt(key)}": it holds several texts, and a pack takes single ones` });
    else
      arrays.push({
        key,
        name: arrayName,
        type: packed.type,
        shape: packed.shape,
        checksum: crc32(packed.bytes),
        isText: array.dtype === 'text',
      });
  }
  if (arrays.length === 0) throw new FileError(file, 'it holds no array that can be packed; make the clip again, or remove it');
  return { name, file, arrays, without };
}

const TYPE_OF_DTYPE: Readonly<Record<Exclude<NpyArray['dtype'], 'text'>, string>> = {
  bool: 'BOOL',
  int8: 'I8',
  int16: 'I16',
  int32: 'I32',
  int64: 'I64',
  uint8: 'U8',
  uint16: 'U16',
  uint32: 'U32',
  uint64: 'U64',
  // Half-precision numbers are held widened, and packed so.
  float16: 'F32',
  float32: 'F32',
  float64: 'F64',
};

/** An array as it lies in a pack; a single text is its letters in UTF-8. Undefined for a list of texts. */
function packedForm(array: NpyArray): { readonly type: string; readonly shape: readonly number[]; readonly bytes: Uint8Array } | undefined {
  if (array.dtype !== 'text') return { type: TYPE_OF_DTYPE[array.dtype], shape: array.shape, bytes: littleEndianBytes(array.values) };
  const [only] = array.values;
  if (array.shape.length > 0 || only === undefined) return undefined;
  const bytes = Buffer.from(only);
  return { type: 'U8', shape: [bytes.length], bytes };
}

/** Texts are told from numbers by the array's name: one that is text in some clips and a row of bytes in others would not come back as it was. */
function arraysOfTwoKinds(clips: readonly CheckedClip[]): DataProblem[] {
  const texts = textNames(clips);
  return clips.flatMap(({ file, arrays }) =>
    arrays
      .filter(({ key, type, shape, isText }) => !isText && texts.has(key) && type === 'U8' && shape.length === 1)
      .map(({ key }) => ({
        file,
        problem: `array "${excerpt(key)}" is a row of uint8 here, and a text in other clips; make them of one kind`,
      })),
  );
}

function textNames(clips: readonly CheckedClip[]): Set<string> {
  return new Set(clips.flatMap(({ arrays }) => arrays.filter(({ isText }) => isText).map(({ key }) => key)));
}

function leftOutArrays(clips: readonly CheckedClip[]): string[] {
  return byCause(clips.flatMap(({ without }) => without)).map(
    ([first, ...others]) => `an array of ${counted(1 + others.length, 'clip')} (the first: ${first.file}): ${first.problem}`,
  );
}

interface Table extends SourceFile {
  readonly bytes: Buffer;
}

async function readTable({ name, file }: SourceFile): Promise<Table> {
  return { name, file, bytes: await readBoundedFile(file, LARGEST_TABLE, 'take it out of the folder') };
}

/** The header of a pack, and where everything goes. */
interface PackHeader {
  readonly bytes: Buffer;
  readonly checksums: Uint8Array;
  readonly checksumsPlace: StoredTensor;
  readonly tables: readonly StoredTensor[];
  /** Of each clip the places of its arrays. */
  readonly clips: readonly (readonly StoredTensor[])[];
}

function headerOf(tables: readonly Table[], clips: readonly CheckedClip[]): PackHeader {
  const packed = [
    ...tables.map(({ name, bytes }) => ({ name, type: 'U8', shape: [bytes.length], checksum: crc32(bytes) })),
    ...clips.flatMap(({ arrays }) => arrays),
  ];
  const checksums = { name: CHECKSUMS, type: 'U32', shape: [packed.length] };
  const placed = placeTensors([...packed.map(({ name, type, shape }) => ({ name, type, shape })), checksums], PACKED_ITEM_BYTES);
  const metadata = { format: PACK_FORMAT, version: PACK_VERSION, texts: JSON.stringify([...textNames(clips)].sort()) };
  let next = tables.length;
  return {
    bytes: formatHeader(placed, metadata),
    checksums: littleEndianBytes(Uint32Array.from(packed, ({ checksum }) => checksum)),
    checksumsPlace: required(placed.at(-1), 'the place of the checksums'),
    tables: placed.slice(0, tables.length),
    clips: clips.map(({ arrays }) => placed.slice(next, (next += arrays.length))),
  };
}

/** Reads a clip once more, and puts its arrays where they belong. @throws FileError where it is not what it was when it was checked. */
async function writeClip(
  { file, arrays }: CheckedClip,
  places: readonly StoredTensor[],
  put: (bytes: Uint8Array, place: StoredTensor) => void,
): Promise<void> {
  const opened = await openClipArrays(file, UNNAMED);
  for (const [index, { key, checksum }] of arrays.entries()) {
    const place = elementAt(places, index);
    const packed = opened.has(key) ? packedForm(await opened.read(key)) : undefined;
    if (packed?.bytes.length !== place.end - place.begin || crc32(packed.bytes) !== checksum)
      throw new FileError(file, 'it changed while it was being packed; leave the data alone, and pack again');
    put(packed.bytes, place);
  }
}
