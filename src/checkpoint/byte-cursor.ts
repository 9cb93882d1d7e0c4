import type { ByteSource } from './byte-source';
import { MalformedCheckpoint } from './malformed-checkpoint';

/** Reads a source from a position onwards, a window at a time, so that what follows a pickle in a large file is left alone. */
export class ByteCursor {
  private window = new Uint8Array(0);
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
    this.reach(1);
    return this.window[this.offset++] ?? 0;
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
    this.window = this.source.read(position, Math.min(available, Math.max(length, WINDOW)));
    this.windowStart = position;
    this.offset = 0;
  }
}

const LINE_FEED = 0x0a;
const WINDOW = 65_536;
