/** How a field's value is stored (https://protobuf.dev/programming-guides/encoding/#structure). */
const VARINT = 0;
const LENGTH_DELIMITED = 2;
const FIXED_32 = 5;

/**
 * Writes a protocol buffer message field by field, each by its number in the message's definition. Messages within it are written in place, for a graph has
 * tens of thousands of them.
 */
export class MessageWriter {
  private buffer = Buffer.allocUnsafe(1 << 14);
  private length = 0;

  /** What has been written. */
  bytes(): Uint8Array {
    return this.buffer.subarray(0, this.length);
  }

  /** A whole number, also of an enum. */
  integer(field: number, value: number): void {
    this.tag(field, VARINT);
    this.varint(value);
  }

  truth(field: number, value: boolean): void {
    this.integer(field, value ? 1 : 0);
  }

  float(field: number, value: number): void {
    this.tag(field, FIXED_32);
    this.packedFloat(value);
  }

  text(field: number, value: string): void {
    this.within(field, () => {
      this.reserve(3 * value.length);
      this.length += this.buffer.write(value, this.length);
    });
  }

  content(field: number, value: Uint8Array): void {
    this.within(field, () => {
      this.reserve(value.length);
      this.buffer.set(value, this.length);
      this.length += value.length;
    });
  }

  /** Whole numbers, one behind the other. */
  integers(field: number, values: readonly number[]): void {
    this.within(field, () => {
      for (const value of values) this.varint(value);
    });
  }

  floats(field: number, values: readonly number[]): void {
    this.within(field, () => {
      for (const value of values) this.packedFloat(value);
    });
  }

  /** An entry of a map from names to what `value` writes as field 2. */
  entry(field: number, name: string, value: () => void): void {
    this.within(field, () => {
      this.text(1, name);
      value();
    });
  }

  /** A message, or other content, that `write` writes; its length goes before it. */
  within(field: number, write: () => void): void {
    this.tag(field, LENGTH_DELIMITED);
    this.reserve(1);
    const start = ++this.length; // Most lengths are below 128, and take this one byte.
    write();
    const size = this.length - start;
    const further = varintSize(size) - 1;
    if (further > 0) {
      this.reserve(further);
      this.buffer.copyWithin(start + further, start, this.length);
    }
    this.length = start - 1;
    this.varint(size);
    this.length += size;
  }

  private tag(field: number, kind: number): void {
    this.varint(8 * field + kind);
  }

  /** Seven bits a byte, the lowest first; a negative number is stored as 64 bits of its two's complement. */
  private varint(value: number): void {
    this.reserve(10);
    if (value < 0) {
      let rest = BigInt.asUintN(64, BigInt(value));
      for (; rest >= 128n; rest >>= 7n) this.buffer[this.length++] = Number(rest & 127n) | 128;
      this.buffer[this.length++] = Number(rest);
      return;
    }
    let rest = value;
    for (; rest >= 128; rest = Math.floor(rest / 128)) this.buffer[this.length++] = (rest % 128) | 128;
    this.buffer[this.length++] = rest;
  }

  private packedFloat(value: number): void {
    this.reserve(4);
    this.length = this.buffer.writeFloatLE(value, this.length);
  }

  private reserve(bytes: number): void {
    if (this.length + bytes <= this.buffer.length) return;
    const larger = Buffer.allocUnsafe(2 * (this.length + bytes));
    this.buffer.copy(larger); // All of it: where a length is written, what it is the length of stands behind it already.
    this.buffer = larger;
  }
}

function varintSize(value: number): number {
  let bytes = 1;
  for (let rest = value; rest >= 128; rest = Math.floor(rest / 128)) bytes++;
  return bytes;
}
