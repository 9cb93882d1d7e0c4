import { ByteCursor, toHostByteOrder, type ByteSource } from './bytes';
import { itemSizeOf } from './dtype';
import { MalformedCheckpoint } from './malformed-checkpoint';
import { readPickle, type PickleMeaning } from './pickle-read';
import { damagedPickle } from './pickle-instructions';
import type { PythonValue } from './python-values';
import { TorchStorage } from './tensor';
import { refusalOf } from './allowed-names';
import { isAllowedName, TorchMeaning } from './torch-meaning';

/**
 * Reads the form that PyTorch wrote before 1.6: five pickles in a row (a magic number, the protocol, the writer's machine, the value, the storages' keys), then the
 * storages one after the other, each behind the number of its values.
 */
export function readTorchStream(source: ByteSource): PythonValue {
  if (!Buffer.from(source.read(0, Math.min(source.size, LONGEST_START))).includes(MAGIC_BYTES)) refuseNewProtocol(source);
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
export const PLAIN_PICKLE =
  "it is a Python pickle, but not one that torch.save wrote: pickle.dump or joblib did. In Python, load it as it was written and save it again: torch.save(pickle.load(open(file, 'rb')), 'weights.pt').";

const MAGIC = 0x1950a86a20f9469cfc6cn;
const MAGIC_BYTES = Buffer.from('6cfc9c46f9206aa85019', 'hex');
/** The first pickle, a number alone, is shorter in every protocol. */
const LONGEST_START = 32;
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
