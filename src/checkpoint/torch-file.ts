import { endianness } from 'node:os';
import path from 'node:path';
import { replaceFile } from '../foundation/atomic-file';
import { foreignFile } from '../foundation/foreign-file';
import { FileSource, type ByteSource } from './bytes';
import { MalformedCheckpoint, namingFile } from './malformed-checkpoint';
import { pickleWithStorages } from './pickle-write';
import type { PythonValue } from './python-values';
import { isSafetensors, readSafetensors } from './safetensors';
import { readTorchArchive } from './torch-archive';
import { PLAIN_PICKLE, readTorchStream } from './torch-stream';
import { ZipWriter } from '../foundation/zip-write';

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
  const { pickle, storages } = pickleWithStorages(value);
  const folder = archiveName(file);
  replaceFile(file, (append) => {
    const zip = new ZipWriter(append);
    zip.add(`${folder}/data.pkl`, pickle);
    zip.add(`${folder}/byteorder`, Buffer.from(endianness() === 'LE' ? 'little' : 'big'));
    storages.forEach((storage, key) => {
      zip.add(`${folder}/data/${key}`, storage.bytes());
    });
    zip.add(`${folder}/version`, Buffer.from('3\n'));
    zip.finish();
  });
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
