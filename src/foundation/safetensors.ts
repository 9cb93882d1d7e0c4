/**
 * The safetensors format (https://github.com/huggingface/safetensors#format): the length of a header in 8 bytes, the header in JSON, then the tensors' bytes without a
 * gap, little-endian and in C order. What the tensors mean is the matter of whoever reads or writes them: weights of a model, clips of a set.
 */
import { UserError } from './errors';
import { parseJson } from './json';
import { required } from './required';

/** Bytes before the header: its length. */
export const LENGTH_SIZE = 8;

/** A tensor as a header describes it, its place counted from the end of the header. */
export interface StoredTensor {
  readonly name: string;
  /** As `F32`. */
  readonly type: string;
  readonly shape: readonly number[];
  readonly begin: number;
  readonly end: number;
}

/** What is known of a file from its header. */
interface SafetensorsHeader {
  /** In the header's order. */
  readonly tensors: readonly StoredTensor[];
  /** Texts by name, as the format has it; unchecked. */
  readonly metadata: unknown;
}

/** A header that contradicts itself or the file; the message does not name the file. */
export class MalformedSafetensors extends UserError {}

const OPENING_BRACE = 0x7b;
/** The same limit as that of the library that defines the format. */
const LONGEST_HEADER = 100_000_000;
const PLACE_KEY = 'data_offsets';
const METADATA_KEY = '__metadata__';
const DEEPEST_NESTING = 64;
const ALIGNMENT = 8;

/**
 * Whether a file begins as a safetensors file: the length of a header that fits into it, then the header.
 * @param start its first nine bytes.
 */
export function beginsAsSafetensors(start: Uint8Array, fileSize: number): boolean {
  if (start.length <= LENGTH_SIZE || fileSize < LENGTH_SIZE + 2) return false;
  return start[LENGTH_SIZE] === OPENING_BRACE && lengthAt(start) <= BigInt(fileSize - LENGTH_SIZE);
}

/**
 * How long the header is, in bytes.
 * @param start the file's first eight bytes.
 * @throws MalformedSafetensors where no honest file has one so long.
 */
export function headerLength(start: Uint8Array): number {
  const length = Number(lengthAt(start));
  if (length > LONGEST_HEADER) throw damaged(`its header has ${length} bytes, more than safetensors allows`);
  return length;
}

function lengthAt(start: Uint8Array): bigint {
  return Buffer.from(start.buffer, start.byteOffset, LENGTH_SIZE).readBigUInt64LE(0);
}

/**
 * Reads a header and holds it against the size of the data behind it: every byte belongs to one tensor.
 * @param itemBytes bytes of a number of each type; others are refused.
 * @throws MalformedSafetensors where header and data do not agree, or there are more than `mostTensors`.
 */
export function parseHeader(
  header: Buffer,
  dataSize: number,
  itemBytes: ReadonlyMap<string, number>,
  mostTensors: number,
): SafetensorsHeader {
  refuseMany(header, mostTensors);
  const parsed = jsonOf(header.toString('utf8'), 'its header');
  if (!isRecord(parsed)) throw damaged('its header is no JSON object');
  const tensors: StoredTensor[] = [];
  for (const [name, entry] of Object.entries(parsed)) if (name !== METADATA_KEY) tensors.push(tensorAt(name, entry, itemBytes));
  requireNoGaps(tensors, dataSize);
  return { tensors, metadata: parsed[METADATA_KEY] };
}

/** Before anything is made of them: every tensor has its place, so there are no more tensors than mentions of one. */
function refuseMany(header: Buffer, most: number): void {
  let count = 0;
  for (let at = header.indexOf(PLACE_KEY); at !== -1; at = header.indexOf(PLACE_KEY, at + 1)) count++;
  if (count > most)
    throw new MalformedSafetensors(`its header tells of ${count} tensors; at most ${most} are read, more than any model has.`);
}

/** The value of a JSON text of the header. @throws MalformedSafetensors that says `what` is none. */
export function jsonOf(text: string, what: string): unknown {
  try {
    return parseJson(text, DEEPEST_NESTING);
  } catch (error) {
    if (error instanceof UserError) throw damaged(`${what} is no JSON that can be used (${error.message})`);
    throw error;
  }
}

function tensorAt(name: string, entry: unknown, itemBytes: ReadonlyMap<string, number>): StoredTensor {
  if (name === '__proto__') throw new MalformedSafetensors('it has a tensor named __proto__, which no honest file has.');
  const { dtype: type, shape, data_offsets: offsets } = isRecord(entry) ? entry : {};
  const bytes = typeof type === 'string' ? itemBytes.get(type) : undefined;
  if (typeof type !== 'string' || bytes === undefined)
    throw new MalformedSafetensors(
      `the tensor "${name}" has the type ${shownName(type)}, which is not supported: convert it to float32 before saving.`,
    );
  const size = isCounts(shape) ? shape.reduce((product, axis) => product * axis, bytes) : NaN;
  const [begin = NaN, end = NaN, ...more] = isCounts(offsets) ? offsets : [];
  if (!isCounts(shape) || !Number.isSafeInteger(size) || end - begin !== size || more.length > 0)
    throw damaged(`the shape and the place of the tensor "${name}" do not agree`);
  return { name, type, shape, begin, end };
}

/** Every byte belongs to one tensor: so nothing overlaps, and a name that came twice in the header leaves a gap. */
function requireNoGaps(tensors: readonly StoredTensor[], size: number): void {
  let expected = 0;
  const isInOrder = tensors.every(({ begin }, place) => place === 0 || begin === tensors[place - 1]?.end);
  const inOrder = isInOrder ? tensors : tensors.toSorted((one, other) => one.begin - other.begin || one.end - other.end);
  for (const { name, begin, end } of inOrder) {
    if (begin !== expected) throw damaged(`the tensor "${name}" begins at byte ${begin} of the data, expected ${expected}`);
    expected = end;
  }
  if (expected !== size) throw damaged(`its tensors have ${expected} bytes, the file holds ${size}`);
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

/** What is said of a file whose parts contradict each other. */
export function damaged(what: string): MalformedSafetensors {
  return new MalformedSafetensors(`${what}: the safetensors file is cut off or damaged.`);
}

/**
 * Gives tensors their places: those of the widest numbers first, so that each lies at a multiple of its numbers' size; of equal ones in the order given.
 * @returns them in the order given.
 */
export function placeTensors(
  tensors: readonly Omit<StoredTensor, 'begin' | 'end'>[],
  itemBytes: ReadonlyMap<string, number>,
): StoredTensor[] {
  const bytesOf = ({ type }: { readonly type: string }): number => required(itemBytes.get(type), `the bytes of a number of type ${type}`);
  const places = new Map<object, number>();
  let end = 0;
  for (const tensor of tensors.toSorted((one, other) => bytesOf(other) - bytesOf(one))) {
    places.set(tensor, end);
    end += tensor.shape.reduce((product, axis) => product * axis, bytesOf(tensor));
  }
  return tensors.map((tensor) => {
    const begin = required(places.get(tensor), `the place of the tensor ${tensor.name}`);
    return { ...tensor, begin, end: begin + tensor.shape.reduce((product, axis) => product * axis, bytesOf(tensor)) };
  });
}

/**
 * What a file begins with: the header's length and the header, filled up so that the data lies at a multiple of 8 bytes.
 * @throws UserError where it is longer than the format allows.
 */
export function formatHeader(tensors: readonly StoredTensor[], metadata: Readonly<Record<string, string>>): Buffer {
  const entries = tensors.map(({ name, type, shape, begin, end }): [string, unknown] => [
    name,
    { dtype: type, shape, data_offsets: [begin, end] },
  ]);
  const json = Buffer.from(JSON.stringify(Object.fromEntries([[METADATA_KEY, metadata], ...entries])));
  const length = Math.ceil(json.length / ALIGNMENT) * ALIGNMENT;
  if (length > LONGEST_HEADER)
    throw new UserError(`${tensors.length} arrays have a header of ${length} bytes; safetensors allows ${LONGEST_HEADER}`);
  const bytes = Buffer.alloc(LENGTH_SIZE + length, ' ');
  bytes.writeBigUInt64LE(BigInt(length));
  bytes.set(json, LENGTH_SIZE);
  return bytes;
}
