import { crc32 } from 'node:zlib';
import {
  CENTRAL_HEADER,
  END_RECORD,
  LOCAL_HEADER,
  SEE_ZIP64_16,
  SEE_ZIP64_32,
  ZIP64_END_RECORD,
  ZIP64_EXTRA,
  ZIP64_LOCATOR,
} from '../foundation/zip-format';
import { type ByteSource, MalformedCheckpoint } from './bytes';

/** General purpose flag. */
const FLAG_ENCRYPTED = 0x0001;

/** Where a zip file's directory lies. */
interface DirectoryPlace {
  readonly position: number;
  readonly size: number;
  readonly count: number;
}

/**
 * Finds the directory by the record at the zip file's end.
 * @throws MalformedCheckpoint where there is none (a file that was cut off) or it points out of the file.
 */
function findDirectory(source: ByteSource): DirectoryPlace {
  const tailSize = Math.min(source.size, END_RECORD.size + LONGEST_COMMENT);
  const tailAt = source.size - tailSize;
  const tail = new DataView(source.read(tailAt, tailSize).buffer);
  for (let at = tailSize - END_RECORD.size; at >= 0; at--) {
    const found = tail.getUint32(at, true) === END_RECORD.signature && at + END_RECORD.size + tail.getUint16(at + 20, true) === tailSize;
    if (found) return checkedPlace(placeFrom(source, tail, at, tailAt + at), tailAt + at);
  }
  throw new MalformedCheckpoint(
    `it is cut off: the zip directory at its end is missing (it has ${source.size} bytes). Copy or download it again.`,
  );
}

function placeFrom(source: ByteSource, tail: DataView, at: number, position: number): DirectoryPlace {
  const place = { count: tail.getUint16(at + 10, true), size: tail.getUint32(at + 12, true), position: tail.getUint32(at + 16, true) };
  const wide = place.count === SEE_ZIP64_16 || place.size === SEE_ZIP64_32 || place.position === SEE_ZIP64_32;
  return wide ? (zip64Place(source, position) ?? place) : place;
}

function zip64Place(source: ByteSource, endAt: number): DirectoryPlace | undefined {
  if (endAt < ZIP64_LOCATOR.size) return undefined;
  const locator = new DataView(source.read(endAt - ZIP64_LOCATOR.size, ZIP64_LOCATOR.size).buffer);
  if (locator.getUint32(0, true) !== ZIP64_LOCATOR.signature) return undefined;
  const record = new DataView(source.read(Number(locator.getBigUint64(8, true)), ZIP64_END_RECORD.size).buffer);
  if (record.getUint32(0, true) !== ZIP64_END_RECORD.signature) throw new MalformedCheckpoint('its zip64 directory is damaged.');
  return {
    count: Number(record.getBigUint64(32, true)),
    size: Number(record.getBigUint64(40, true)),
    position: Number(record.getBigUint64(48, true)),
  };
}

function checkedPlace(place: DirectoryPlace, endAt: number): DirectoryPlace {
  if (place.position + place.size > endAt)
    throw new MalformedCheckpoint('its zip directory points past its end: it is cut off or damaged.');
  if (place.count > MOST_ENTRIES || place.count * CENTRAL_HEADER.size > place.size)
    throw new MalformedCheckpoint(`its zip directory claims ${place.count} entries in ${place.size} bytes: it is forged or damaged.`);
  return place;
}

const LONGEST_COMMENT = 0xffff;
/** Far more than the tensors of any checkpoint. */
const MOST_ENTRIES = 500_000;

/** One uncompressed entry: where its data lies in the file. */
export interface StoredEntry {
  readonly name: string;
  readonly position: number;
  readonly size: number;
  readonly checksum: number;
}

/**
 * The entries of a zip file in which all of them are uncompressed, as PyTorch writes it. The directory is believed only where the file bears it out: local headers
 * agree, everything lies inside the file, nothing overlaps, no name comes twice or leads out of the archive.
 * @param judge is told the names before anything else is looked at, and may refuse them.
 * @throws MalformedCheckpoint
 */
export function readZipDirectory(source: ByteSource, judge?: (names: readonly string[]) => void): ReadonlyMap<string, StoredEntry> {
  const directory = findDirectory(source);
  const bytes = source.read(directory.position, directory.size);
  const view = new DataView(bytes.buffer);
  if (judge !== undefined) judge(entryNames(bytes, view, directory.count));
  const entries = new Map<string, StoredEntry>();
  const extents: Extent[] = [];
  let at = 0;
  for (let index = 0; index < directory.count; index++) {
    const header = centralHeader(bytes, view, at);
    at = header.end;
    if (entries.has(header.name)) throw new MalformedCheckpoint(`the zip holds "${header.name}" twice.`);
    const position = dataPosition(source, header);
    entries.set(header.name, { name: header.name, position, size: header.size, checksum: header.checksum });
    extents.push({ name: header.name, start: header.headerAt, end: position + header.size });
  }
  if (at !== bytes.length) throw new MalformedCheckpoint('the zip directory is longer than its entries: it is damaged.');
  refuseOverlaps(extents, directory.position);
  return entries;
}

/**
 * An entry's bytes, in a buffer of their own.
 * @throws MalformedCheckpoint where their checksum is not the one in the directory.
 */
export function readZipEntry(source: ByteSource, entry: StoredEntry): Uint8Array<ArrayBuffer> {
  const bytes = source.read(entry.position, entry.size);
  if (crc32(bytes) !== entry.checksum) throw new MalformedCheckpoint(`"${entry.name}" is damaged: its checksum does not match its bytes.`);
  return bytes;
}

interface CentralHeader {
  readonly name: string;
  readonly nameBytes: Uint8Array;
  readonly size: number;
  readonly checksum: number;
  readonly headerAt: number;
  readonly end: number;
}

interface Extent {
  readonly name: string;
  readonly start: number;
  readonly end: number;
}

function centralHeader(bytes: Uint8Array, view: DataView, at: number): CentralHeader {
  if (at + CENTRAL_HEADER.size > bytes.length || view.getUint32(at, true) !== CENTRAL_HEADER.signature)
    throw new MalformedCheckpoint('the zip directory has fewer entries than it claims: it is damaged.');
  const nameEnd = at + CENTRAL_HEADER.size + view.getUint16(at + 28, true);
  const extraEnd = nameEnd + view.getUint16(at + 30, true);
  const end = extraEnd + view.getUint16(at + 32, true);
  if (end > bytes.length) throw new MalformedCheckpoint('the zip directory is cut off: it is damaged.');
  const nameBytes = bytes.subarray(at + CENTRAL_HEADER.size, nameEnd);
  const name = entryName(nameBytes);
  if ((view.getUint16(at + 8, true) & FLAG_ENCRYPTED) !== 0) throw new MalformedCheckpoint(`"${name}" is encrypted.`);
  if (view.getUint16(at + 10, true) !== 0)
    throw new MalformedCheckpoint(`"${name}" is compressed, which PyTorch never does: zip the file again without compression.`);

  const wide = new Zip64Fields(view, nameEnd, extraEnd);
  const size = wide.resolve(view.getUint32(at + 24, true));
  const storedSize = wide.resolve(view.getUint32(at + 20, true));
  const headerAt = wide.resolve(view.getUint32(at + 42, true));
  if (size !== storedSize)
    throw new MalformedCheckpoint(`"${name}" claims ${size} bytes in ${storedSize}: its sizes are forged or damaged.`);
  return { name, nameBytes, size, checksum: view.getUint32(at + 16, true), headerAt, end };
}

/** The names alone, as far as the directory can be read. */
function entryNames(bytes: Uint8Array, view: DataView, count: number): string[] {
  const names: string[] = [];
  for (let index = 0, at = 0; index < count && at + CENTRAL_HEADER.size <= bytes.length; index++) {
    const nameEnd = at + CENTRAL_HEADER.size + view.getUint16(at + 28, true);
    names.push(decodeUtf8(bytes.subarray(at + CENTRAL_HEADER.size, nameEnd)) ?? '');
    at = nameEnd + view.getUint16(at + 30, true) + view.getUint16(at + 32, true);
  }
  return names;
}

/** The 64-bit values of a directory entry, handed out in their order to those 32-bit fields that ask for them. */
class Zip64Fields {
  private at = 0;
  private end = 0;

  constructor(
    private readonly view: DataView,
    extraStart: number,
    extraEnd: number,
  ) {
    for (let at = extraStart; at + 4 <= extraEnd;) {
      const length = view.getUint16(at + 2, true);
      if (view.getUint16(at, true) === ZIP64_EXTRA && at + 4 + length <= extraEnd) {
        this.at = at + 4;
        this.end = at + 4 + length;
      }
      at += 4 + length;
    }
  }

  resolve(field: number): number {
    if (field !== SEE_ZIP64_32) return field;
    if (this.at + 8 > this.end) throw new MalformedCheckpoint('the zip directory lacks a zip64 field: it is damaged.');
    const value = Number(this.view.getBigUint64(this.at, true));
    this.at += 8;
    return value;
  }
}

/** A name as PyTorch gives them: relative, with forward slashes, inside the archive; a folder's own entry ends in a slash. */
function entryName(bytes: Uint8Array): string {
  const name = decodeUtf8(bytes);
  if (name === undefined || leavesArchive(name))
    throw new MalformedCheckpoint(`the zip has an entry with the unusable name ${JSON.stringify(name ?? '?')}.`);
  return name;
}

function leavesArchive(name: string): boolean {
  const parts = name.replace(/\/$/, '').split('/');
  return parts.some((part) => part === '' || part === '.' || part === '..') || /[\\\0]/.test(name);
}

const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

function decodeUtf8(bytes: Uint8Array): string | undefined {
  try {
    return UTF8.decode(bytes);
  } catch {
    return undefined;
  }
}

/** Where an entry's data begins, by its local header. */
function dataPosition(source: ByteSource, entry: CentralHeader): number {
  const end = LOCAL_HEADER.size + entry.nameBytes.length;
  const header = Buffer.from(source.read(entry.headerAt, end).buffer);
  if (header.readUInt32LE(0) !== LOCAL_HEADER.signature)
    throw new MalformedCheckpoint(`"${entry.name}" is not where the zip directory says.`);
  const isSame =
    header.readUInt16LE(26) === entry.nameBytes.length && header.compare(entry.nameBytes, 0, undefined, LOCAL_HEADER.size) === 0;
  if (!isSame) throw new MalformedCheckpoint(`"${entry.name}" has another name in its own header.`);
  return entry.headerAt + end + header.readUInt16LE(28);
}

function refuseOverlaps(extents: Extent[], directoryAt: number): void {
  extents.sort((a, b) => a.start - b.start);
  extents.forEach(({ name, end }, index) => {
    const next = extents[index + 1];
    if (end > (next?.start ?? directoryAt))
      throw new MalformedCheckpoint(`"${name}" overlaps ${next ? `"${next.name}"` : 'the zip directory'}.`);
  });
}
