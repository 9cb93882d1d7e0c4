import { parseJson } from '../config/settings-file';
import { writeFileAtomically } from '../foundation/atomic-file';
import { UserError } from '../foundation/errors';
import { required } from '../foundation/required';
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

/** Whether a source begins as a safetensors file: the length of a JSON header that fits into it, then the header. */
export function isSafetensors(source: ByteSource): boolean {
  if (source.size < LENGTH_SIZE + 2) return false;
  const start = source.read(0, LENGTH_SIZE + 1);
  return start[LENGTH_SIZE] === OPENING_BRACE && headerLength(start) <= BigInt(source.size - LENGTH_SIZE);
}

/**
 * Reads a safetensors file (an 8-byte length, a JSON header, the tensors' bytes without a gap) as the dict that a checkpoint is: the tensors under `model`, and of
 * the metadata `config` and `args` (JSON), `epoch` and `best_metric`. Tensors are read when they are wanted.
 * @throws MalformedCheckpoint where the header and the file's bytes do not agree.
 */
export function readSafetensors(source: ByteSource): PythonDict {
  const length = Number(headerLength(source.read(0, LENGTH_SIZE)));
  if (length > LONGEST_HEADER) throw damaged(`its header has ${length} bytes, more than any model's`);
  const { __metadata__: metadata, ...entries } = parseHeader(Buffer.from(source.read(LENGTH_SIZE, length).buffer));
  const dataStart = LENGTH_SIZE + length;
  const places = Object.entries(entries).map(([name, entry]) => placeOf(name, entry));
  requireNoGaps(places, source.size - dataStart);
  const model = new PythonOrderedDict();
  for (const { name, dtype, shape, begin, end } of places) {
    const load = (): Uint8Array<ArrayBuffer> => toHostByteOrder(source.read(dataStart + begin, end - begin), itemSizeOf(dtype), false);
    const storage = new TorchStorage(dtype, (end - begin) / itemSizeOf(dtype), load);
    model.set(name, new TorchTensor(storage, 0, shape, contiguousStrides(shape)));
  }
  return new Map<PythonValue, PythonValue>([['model', model], ...metadataItems(metadata)]);
}

const LENGTH_SIZE = 8;
const OPENING_BRACE = 0x7b;
/** The same limit as that of the library that defines the format. */
const LONGEST_HEADER = 100_000_000;
const MOST_TENSORS = 100_000;
const PLACE_KEY = 'data_offsets';
const DEEPEST_NESTING = 64;

interface TensorPlace {
  readonly name: string;
  readonly dtype: Dtype;
  readonly shape: readonly number[];
  readonly begin: number;
  readonly end: number;
}

const DTYPE_OF_NAME = new Map(SAFETENSORS_NAMES.map(([dtype, name]) => [name, dtype]));

function headerLength(start: Uint8Array): bigint {
  return Buffer.from(start.buffer, start.byteOffset, LENGTH_SIZE).readBigUInt64LE(0);
}

function parseHeader(bytes: Buffer): Record<string, unknown> {
  refuseMany(bytes);
  const header = jsonOf(bytes.toString('utf8'), 'its header');
  if (!isRecord(header)) throw damaged('its header is no JSON object');
  return header;
}

/** Before anything is made of them: every tensor has its place, so there are no more tensors than mentions of one. */
function refuseMany(header: Buffer): void {
  let count = 0;
  for (let at = header.indexOf(PLACE_KEY); at !== -1; at = header.indexOf(PLACE_KEY, at + 1)) count++;
  if (count > MOST_TENSORS)
    throw new MalformedCheckpoint(`its header tells of ${count} tensors; at most ${MOST_TENSORS} are read, more than any model has.`);
}

function jsonOf(text: string, what: string): unknown {
  try {
    return parseJson(text, DEEPEST_NESTING);
  } catch (error) {
    if (error instanceof UserError) throw damaged(`${what} is no JSON that can be used (${error.message})`);
    throw error;
  }
}

function placeOf(name: string, entry: unknown): TensorPlace {
  if (name === '__proto__') throw new MalformedCheckpoint('it has a tensor named __proto__, which no honest checkpoint has.');
  const { dtype: dtypeName, shape, data_offsets: offsets } = isRecord(entry) ? entry : {};
  const dtype = typeof dtypeName === 'string' ? DTYPE_OF_NAME.get(dtypeName) : undefined;
  if (dtype === undefined)
    throw new MalformedCheckpoint(
      `the tensor "${name}" has the type ${shownName(dtypeName)}, which is not supported: convert it to float32 before saving.`,
    );
  const size = isCounts(shape) ? shape.reduce((product, axis) => product * axis, itemSizeOf(dtype)) : NaN;
  const [begin = NaN, end = NaN, ...more] = isCounts(offsets) ? offsets : [];
  if (!isCounts(shape) || !Number.isSafeInteger(size) || end - begin !== size || more.length > 0)
    throw damaged(`the shape and the place of the tensor "${name}" do not agree`);
  return { name, dtype, shape, begin, end };
}

/** Every byte belongs to one tensor: so nothing overlaps, and a name that came twice in the header leaves a gap. */
function requireNoGaps(places: readonly TensorPlace[], size: number): void {
  let expected = 0;
  for (const { name, begin, end } of places.toSorted((one, other) => one.begin - other.begin || one.end - other.end)) {
    if (begin !== expected) throw damaged(`the tensor "${name}" begins at byte ${begin} of the data, expected ${expected}`);
    expected = end;
  }
  if (expected !== size) throw damaged(`its tensors have ${expected} bytes, the file holds ${size}`);
}

function metadataItems(metadata: unknown): [string, PythonValue][] {
  if (metadata === undefined) return [];
  if (!isRecord(metadata)) throw damaged('its metadata is no object');
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

function shownName(name: unknown): string {
  return typeof name === 'string' ? JSON.stringify(name.slice(0, 20)) : 'none';
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isCounts(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((item) => Number.isSafeInteger(item) && Number(item) >= 0);
}

function damaged(what: string): MalformedCheckpoint {
  return new MalformedCheckpoint(`${what}: the safetensors file is cut off or damaged.`);
}

/**
 * Writes a safetensors file, atomically; equal content makes equal files. The widest numbers come first, so that each tensor lies at a multiple of its
 * numbers' size.
 * @param metadata texts by name, as `{ format: 'pt' }`.
 */
export function writeSafetensors(
  file: string,
  tensors: ReadonlyMap<string, TorchTensor>,
  metadata: Readonly<Record<string, string>>,
): void {
  const ordered = [...tensors].sort(([, one], [, other]) => itemSizeOf(other.dtype) - itemSizeOf(one.dtype));
  const names = new Map(SAFETENSORS_NAMES);
  let end = 0;
  const entries = ordered.map(([name, { dtype, shape, length }]): [string, unknown] => {
    const begin = end;
    end += length * itemSizeOf(dtype);
    return [name, { dtype: required(names.get(dtype), `the name of ${dtype}`), shape, data_offsets: [begin, end] }];
  });
  const json = Buffer.from(JSON.stringify(Object.fromEntries([['__metadata__', metadata], ...entries])));
  const header = Buffer.alloc(Math.ceil(json.length / ALIGNMENT) * ALIGNMENT, ' ');
  header.set(json);
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(header.length));
  writeFileAtomically(file, (append) => {
    append(length);
    append(header);
    for (const [, tensor] of ordered) {
      const values = tensor.values().slice();
      append(toHostByteOrder(new Uint8Array(values.buffer, values.byteOffset, values.byteLength), itemSizeOf(tensor.dtype), false));
    }
  });
}

const ALIGNMENT = 8;
