import { closeSync, readSync } from 'node:fs';
import { endianness } from 'node:os';
import { UserError } from '../foundation/errors';
import { bytesToFill } from '../foundation/large-memory';
import { openRegularFile } from '../foundation/regular-file';
import { elementAt } from '../foundation/required';
import { printableLine } from '../foundation/text';

/** Bytes that can be read at any position. */
export interface ByteSource {
  readonly size: number;
  /**
   * A copy of `length` bytes from `position` on, at the start of a buffer of its own.
   * @throws MalformedCheckpoint where they reach past the end.
   */
  read(position: number, length: number): Uint8Array<ArrayBuffer>;
}

/** An open file; {@link FileSource.close} it. */
export class FileSource implements ByteSource {
  readonly size: number;
  private readonly descriptor: number;

  /** @throws UserError when there is no such file, it cannot be read, or it is none. */
  constructor(file: string) {
    const { descriptor, size } = openRegularFile(file);
    this.descriptor = descriptor;
    this.size = size;
  }

  read(position: number, length: number): Uint8Array<ArrayBuffer> {
    requireInside(this.size, position, length);
    const bytes = bytesToFill(length);
    for (let filled = 0; filled < length;) {
      const count = readSync(this.descriptor, bytes, filled, Math.min(length - filled, LARGEST_READ), position + filled);
      if (count === 0) throw new MalformedCheckpoint('the file became shorter while it was being read.');
      filled += count;
    }
    return bytes;
  }

  close(): void {
    closeSync(this.descriptor);
  }
}

/** Bytes that are at hand. */
export class MemorySource implements ByteSource {
  readonly size: number;

  constructor(private readonly bytes: Uint8Array) {
    this.size = bytes.length;
  }

  read(position: number, length: number): Uint8Array<ArrayBuffer> {
    requireInside(this.size, position, length);
    return new Uint8Array(this.bytes.subarray(position, position + length));
  }
}

/** One system call reads less than 2 GiB. */
const LARGEST_READ = 2 ** 30;

function requireInside(size: number, position: number, length: number): void {
  if (!Number.isSafeInteger(position) || !Number.isSafeInteger(length) || position < 0 || length < 0 || position + length > size)
    throw new MalformedCheckpoint(`it points at bytes ${position} to ${position + length}, but has ${size}: it is cut off or damaged.`);
}

/** Reads a source from a position onwards, a window at a time, so that what follows a pickle in a large file is left alone. */
export class ByteCursor {
  private window: Buffer<ArrayBuffer> = Buffer.alloc(0);
  private windowStart: number;
  private offset = 0;

  constructor(
    private readonly source: ByteSource,
    start = 0,
  ) {
    this.windowStart = start;
  }

  /** Where the next byte is read from. */
  get position(): number {
    return this.windowStart + this.offset;
  }

  /** @throws MalformedCheckpoint at the end of the source, as all that read here. */
  byte(): number {
    if (this.offset === this.window.length) this.reach(1);
    return elementAt(this.window, this.offset++);
  }

  /** Four bytes, little-endian. */
  uint32(): number {
    this.reach(4);
    this.offset += 4;
    return this.window.readUInt32LE(this.offset - 4);
  }

  /** The next `length` bytes as text. */
  text(length: number, encoding: 'utf8' | 'latin1'): string {
    this.reach(length);
    this.offset += length;
    return this.window.toString(encoding, this.offset - length, this.offset);
  }

  /** The next `length` bytes; they are valid until the next read. */
  bytes(length: number): Uint8Array<ArrayBuffer> {
    this.reach(length);
    this.offset += length;
    return this.window.subarray(this.offset - length, this.offset);
  }

  /** Up to `length` of the bytes that come next, which stay unread. */
  peek(length: number): Uint8Array {
    const reachable = Math.min(length, this.source.size - this.position);
    this.reach(reachable);
    return this.window.subarray(this.offset, this.offset + reachable);
  }

  /** The next `length` bytes for a DataView's methods; valid until the next read. */
  view(length: number): DataView {
    const bytes = this.bytes(length);
    return new DataView(bytes.buffer, bytes.byteOffset, length);
  }

  /** The text up to the next line feed, which is dropped; one byte a character. */
  line(longest: number): string {
    const start = this.position;
    let text = '';
    for (let byte = this.byte(); byte !== LINE_FEED; byte = this.byte()) {
      if (text.length === longest) throw new MalformedCheckpoint(`the pickle has a line of over ${longest} characters at byte ${start}.`);
      text += String.fromCharCode(byte);
    }
    return text;
  }

  /** Makes the window hold the next `length` bytes. */
  private reach(length: number): void {
    if (this.offset + length <= this.window.length) return;
    const { position } = this;
    const available = this.source.size - position;
    if (length > available)
      throw new MalformedCheckpoint(`it ends in the middle of a value (byte ${this.source.size}): it is cut off or damaged.`);
    this.window = Buffer.from(this.source.read(position, Math.min(available, Math.max(length, WINDOW))).buffer);
    this.windowStart = position;
    this.offset = 0;
  }
}

const LINE_FEED = 0x0a;
const WINDOW = 65_536;

/** Bytes that grow as they are appended to. */
export class ByteBuilder {
  private buffer = Buffer.alloc(4096);
  private length = 0;

  /** The bytes so far. */
  finish(): Uint8Array {
    return this.buffer.subarray(0, this.length);
  }

  byte(value: number): void {
    const at = this.grow(1);
    this.buffer.writeUInt8(value, at);
  }

  uint16(value: number): void {
    const at = this.grow(2);
    this.buffer.writeUInt16LE(value, at);
  }

  int32(value: number): void {
    const at = this.grow(4);
    this.buffer.writeInt32LE(value, at);
  }

  uint32(value: number): void {
    const at = this.grow(4);
    this.buffer.writeUInt32LE(value, at);
  }

  /** Big-endian, as pickles hold floats. */
  float64(value: number): void {
    const at = this.grow(8);
    this.buffer.writeDoubleBE(value, at);
  }

  bytes(bytes: Uint8Array): void {
    const at = this.grow(bytes.length);
    this.buffer.set(bytes, at);
  }

  private grow(length: number): number {
    const at = this.length;
    this.length += length;
    if (this.length > this.buffer.length) {
      const larger = Buffer.alloc(Math.max(2 * this.buffer.length, this.length));
      larger.set(this.buffer);
      this.buffer = larger;
    }
    return at;
  }
}

/** Turns values of `itemSize` bytes from the byte order of a file to this machine's, in place. */
export function toHostByteOrder<Bytes extends Uint8Array>(bytes: Bytes, itemSize: 1 | 2 | 4 | 8, bigEndian: boolean): Bytes {
  if (bigEndian === (endianness() === 'BE')) return bytes;
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (itemSize === 2) buffer.swap16();
  else if (itemSize === 4) buffer.swap32();
  else if (itemSize === 8) buffer.swap64();
  return bytes;
}

/** What is wrong inside a checkpoint, without the file's name: `readTorchFile` puts that in front. */
export class MalformedCheckpoint extends UserError {
  override readonly name = 'MalformedCheckpoint';

  constructor(message: string) {
    super(printable(message));
  }
}

/** A message that quotes a file's content as one line of bounded length, without the control characters that a hostile file may carry to a terminal. */
export function printable(message: string): string {
  const line = printableLine(message);
  return line.length > LONGEST_MESSAGE ? `${line.slice(0, LONGEST_MESSAGE)}…` : line;
}

const LONGEST_MESSAGE = 4000;

/** Runs `read`; a {@link MalformedCheckpoint} it throws becomes a UserError that begins with the file's name. */
export function namingFile<Result>(file: string, read: () => Result): Result {
  try {
    return read();
  } catch (error) {
    if (error instanceof MalformedCheckpoint) throw new UserError(`${file}: ${error.message}`, { cause: error });
    throw error;
  }
}
