import { writeFileAtomically } from '../foundation/atomic-file';
import { required } from '../foundation/required';
import {
  beginsAsSafetensors,
  damaged,
  formatHeader,
  headerLength,
  jsonOf,
  LENGTH_SIZE,
  MalformedSafetensors,
  parseHeader,
  placeTensors,
} from '../foundation/safetensors';
import { type ByteSource, MalformedCheckpoint, toHostByteOrder } from './bytes';
import { type PythonDict, pythonFloat, PythonOrderedDict, type PythonValue } from './python-values';
import { contiguousStrides, type Dtype, itemSizeOf, TorchStorage, TorchTensor } from './tensor';

/** What safetensors calls each type of number. */
const SAFETENSORS_NAMES: readonly (readonly [Dtype, string])[] = [
  ['float64', 'F64'],
  ['float32', 'F32'],
  ['float16', 'F16'],
  ['bfloat16', 'BF16'],
  ['int64', 'I64'],
  ['int32', 'I32'],
  ['int16', 'I16'],
  ['int8', 'I8'],
  ['uint8', 'U8'],
  ['bool', 'BOOL'],
];

const DTYPE_OF_NAME = new Map(SAFETENSORS_NAMES.map(([dtype, name]) => [name, dtype]));
const ITEM_BYTES = new Map(SAFETENSORS_NAMES.map(([dtype, name]) => [name, itemSizeOf(dtype)]));
const MOST_TENSORS = 100_000;

/** Whether a source begins as a safetensors file: the length of a JSON header that fits into it, then the header. */
export function isSafetensors(source: ByteSource): boolean {
  return source.size > LENGTH_SIZE && beginsAsSafetensors(source.read(0, LENGTH_SIZE + 1), source.size);
}

/**
 * Reads a safetensors file as the dict that a checkpoint is: the tensors under `model`, and of the metadata `config` and `args` (JSON), `epoch` and `best_metric`.
 * Tensors are read when they are wanted.
 * @throws MalformedCheckpoint where the header and the file's bytes do not agree.
 */
export function readSafetensors(source: ByteSource): PythonDict {
  try {
    return dictOf(source);
  } catch (error) {
    throw error instanceof MalformedSafetensors ? new MalformedCheckpoint(error.message) : error;
  }
}

function dictOf(source: ByteSource): PythonDict {
  const length = headerLength(source.read(0, LENGTH_SIZE));
  const dataStart = LENGTH_SIZE + length;
  const header = Buffer.from(source.read(LENGTH_SIZE, length).buffer);
  const { tensors, metadata } = parseHeader(header, source.size - dataStart, ITEM_BYTES, MOST_TENSORS);
  const model = new PythonOrderedDict();
  for (const { name, type, shape, begin, end } of tensors) {
    const dtype = required(DTYPE_OF_NAME.get(type), `what ${type} is`);
    const load = (): Uint8Array<ArrayBuffer> => toHostByteOrder(source.read(dataStart + begin, end - begin), itemSizeOf(dtype), false);
    const storage = new TorchStorage(dtype, (end - begin) / itemSizeOf(dtype), load);
    model.set(name, new TorchTensor(storage, 0, shape, contiguousStrides(shape)));
  }
  return new Map<PythonValue, PythonValue>([['model', model], ...metadataItems(metadata)]);
}

function metadataItems(metadata: unknown): [string, PythonValue][] {
  if (metadata === undefined) return [];
  if (typeof metadata !== 'object' || metadata === null || Array.isArray(metadata)) throw damaged('its metadata is no object');
  return Object.entries(metadata).flatMap(([key, text]): [string, PythonValue][] => {
    if (typeof text !== 'string') throw damaged(`its metadata "${key}" is no text`);
    if (key === 'config' || key === 'args') return [[key, pythonFromJson(jsonOf(text, `its metadata "${key}"`))]];
    if (key === 'epoch') return [[key, Number(text)]];
    return key === 'best_metric' ? [[key, pythonFloat(Number(text))]] : [];
  });
}

function pythonFromJson(value: unknown): PythonValue {
  if (value === null || typeof value === 'boolean' || typeof value === 'string' || typeof value === 'number') return value;
  if (Array.isArray(value)) return value.map(pythonFromJson);
  return new Map(Object.entries(value as object).map(([key, item]) => [key, pythonFromJson(item)]));
}

/**
 * Writes a safetensors file, atomically; equal content makes equal files.
 * @param metadata texts by name, as `{ format: 'pt' }`.
 */
export function writeSafetensors(
  file: string,
  tensors: ReadonlyMap<string, TorchTensor>,
  metadata: Readonly<Record<string, string>>,
): void {
  const ordered = [...tensors].sort(([, one], [, other]) => itemSizeOf(other.dtype) - itemSizeOf(one.dtype));
  const names = new Map(SAFETENSORS_NAMES);
  const described = ordered.map(([name, { dtype, shape }]) => ({ name, type: required(names.get(dtype), `the name of ${dtype}`), shape }));
  const header = formatHeader(placeTensors(described, ITEM_BYTES), metadata);
  writeFileAtomically(file, (append) => {
    append(header);
    for (const [, tensor] of ordered) {
      const values = tensor.values().slice();
      append(toHostByteOrder(new Uint8Array(values.buffer, values.byteOffset, values.byteLength), itemSizeOf(tensor.dtype), false));
    }
  });
}
