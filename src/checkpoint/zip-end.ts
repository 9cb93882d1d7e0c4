import type { ByteSource } from './byte-source';
import { MalformedCheckpoint } from './malformed-checkpoint';
import { CENTRAL_HEADER, END_RECORD, SEE_ZIP64_16, SEE_ZIP64_32, ZIP64_END_RECORD, ZIP64_LOCATOR } from './zip-format';

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
export function findDirectory(source: ByteSource): DirectoryPlace {
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
