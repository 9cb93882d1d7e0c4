import { closeSync, readSync } from 'node:fs';
import { openRegularFile } from '../foundation/regular-file';
import { MalformedCheckpoint } from './malformed-checkpoint';

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
    const bytes = new Uint8Array(Buffer.allocUnsafeSlow(length).buffer);
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
