import { FileError } from '../../../data/data-error';
import { parseNpy } from '../../../data/npy';
import type { NpyArray } from '../../../data/npy-array';
import type { ArrayFile } from '../../../data/npz';
import { crc32 } from '../../../foundation/crc32';
import { messageOf, UserError } from '../../../foundation/errors';
import { excerpt } from '../../../foundation/text';

/** The most bytes that a file, and all of its arrays together, may take: a clip of a sign takes a thousandth of it. */
const MOST_BYTES = 64 * 1024 * 1024;
const MOST_ARRAYS = 100;

/** The records of a zip file (APPNOTE.TXT, 4.3) and where in them things stand. */
const END = { signature: 0x06054b50, size: 22, count: 10, start: 16 };
const CENTRAL = {
  signature: 0x02014b50,
  size: 46,
  flags: 8,
  method: 10,
  checksum: 16,
  packed: 20,
  unpacked: 24,
  name: 28,
  extra: 30,
  comment: 32,
  local: 42,
};
const LOCAL = { signature: 0x04034b50, size: 30, name: 26, extra: 28 };
const LONGEST_COMMENT = 65_535;

/** An array of a zip file before it is unpacked. */
interface Entry {
  readonly method: number;
  readonly checksum: number;
  readonly packed: number;
  readonly unpacked: number;
  readonly local: number;
}

/**
 * Opens an `.npz` in a browser, stored or deflated as NumPy does.
 * @throws FileError where it is no such file, or larger than any clip.
 */
export function openNpz(file: string, bytes: Uint8Array<ArrayBuffer>): ArrayFile {
  try {
    if (bytes.length > MOST_BYTES) throw new UserError(`${bytes.length} bytes (at most ${MOST_BYTES} are read)`);
    return new NpzInMemory(file, bytes, entriesOf(new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)));
  } catch (error) {
    if (!(error instanceof UserError || error instanceof RangeError)) throw error;
    throw new FileError(file, `it is no .npz that can be read: ${error instanceof RangeError ? 'it is cut off' : error.message}`, {
      cause: error,
    });
  }
}

function entriesOf(view: DataView): Map<string, Entry> {
  const end = endOfDirectory(view);
  const count = view.getUint16(end + END.count, true);
  if (count > MOST_ARRAYS) throw new UserError(`${count} arrays (at most ${MOST_ARRAYS} are read)`);
  const entries = new Map<string, Entry>();
  let at = view.getUint32(end + END.start, true);
  for (let left = count; left > 0; left--) {
    if (view.getUint32(at, true) !== CENTRAL.signature) throw new UserError('its directory is damaged');
    const number = (place: number): number => view.getUint32(at + place, true);
    const short = (place: number): number => view.getUint16(at + place, true);
    const name = new TextDecoder().decode(new Uint8Array(view.buffer, view.byteOffset + at + CENTRAL.size, short(CENTRAL.name)));
    if (short(CENTRAL.flags) & 1) throw new UserError('it is encrypted');
    if (name.endsWith('.npy')) {
      const sizes = { packed: number(CENTRAL.packed), unpacked: number(CENTRAL.unpacked), local: number(CENTRAL.local) };
      entries.set(name.slice(0, -'.npy'.length), { method: short(CENTRAL.method), checksum: number(CENTRAL.checksum), ...sizes });
    }
    at += CENTRAL.size + short(CENTRAL.name) + short(CENTRAL.extra) + short(CENTRAL.comment);
  }
  return entries;
}

function endOfDirectory(view: DataView): number {
  const first = Math.max(0, view.byteLength - END.size - LONGEST_COMMENT);
  for (let at = view.byteLength - END.size; at >= first; at--) if (view.getUint32(at, true) === END.signature) return at;
  throw new UserError('an .npz is a zip file of arrays, and this is none');
}

class NpzInMemory implements ArrayFile {
  readonly allowance = MOST_BYTES;
  private left = MOST_BYTES;

  constructor(
    readonly file: string,
    private readonly bytes: Uint8Array<ArrayBuffer>,
    private readonly entries: ReadonlyMap<string, Entry>,
  ) {}

  get keys(): string[] {
    return [...this.entries.keys()];
  }

  get contents(): string {
    return this.keys.map((key) => excerpt(key)).join(', ') || 'nothing';
  }

  has(key: string): boolean {
    return this.entries.has(key);
  }

  declaredBytes(key: string): number {
    return this.entries.get(key)?.unpacked ?? 0;
  }

  async read(key: string): Promise<NpyArray> {
    const entry = this.entries.get(key);
    if (entry === undefined) throw new FileError(this.file, `no array "${key}"; the file holds: ${this.contents}`);
    try {
      return parseNpy(await this.unpack(entry));
    } catch (error) {
      throw new FileError(this.file, `array "${excerpt(key)}": ${messageOf(error)}`, { cause: error });
    }
  }

  private async unpack({ method, checksum, packed, unpacked, local }: Entry): Promise<Uint8Array> {
    this.left -= unpacked;
    if (this.left < 0) throw new UserError(`it unpacks to more than ${MOST_BYTES} bytes: is it a clip?`);
    const header = new DataView(this.bytes.buffer, this.bytes.byteOffset + local, LOCAL.size);
    if (header.getUint32(0, true) !== LOCAL.signature) throw new UserError('it is damaged');
    const start = local + LOCAL.size + header.getUint16(LOCAL.name, true) + header.getUint16(LOCAL.extra, true);
    const content = this.bytes.subarray(start, start + packed);
    if (method !== 0 && method !== 8) throw new UserError(`it is packed in a way that is not read (${method}); save it with numpy.savez`);
    const array = method === 0 ? content : await inflated(content, unpacked);
    if (array.length !== unpacked || crc32(array) !== checksum) throw new UserError('it is damaged');
    return array;
  }
}

/** Unpacks so many bytes, and no more. */
async function inflated(packed: Uint8Array<ArrayBuffer>, size: number): Promise<Uint8Array> {
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream('deflate-raw'));
  const array = new Uint8Array(size);
  let filled = 0;
  for (const reader = stream.getReader(); ;) {
    const { done, value } = await reader.read();
    if (done) return array.subarray(0, filled);
    if (filled + value.length > size) throw new UserError('it unpacks to more than it declares');
    array.set(value, filled);
    filled += value.length;
  }
}
