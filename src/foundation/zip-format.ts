import { joinedBytes } from './joined-bytes';

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
/** What the padding is of: `Z`. */
const PADDING = 0x5a;

/** A 32-bit field of this value means: see the zip64 record. */
export const SEE_ZIP64_32 = 0xffffffff;
export const SEE_ZIP64_16 = 0xffff;

/** The version that a reader needs for stored entries, and for zip64. */
const VERSION_STORED = 20;
const VERSION_ZIP64 = 45;

const LONGEST_NAME = 0xffff;

/** General purpose flag. */
const FLAG_UTF8_NAMES = 0x0800;

/** The first of January 1980 in MS-DOS form: entries bear no date, so that equal content makes equal files. */
const NO_DATE = 0x0021;

/** Where every entry's data begins is a multiple of this, as PyTorch's own writer does it, so that a reader can map it into memory. */
export const DATA_ALIGNMENT = 64;

/** An entry's bytes as they go into a zip file. */
interface PackedEntry {
  readonly name: string;
  readonly method: 'store' | 'deflate';
  readonly packed: Uint8Array;
  /** Bytes that it has once it is unpacked. */
  readonly size: number;
  /** CRC-32 of these. */
  readonly checksum: number;
}

/** Writes a zip file of entries that are packed already, in one pass and without holding their bytes. Zip64 where a size, offset or count needs it. */
export class ZipContainer {
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

  /** Appends one entry. */
  addPacked({ name, method, packed, size, checksum }: PackedEntry): void {
    const encoded = new TextEncoder().encode(name);
    if (encoded.length > LONGEST_NAME) throw new Error(`a name of ${encoded.length} bytes in a zip file (at most ${LONGEST_NAME})`);
    const entry = {
      name: encoded,
      method: METHODS[method],
      size,
      packedSize: packed.length,
      checksum,
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
  readonly name: Uint8Array;
  readonly method: number;
  readonly size: number;
  readonly packedSize: number;
  readonly checksum: number;
  readonly headerAt: number;
}

function localHeader(entry: WrittenEntry, alignment: number): Uint8Array {
  const wide = needsZip64(entry);
  const sizes = wide ? zip64Extra([entry.size, entry.packedSize]) : new Uint8Array(0);
  const padding = paddingExtra(entry.headerAt + LOCAL_HEADER.size + entry.name.length + sizes.length, alignment);

  const header = new Fields(LOCAL_HEADER.size);
  header.uint32(LOCAL_HEADER.signature, 0);
  header.uint16(wide ? VERSION_ZIP64 : VERSION_STORED, 4);
  header.uint16(FLAG_UTF8_NAMES, 6);
  header.uint16(entry.method, 8);
  header.uint16(NO_DATE, 12);
  header.uint32(entry.checksum, 14);
  header.uint32(wide ? SEE_ZIP64_32 : entry.packedSize, 18);
  header.uint32(wide ? SEE_ZIP64_32 : entry.size, 22);
  header.uint16(entry.name.length, 26);
  header.uint16(sizes.length + padding.length, 28);
  return joinedBytes([header.bytes, entry.name, sizes, padding]);
}

function centralHeader(entry: WrittenEntry): Uint8Array {
  const wideSize = needsZip64(entry);
  const wideOffset = entry.headerAt >= SEE_ZIP64_32;
  const extra = zip64Extra([...(wideSize ? [entry.size, entry.packedSize] : []), ...(wideOffset ? [entry.headerAt] : [])]);
  const header = new Fields(CENTRAL_HEADER.size);
  header.uint32(CENTRAL_HEADER.signature, 0);
  header.uint16(VERSION_ZIP64, 4);
  header.uint16(extra.length > 0 ? VERSION_ZIP64 : VERSION_STORED, 6);
  header.uint16(FLAG_UTF8_NAMES, 8);
  header.uint16(entry.method, 10);
  header.uint16(NO_DATE, 14);
  header.uint32(entry.checksum, 16);
  header.uint32(wideSize ? SEE_ZIP64_32 : entry.packedSize, 20);
  header.uint32(wideSize ? SEE_ZIP64_32 : entry.size, 24);
  header.uint16(entry.name.length, 28);
  header.uint16(extra.length, 30);
  header.uint32(wideOffset ? SEE_ZIP64_32 : entry.headerAt, 42);
  return joinedBytes([header.bytes, entry.name, extra]);
}

function endOfDirectory(count: number, directoryAt: number, directorySize: number): Uint8Array {
  const wide = count >= SEE_ZIP64_16 || directoryAt >= SEE_ZIP64_32 || directorySize >= SEE_ZIP64_32;
  const end = new Fields(END_RECORD.size);
  end.uint32(END_RECORD.signature, 0);
  end.uint16(wide ? SEE_ZIP64_16 : count, 8);
  end.uint16(wide ? SEE_ZIP64_16 : count, 10);
  end.uint32(wide ? SEE_ZIP64_32 : directorySize, 12);
  end.uint32(wide ? SEE_ZIP64_32 : directoryAt, 16);
  return wide ? joinedBytes([zip64End(count, directoryAt, directorySize), end.bytes]) : end.bytes;
}

function zip64End(count: number, directoryAt: number, directorySize: number): Uint8Array {
  const record = new Fields(ZIP64_END_RECORD.size + ZIP64_LOCATOR.size);
  record.uint32(ZIP64_END_RECORD.signature, 0);
  record.uint64(BigInt(ZIP64_END_RECORD.size - 12), 4);
  record.uint16(VERSION_ZIP64, 12);
  record.uint16(VERSION_ZIP64, 14);
  record.uint64(BigInt(count), 24);
  record.uint64(BigInt(count), 32);
  record.uint64(BigInt(directorySize), 40);
  record.uint64(BigInt(directoryAt), 48);
  record.uint32(ZIP64_LOCATOR.signature, ZIP64_END_RECORD.size);
  record.uint64(BigInt(directoryAt + directorySize), ZIP64_END_RECORD.size + 8);
  record.uint32(1, ZIP64_END_RECORD.size + 16);
  return record.bytes;
}

/** The zip64 extra field of these 64-bit values, nothing for none. */
function zip64Extra(values: readonly number[]): Uint8Array {
  if (values.length === 0) return new Uint8Array(0);
  const extra = new Fields(EXTRA_HEADER_SIZE + 8 * values.length);
  extra.uint16(ZIP64_EXTRA, 0);
  extra.uint16(8 * values.length, 2);
  values.forEach((value, index) => {
    extra.uint64(BigInt(value), EXTRA_HEADER_SIZE + 8 * index);
  });
  return extra.bytes;
}

function needsZip64({ size, packedSize }: WrittenEntry): boolean {
  return Math.max(size, packedSize) >= SEE_ZIP64_32;
}

/** The extra field after which data begins at a multiple of the alignment; none where any place will do. */
function paddingExtra(unpadded: number, alignment: number): Uint8Array {
  if (alignment === 1) return new Uint8Array(0);
  const over = (unpadded + EXTRA_HEADER_SIZE) % alignment;
  const padding = new Fields(EXTRA_HEADER_SIZE + ((alignment - over) % alignment));
  padding.bytes.fill(PADDING);
  padding.uint16(PADDING_EXTRA, 0);
  padding.uint16(padding.bytes.length - EXTRA_HEADER_SIZE, 2);
  return padding.bytes;
}

const EXTRA_HEADER_SIZE = 4;

/** Numbers at their places, the lowest byte first. */
class Fields {
  readonly bytes: Uint8Array;
  private readonly view: DataView;

  constructor(length: number) {
    this.bytes = new Uint8Array(length);
    this.view = new DataView(this.bytes.buffer);
  }

  uint16(value: number, at: number): void {
    this.view.setUint16(at, value, true);
  }

  uint32(value: number, at: number): void {
    this.view.setUint32(at, value, true);
  }

  uint64(value: bigint, at: number): void {
    this.view.setBigUint64(at, value, true);
  }
}
