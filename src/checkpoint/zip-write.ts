import { crc32 } from 'node:zlib';
import {
  CENTRAL_HEADER,
  END_RECORD,
  FLAG_UTF8_NAMES,
  LOCAL_HEADER,
  NO_DATE,
  PADDING_EXTRA,
  SEE_ZIP64_16,
  SEE_ZIP64_32,
  VERSION_STORED,
  VERSION_ZIP64,
  ZIP64_END_RECORD,
  ZIP64_EXTRA,
  ZIP64_LOCATOR,
} from './zip-read';

/** Where every entry's data begins is a multiple of this, as PyTorch's own writer does it, so that a reader can map it into memory. */
export const DATA_ALIGNMENT = 64;

/** Writes a zip file of uncompressed, aligned entries, in one pass and without holding their bytes. Zip64 where a size, offset or count needs it. */
export class StoredZipWriter {
  private readonly entries: WrittenEntry[] = [];
  private position = 0;

  /** @param append takes the file's bytes, in order. */
  constructor(private readonly append: (bytes: Uint8Array) => void) {}

  /** Appends one entry. */
  add(name: string, data: Uint8Array): void {
    const entry = { name: Buffer.from(name), size: data.length, checksum: crc32(data), headerAt: this.position };
    this.emit(localHeader(entry));
    this.emit(data);
    this.entries.push(entry);
  }

  /** Writes the directory that ends the file. */
  finish(): void {
    const directoryAt = this.position;
    for (const entry of this.entries) this.emit(centralHeader(entry));
    this.emit(endOfDirectory(this.entries.length, directoryAt, this.position - directoryAt));
  }

  private emit(bytes: Uint8Array): void {
    this.append(bytes);
    this.position += bytes.length;
  }
}

interface WrittenEntry {
  readonly name: Buffer;
  readonly size: number;
  readonly checksum: number;
  readonly headerAt: number;
}

function localHeader(entry: WrittenEntry): Buffer {
  const wide = entry.size >= SEE_ZIP64_32;
  const sizes = wide ? zip64Extra([entry.size, entry.size]) : Buffer.alloc(0);
  const unpadded = LOCAL_HEADER.size + entry.name.length + sizes.length + EXTRA_HEADER_SIZE;
  const padding = Buffer.alloc(EXTRA_HEADER_SIZE + paddingTo(entry.headerAt + unpadded), 'Z');
  padding.writeUInt16LE(PADDING_EXTRA, 0);
  padding.writeUInt16LE(padding.length - EXTRA_HEADER_SIZE, 2);

  const header = Buffer.alloc(LOCAL_HEADER.size);
  header.writeUInt32LE(LOCAL_HEADER.signature, 0);
  header.writeUInt16LE(wide ? VERSION_ZIP64 : VERSION_STORED, 4);
  header.writeUInt16LE(FLAG_UTF8_NAMES, 6);
  header.writeUInt16LE(NO_DATE, 12);
  header.writeUInt32LE(entry.checksum, 14);
  header.writeUInt32LE(wide ? SEE_ZIP64_32 : entry.size, 18);
  header.writeUInt32LE(wide ? SEE_ZIP64_32 : entry.size, 22);
  header.writeUInt16LE(entry.name.length, 26);
  header.writeUInt16LE(sizes.length + padding.length, 28);
  return Buffer.concat([header, entry.name, sizes, padding]);
}

function centralHeader(entry: WrittenEntry): Buffer {
  const wideSize = entry.size >= SEE_ZIP64_32;
  const wideOffset = entry.headerAt >= SEE_ZIP64_32;
  const extra = zip64Extra([...(wideSize ? [entry.size, entry.size] : []), ...(wideOffset ? [entry.headerAt] : [])]);
  const header = Buffer.alloc(CENTRAL_HEADER.size);
  header.writeUInt32LE(CENTRAL_HEADER.signature, 0);
  header.writeUInt16LE(VERSION_ZIP64, 4);
  header.writeUInt16LE(extra.length > 0 ? VERSION_ZIP64 : VERSION_STORED, 6);
  header.writeUInt16LE(FLAG_UTF8_NAMES, 8);
  header.writeUInt16LE(NO_DATE, 14);
  header.writeUInt32LE(entry.checksum, 16);
  header.writeUInt32LE(wideSize ? SEE_ZIP64_32 : entry.size, 20);
  header.writeUInt32LE(wideSize ? SEE_ZIP64_32 : entry.size, 24);
  header.writeUInt16LE(entry.name.length, 28);
  header.writeUInt16LE(extra.length, 30);
  header.writeUInt32LE(wideOffset ? SEE_ZIP64_32 : entry.headerAt, 42);
  return Buffer.concat([header, entry.name, extra]);
}

function endOfDirectory(count: number, directoryAt: number, directorySize: number): Buffer {
  const wide = count >= SEE_ZIP64_16 || directoryAt >= SEE_ZIP64_32 || directorySize >= SEE_ZIP64_32;
  const end = Buffer.alloc(END_RECORD.size);
  end.writeUInt32LE(END_RECORD.signature, 0);
  end.writeUInt16LE(wide ? SEE_ZIP64_16 : count, 8);
  end.writeUInt16LE(wide ? SEE_ZIP64_16 : count, 10);
  end.writeUInt32LE(wide ? SEE_ZIP64_32 : directorySize, 12);
  end.writeUInt32LE(wide ? SEE_ZIP64_32 : directoryAt, 16);
  return wide ? Buffer.concat([zip64End(count, directoryAt, directorySize), end]) : end;
}

function zip64End(count: number, directoryAt: number, directorySize: number): Buffer {
  const record = Buffer.alloc(ZIP64_END_RECORD.size + ZIP64_LOCATOR.size);
  record.writeUInt32LE(ZIP64_END_RECORD.signature, 0);
  record.writeBigUInt64LE(BigInt(ZIP64_END_RECORD.size - 12), 4);
  record.writeUInt16LE(VERSION_ZIP64, 12);
  record.writeUInt16LE(VERSION_ZIP64, 14);
  record.writeBigUInt64LE(BigInt(count), 24);
  record.writeBigUInt64LE(BigInt(count), 32);
  record.writeBigUInt64LE(BigInt(directorySize), 40);
  record.writeBigUInt64LE(BigInt(directoryAt), 48);
  record.writeUInt32LE(ZIP64_LOCATOR.signature, ZIP64_END_RECORD.size);
  record.writeBigUInt64LE(BigInt(directoryAt + directorySize), ZIP64_END_RECORD.size + 8);
  record.writeUInt32LE(1, ZIP64_END_RECORD.size + 16);
  return record;
}

/** The zip64 extra field of these 64-bit values, nothing for none. */
function zip64Extra(values: readonly number[]): Buffer {
  if (values.length === 0) return Buffer.alloc(0);
  const extra = Buffer.alloc(EXTRA_HEADER_SIZE + 8 * values.length);
  extra.writeUInt16LE(ZIP64_EXTRA, 0);
  extra.writeUInt16LE(8 * values.length, 2);
  values.forEach((value, index) => extra.writeBigUInt64LE(BigInt(value), EXTRA_HEADER_SIZE + 8 * index));
  return extra;
}

function paddingTo(position: number): number {
  return (DATA_ALIGNMENT - (position % DATA_ALIGNMENT)) % DATA_ALIGNMENT;
}

const EXTRA_HEADER_SIZE = 4;
