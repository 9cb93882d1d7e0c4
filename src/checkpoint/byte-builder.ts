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
