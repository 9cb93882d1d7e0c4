import { crc32, deflateRawSync } from 'node:zlib';

/** Numbers of the zip file format (PKWARE APPNOTE 6.3.10) that its reader and writer share. */
export const LOCAL_HEADER = { signature: 0x04034b50, size: 30 } as const;
export const CENTRAL_HEADER = { signature: 0x02014b50, size: 46 } as const;
export const END_RECORD = { signature: 0x06054b50, size: 22 } as const;
export const ZIP64_END_RECORD = { signature: 0x06064b50, size: 56 } as const;
export const ZIP64_LOCATOR = { signature: 0x07064b50, size: 20 } as const;

/** The extra field that holds 64-bit sizes and offsets. */
export const ZIP64_EXTRA = 0x0001;
/** The extra field PyTorch pads with, `FB` in the file. */
const PADDING_EXTRA = 0x4246;

/** A 32-bit field of this value means: see the zip64 record. */
export const SEE_ZIP64_32 = 0xffffffff;
export const SEE_ZIP64_16 = 0xffff;

/** The version that a reader needs for stored entries, and for zip64. */
const VERSION_STORED = 20;
const VERSION_ZIP64 = 45;

/** General purpose flag. */
const FLAG_UTF8_NAMES = 0x0800;

/** The first of January 1980 in MS-DOS form: entries bear no date, so that equal content makes equal files. */
const NO_DATE = 0x0021;

/** Where every entry's data begins is a multiple of this, as PyTorch's own writer does it, so that a reader can map it into memory. */
export const DATA_ALIGNMENT = 64;

/** Writes a zip file in one pass and without holding its entries' bytes. Zip64 where a size, offset or count needs it. */
export class ZipWriter {
  private readonly entries: WrittenEntry[] = [];
  private position = 0;

  /**
   * @param append takes the file's bytes, in order.
   * @param alignment where every entry's data begins is a multiple of it.
   */
  constructor(
    private readonly append: (bytes: Uint8Array) => void,
    private readonly alignment: number = DATA_ALIGNMENT,
  ) {}

  /** Appends one entry, stored as it is or deflated. */
  add(name: string, data: Uint8Array, method: 'store' | 'deflate' = 'store'): void {
    const packed = method === 'store' ? data : deflateRawSync(data);
    const entry = {
      name: Buffer.from(name),
      method: METHODS[method],
      size: data.length,
      packedSize: packed.length,
      checksum: crc32(data),
      headerAt: this.position,
    };
    this.emit(localHeader(entry, this.alignment));
    this.emit(packed);
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

/** The numbers of the ways to pack an entry. */
const METHODS = { store: 0, deflate: 8 } as const;

interface WrittenEntry {
  readonly name: Buffer;
  readonly method: number;
  readonly size: number;
  readonly packedSize: number;
  readonly checksum: number;
  readonly headerAt: number;
}

function localHeader(entry: WrittenEntry, alignment: number): Buffer {
  const wide = needsZip64(entry);
  const sizes = wide ? zip64Extra([entry.size, entry.packedSize]) : Buffer.alloc(0);
  const padding = paddingExtra(entry.headerAt + LOCAL_HEADER.size + entry.name.length + sizes.length, alignment);

  const header = Buffer.alloc(LOCAL_HEADER.size);
  header.writeUInt32LE(LOCAL_HEADER.signature, 0);
  header.writeUInt16LE(wide ? VERSION_ZIP64 : VERSION_STORED, 4);
  header.writeUInt16LE(FLAG_UTF8_NAMES, 6);
  header.writeUInt16LE(entry.method, 8);
  header.writeUInt16LE(NO_DATE, 12);
  header.writeUInt32LE(entry.checksum, 14);
  header.writeUInt32LE(wide ? SEE_ZIP64_32 : entry.packedSize, 18);
  header.writeUInt32LE(wide ? SEE_ZIP64_32 : entry.size, 22);
  header.writeUInt16LE(entry.name.length, 26);
  header.writeUInt16LE(sizes.length + padding.length, 28);
  return Buffer.concat([header, entry.name, sizes, padding]);
}

function centralHeader(entry: WrittenEntry): Buffer {
  const wideSize = needsZip64(entry);
  const wideOffset = entry.headerAt >= SEE_ZIP64_32;
  const extra = zip64Extra([...(wideSize ? [entry.size, entry.packedSize] : []), ...(wideOffset ? [entry.headerAt] : [])]);
  const header = Buffer.alloc(CENTRAL_HEADER.size);
  header.writeUInt32LE(CENTRAL_HEADER.signature, 0);
  header.writeUInt16LE(VERSION_ZIP64, 4);
  header.writeUInt16LE(extra.length > 0 ? VERSION_ZIP64 : VERSION_STORED, 6);
  header.writeUInt16LE(FLAG_UTF8_NAMES, 8);
  header.writeUInt16LE(entry.method, 10);
  header.writeUInt16LE(NO_DATE, 14);
  header.writeUInt32LE(entry.checksum, 16);
  header.writeUInt32LE(wideSize ? SEE_ZIP64_32 : entry.packedSize, 20);
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

function needsZip64({ size, packedSize }: WrittenEntry): boolean {
  return Math.max(size, packedSize) >= SEE_ZIP64_32;
}

/** The extra field after which data begins at a multiple of the alignment; none where any place will do. */
function paddingExtra(unpadded: number, alignment: number): Buffer {
  if (alignment === 1) return Buffer.alloc(0);
  const over = (unpadded + EXTRA_HEADER_SIZE) % alignment;
  const padding = Buffer.alloc(EXTRA_HEADER_SIZE + ((alignment - over) % alignment), 'Z');
  padding.writeUInt16LE(PADDING_EXTRA, 0);
  padding.writeUInt16LE(padding.length - EXTRA_HEADER_SIZE, 2);
  return padding;
}

const EXTRA_HEADER_SIZE = 4;
