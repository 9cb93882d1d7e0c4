import { type ByteSource, MemorySource, ByteCursor, toHostByteOrder } from './bytes';
import { itemSizeOf, type Dtype } from './dtype';
import { MalformedCheckpoint } from './malformed-checkpoint';
import { readPickle } from './pickle-read';
import type { PythonValue } from './python-values';
import { TorchStorage } from './tensor';
import { TorchMeaning, type StorageReference } from './torch-meaning';
import { readZipDirectory, readZipEntry, type StoredEntry } from './zip-read';

/** Reads the zip form, PyTorch's own since 1.6: `<name>/data.pkl` refers to `<name>/data/<key>`. Tensors are read when they are wanted. */
export function readTorchArchive(source: ByteSource): PythonValue {
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
