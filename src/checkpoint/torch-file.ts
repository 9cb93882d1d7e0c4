import { endianness } from 'node:os';
import path from 'node:path';
import { replaceFile, replaceFileMeanwhile } from '../foundation/atomic-file';
import { foreignFile } from '../foundation/foreign-file';
import { ZipWriter } from '../foundation/zip-write';
import { refusalOf } from './allowed-names';
import { ByteCursor, type ByteSource, FileSource, MalformedCheckpoint, MemorySource, namingFile, toHostByteOrder } from './bytes';
import { damagedPickle } from './pickle-instructions';
import { type PickleMeaning, readPickle } from './pickle-read';
import { pickleWithStorages } from './pickle-write';
import type { PythonValue } from './python-values';
import { isSafetensors, readSafetensors } from './safetensors';
import { type Dtype, itemSizeOf, TorchStorage } from './tensor';
import { isAllowedName, type StorageReference, TorchMeaning } from './torch-meaning';
import { readZipDirectory, readZipEntry, type StoredEntry } from './zip-read';

/**
 * Reads a file that `torch.save` wrote, in its zip form or the one before PyTorch 1.6, or a safetensors file, without running anything in it.
 * @param use gets the value, and where it was read from; a tensor in it can be read until `use` returns, and only those that are read take memory.
 * @returns what `use` returns.
 * @throws UserError that names the file, where it is missing, damaged, no PyTorch file, or holds anything but plain data and tensors.
 */
export function readTorchFile<Result>(file: string, use: (value: PythonValue, source: ByteSource) => Result): Result {
  const source = new FileSource(file);
  try {
    return namingFile(file, () => use(readTorchValue(source), source));
  } finally {
    source.close();
  }
}

/**
 * Writes a file that `torch.load(file, weights_only=True)` reads, atomically, into a folder that is there; equal values make equal bytes. Storages that several tensors share are written once.
 */
export function writeTorchFile(file: string, value: PythonValue): void {
  replaceFile(file, (append) => {
    for (const piece of piecesOf(file, value)) append(piece);
  });
}

/**
 * {@link writeTorchFile} while the program does other work; the value must not be changed before the promise is fulfilled.
 * @returns the promise that the file is there, and flushed.
 */
export async function writeTorchFileMeanwhile(file: string, value: PythonValue): Promise<void> {
  await replaceFileMeanwhile(file, piecesOf(file, value));
}

/** The bytes of a file that `torch.save` would write, in order. */
function* piecesOf(file: string, value: PythonValue): Generator<Uint8Array, void, undefined> {
  const { pickle, storages } = pickleWithStorages(value);
  const folder = archiveName(file);
  const pieces: Uint8Array[] = [];
  const zip = new ZipWriter((bytes) => {
    pieces.push(bytes);
  });
  zip.add(`${folder}/data.pkl`, pickle);
  zip.add(`${folder}/byteorder`, Buffer.from(endianness() === 'LE' ? 'little' : 'big'));
  for (const [key, storage] of storages.entries()) {
    zip.add(`${folder}/data/${key}`, storage.bytes());
    yield* pieces.splice(0);
  }
  zip.add(`${folder}/version`, Buffer.from('3\n'));
  zip.finish();
  yield* pieces;
}

/** The forms in which weights come. */
export type CheckpointForm = 'zip' | 'stream' | 'safetensors';

/**
 * The form of a file, by how it begins.
 * @throws MalformedCheckpoint without the file's name, where it is none of them.
 */
export function checkpointForm(source: ByteSource): CheckpointForm {
  if (source.size === 0) throw new MalformedCheckpoint('it is empty (0 bytes).');
  const start = source.read(0, Math.min(source.size, 16));
  if (start[0] === 0x50 && start[1] === 0x4b) return 'zip';
  if (isSafetensors(source)) return 'safetensors';
  if (start[0] === PICKLE_PROTOCOL) return 'stream';
  const foreign = foreignFile(source.read(0, Math.min(source.size, LONGEST_START)));
  if (foreign !== undefined) throw new MalformedCheckpoint(`it is no PyTorch checkpoint: ${foreign}.`);
  if (/^(?:\(?[dl]p0\n|ccollections\n|\(dp\d|[}\])]q\0)/.test(Buffer.from(start).toString('latin1')))
    throw new MalformedCheckpoint(PLAIN_PICKLE);
  const shown = JSON.stringify(Buffer.from(start).toString('latin1'));
  throw new MalformedCheckpoint(`it is no PyTorch checkpoint: it begins with ${shown}, where torch.save writes a zip file or a pickle.`);
}

/**
 * The value of a checkpoint of any form; tensors are read from the source when they are wanted.
 * @throws MalformedCheckpoint without the file's name.
 */
export function readTorchValue(source: ByteSource): PythonValue {
  return READERS[checkpointForm(source)](source);
}

const PICKLE_PROTOCOL = 0x80;
/** Up to behind where a tar archive says what it is. */
const LONGEST_START = 512;

const READERS: Readonly<Record<CheckpointForm, (source: ByteSource) => PythonValue>> = {
  zip: readTorchArchive,
  stream: readTorchStream,
  safetensors: readSafetensors,
};

/** The folder inside the zip, as PyTorch names it: after the file, or `archive` where that is not plain ASCII. */
function archiveName(file: string): string {
  const { name } = path.parse(file);
  return /^[\x20-\x7e]+$/.test(name) ? name : 'archive';
}

/** Reads the zip form, PyTorch's own since 1.6: `<name>/data.pkl` refers to `<name>/data/<key>`. Tensors are read when they are wanted. */
function readTorchArchive(source: ByteSource): PythonValue {
  const entries = readZipDirectory(source, refuseForeignZip);
  const pickle = pickleEntry(entries);
  const folder = pickle.name.slice(0, -PICKLE_NAME.length);
  const bigEndian = readByteOrder(source, entries.get(`${folder}byteorder`));
  const meaning = new TorchMeaning(source.size, (reference) =>
    archivedStorage(source, entries.get(`${folder}data/${reference.key}`), reference, bigEndian),
  );
  return readPickle(new ByteCursor(new MemorySource(readZipEntry(source, pickle))), meaning);
}

const PICKLE_NAME = 'data.pkl';

function pickleEntry(entries: ReadonlyMap<string, StoredEntry>): StoredEntry {
  const found = [...entries.values()].filter(({ name }) => /^[^/]+\/data\.pkl$/.test(name));
  const [pickle] = found;
  if (found.length > 1) throw new MalformedCheckpoint('the zip holds several checkpoints (more than one data.pkl).');
  if (!pickle)
    throw new MalformedCheckpoint(
      `it is a zip file, but no PyTorch checkpoint: it holds no data.pkl. Found: ${listed([...entries.keys()])}.`,
    );
  return pickle;
}

function listed(names: readonly string[]): string {
  return names.length === 0 ? 'nothing' : names.slice(0, 5).join(', ') + (names.length > 5 ? ', …' : '');
}

/** Whether the tensors are big-endian; a file without the entry is little-endian. */
function readByteOrder(source: ByteSource, entry: StoredEntry | undefined): boolean {
  if (!entry) return false;
  const order = Buffer.from(readZipEntry(source, entry)).toString('latin1');
  if (order !== 'little' && order !== 'big')
    throw new MalformedCheckpoint(`"${entry.name}" is ${JSON.stringify(order.slice(0, 20))}; expected little or big.`);
  return order === 'big';
}

function archivedStorage(
  source: ByteSource,
  entry: StoredEntry | undefined,
  { key, dtype, length }: StorageReference,
  bigEndian: boolean,
): TorchStorage {
  if (!entry) throw new MalformedCheckpoint(`the tensor data "data/${key}" is missing from the zip.`);
  requireSize(entry, dtype, length);
  return new TorchStorage(dtype, length, () => toHostByteOrder(readZipEntry(source, entry), itemSizeOf(dtype), bigEndian));
}

function requireSize(entry: StoredEntry, dtype: Dtype, length: number): void {
  const expected = length * itemSizeOf(dtype);
  if (entry.size !== expected)
    throw new MalformedCheckpoint(`"${entry.name}" has ${entry.size} bytes; expected ${expected} (${length} values of ${dtype}).`);
}

/**
 * Refuses a zip file that is no checkpoint, by the names in it, with what it is and what to do.
 * @throws MalformedCheckpoint
 */
function refuseForeignZip(names: readonly string[]): void {
  const what = ZIPS.find(({ isIt }) => isIt(names))?.what;
  if (what !== undefined) throw new MalformedCheckpoint(what);
}

const ZIPS: readonly { readonly isIt: (names: readonly string[]) => boolean; readonly what: string }[] = [
  {
    isIt: (names) => names.some((name) => /^[^/]+\/(?:constants\.pkl$|code\/__torch__)/.test(name)),
    what: 'it is a TorchScript program, not a checkpoint. In Python, save torch.jit.load(file).state_dict() with torch.save.',
  },
  {
    isIt: (names) => names.some((name) => /(?:^|\/)(?:serialized_exported_program\.json|archive_format|models\/model\.json)$/.test(name)),
    what: 'it is a program of torch.export (.pt2), not a checkpoint. In Python, save torch.export.load(file).state_dict with torch.save.',
  },
  {
    isIt: (names) => names.some((name) => /\.data\/(?:extern_modules|python_version)$/.test(name)),
    what: 'it is a torch.package, not a checkpoint. In Python, load the model of it and save model.state_dict() with torch.save.',
  },
  {
    isIt: (names) => names.includes('model.weights.h5') || (names.includes('config.json') && names.includes('metadata.json')),
    what: 'it is a Keras model (.keras), not of PyTorch: Kumpas reads files of PyTorch and safetensors.',
  },
  {
    isIt: (names) => !names.some(isPickle) && names.some((name) => /\.(?:pt|pth|ckpt|bin|safetensors)$/i.test(name)),
    what: 'it is a zip file that a checkpoint was packed into: unpack it and name the checkpoint.',
  },
];

function isPickle(name: string): boolean {
  return /(?:^|\/)data\.pkl$/.test(name);
}

/**
 * Reads the form that PyTorch wrote before 1.6: five pickles in a row (a magic number, the protocol, the writer's machine, the value, the storages' keys), then the
 * storages one after the other, each behind the number of its values.
 */
function readTorchStream(source: ByteSource): PythonValue {
  if (!Buffer.from(source.read(0, Math.min(source.size, LONGEST_FIRST_PICKLE))).includes(MAGIC_BYTES)) refuseNewProtocol(source);
  const cursor = new ByteCursor(source);
  if (readPickle(cursor, FIRST_PICKLE) !== MAGIC) throw new MalformedCheckpoint(PLAIN_PICKLE);
  const protocol = readPickle(cursor, PLAIN_DATA);
  if (protocol !== PROTOCOL)
    throw new MalformedCheckpoint('it has an unknown form of PyTorch checkpoint: load and save it again in a newer PyTorch.');
  const bigEndian = writtenBigEndian(readPickle(cursor, PLAIN_DATA));

  const storages = new Map<string, TorchStorage>();
  const positions = new Map<string, number>();
  const meaning = new TorchMeaning(source.size, ({ key, dtype, length }) => {
    const load = (): Uint8Array<ArrayBuffer> =>
      toHostByteOrder(source.read(positions.get(key) ?? source.size, length * itemSizeOf(dtype)), itemSizeOf(dtype), bigEndian);
    const storage = new TorchStorage(dtype, length, load);
    storages.set(key, storage);
    return storage;
  });
  const value = readPickle(cursor, meaning);
  const keys = readPickle(cursor, PLAIN_DATA);
  locateStorages(source, cursor.position, keys, storages, positions);
  return value;
}

/** What is said of a pickle that is no checkpoint. */
const PLAIN_PICKLE =
  "it is a Python pickle, but not one that torch.save wrote: pickle.dump or joblib did. In Python, load it as it was written and save it again: torch.save(pickle.load(open(file, 'rb')), 'weights.pt').";

const MAGIC = 0x1950a86a20f9469cfc6cn;
const MAGIC_BYTES = Buffer.from('6cfc9c46f9206aa85019', 'hex');
/** The first pickle, a number alone, is shorter in every protocol. */
const LONGEST_FIRST_PICKLE = 32;
const PROTOCOL = 1001;
/** Newer pickles than those that are read here. */
const NEW_PROTOCOL = 5;

/** In a file of torch.save the protocol is what is wrong; in any other it is not. */
function refuseNewProtocol(source: ByteSource): void {
  if ((source.read(0, Math.min(source.size, 2))[1] ?? 0) >= NEW_PROTOCOL) throw new MalformedCheckpoint(PLAIN_PICKLE);
}

/** For the pickles around the value, which hold numbers, text and lists only. */
const PLAIN_DATA: PickleMeaning = {
  admit: (name) => {
    throw new MalformedCheckpoint(`it is refused: it mentions ${name.full} where only plain data belongs. Nothing was run.`);
  },
  rebuild: () => {
    throw damagedPickle('makes an object where only plain data belongs');
  },
  setState: () => {
    throw damagedPickle('sets a state where only plain data belongs');
  },
  persistent: () => {
    throw damagedPickle('refers to a storage where only plain data belongs');
  },
};

/** The first pickle is a number; one that begins a whole object shows by its names what was pickled. */
const FIRST_PICKLE: PickleMeaning = {
  ...PLAIN_DATA,
  admit: (name) => {
    if (isAllowedName(name)) throw new MalformedCheckpoint(PLAIN_PICKLE);
    throw new MalformedCheckpoint(`${PLAIN_PICKLE} Here ${refusalOf(name, false)}`);
  },
};

function writtenBigEndian(machine: PythonValue): boolean {
  if (!(machine instanceof Map)) throw damagedPickle('lacks the description of the machine that wrote it');
  return machine.get('little_endian') === false;
}

/** Fills `positions`: where in the file each storage's values begin. */
function locateStorages(
  source: ByteSource,
  start: number,
  keys: PythonValue,
  storages: ReadonlyMap<string, TorchStorage>,
  positions: Map<string, number>,
): void {
  if (!Array.isArray(keys)) throw damagedPickle("lacks the list of the storages' keys");
  let position = start;
  for (const key of keys) {
    const storage = typeof key === 'string' ? storages.get(key) : undefined;
    if (typeof key !== 'string' || !storage || positions.has(key)) throw damagedPickle('lists a storage twice, or one that no tensor uses');
    const length = new DataView(source.read(position, 8).buffer).getBigInt64(0, true);
    if (length !== BigInt(storage.length))
      throw new MalformedCheckpoint(`the storage "${key}" has ${length.toString()} values; expected ${storage.length}.`);
    positions.set(key, position + 8);
    position += 8 + storage.byteLength;
    if (position > source.size) throw new MalformedCheckpoint(`it ends in the middle of its tensors (byte ${source.size}): it is cut off.`);
  }
  if (positions.size !== storages.size)
    throw new MalformedCheckpoint('it lacks the data of some of its tensors: it is cut off or damaged.');
}
