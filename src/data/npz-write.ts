import { endianness } from 'node:os';
import { crc32, deflateRawSync } from 'node:zlib';
import type { NpyArray } from './npy';

/**
 * Arrays as the bytes of a `.npz` file, deflated as `numpy.savez_compressed` does or stored as `numpy.savez` does. The same arrays give the same bytes.
 */
export function formatNpz(arrays: Readonly<Record<string, NpyArray>>, { compress = true }: { readonly compress?: boolean } = {}): Buffer {
  const parts: Buffer[] = [];
  const directory: Buffer[] = [];
  let offset = 0;
  for (const [key, array] of Object.entries(arrays)) {
    const bytes = formatNpy(array);
    const packed = compress ? deflateRawSync(bytes) : bytes;
    const name = Buffer.from(`${key}.npy`);
    const fields = entryFields(compress ? 8 : 0, crc32(bytes), packed.length, bytes.length, name.length);
    const local = Buffer.concat([Buffer.from('PK\x03\x04', 'latin1'), fields, name, packed]);
    parts.push(local);
    directory.push(centralEntry(fields, offset), name);
    offset += local.length;
  }
  const central = Buffer.concat(directory);
  return Buffer.concat([...parts, central, endOfDirectory(directory.length / 2, central.length, offset)]);
}

const FLAG_UTF8 = 0x800;
/** 1 January 1980, the first day that a zip file knows. */
const DATE = 0x21;

/** What the header of an entry and its line in the directory have in common (26 bytes). */
function entryFields(method: number, checksum: number, packed: number, unpacked: number, nameLength: number): Buffer {
  const fields = Buffer.alloc(26);
  fields.writeUInt16LE(20, 0);
  fields.writeUInt16LE(FLAG_UTF8, 2);
  fields.writeUInt16LE(method, 4);
  fields.writeUInt16LE(DATE, 8);
  fields.writeUInt32LE(checksum, 10);
  fields.writeUInt32LE(packed, 14);
  fields.writeUInt32LE(unpacked, 18);
  fields.writeUInt16LE(nameLength, 22);
  return fields;
}

function centralEntry(fields: Buffer, offset: number): Buffer {
  const signature = Buffer.from('PK\x01\x02\x14\0', 'latin1');
  const rest = Buffer.alloc(14);
  rest.writeUInt32LE(offset, 10);
  return Buffer.concat([signature, fields, rest]);
}

function endOfDirectory(entries: number, length: number, offset: number): Buffer {
  const end = Buffer.alloc(22);
  end.write('PK\x05\x06', 'latin1');
  end.writeUInt16LE(entries, 8);
  end.writeUInt16LE(entries, 10);
  end.writeUInt32LE(length, 12);
  end.writeUInt32LE(offset, 16);
  return end;
}

const order = endianness() === 'LE' ? '<' : '>';
const DESCRIPTIONS: Readonly<Record<Exclude<NpyArray['dtype'], 'text'>, string>> = {
  bool: '|b1',
  int8: '|i1',
  int16: `${order}i2`,
  int32: `${order}i4`,
  int64: `${order}i8`,
  uint8: '|u1',
  uint16: `${order}u2`,
  uint32: `${order}u4`,
  uint64: `${order}u8`,
  // Half-precision numbers are held widened, and written so.
  float16: `${order}f4`,
  float32: `${order}f4`,
  float64: `${order}f8`,
};

/** An array as the bytes of a `.npy` file, as NumPy writes it: format version 1, C order, values aligned to 64 bytes. */
export function formatNpy(array: NpyArray): Buffer {
  const [descr, values] = array.dtype === 'text' ? formatTexts(array.values) : [DESCRIPTIONS[array.dtype], bytesOf(array.values)];
  const shape = `(${array.shape.join(', ')}${array.shape.length === 1 ? ',' : ''})`;
  const dictionary = `{'descr': '${descr}', 'fortran_order': False, 'shape': ${shape}, }`;
  const unpadded = 10 + dictionary.length + 1;
  const header = Buffer.from(`\x93NUMPY\x01\x00\0\0${dictionary.padEnd(dictionary.length + ((64 - (unpadded % 64)) % 64))}\n`, 'latin1');
  header.writeUInt16LE(header.length - 10, 8);
  return Buffer.concat([header, values]);
}

function bytesOf({ buffer, byteOffset, byteLength }: NodeJS.TypedArray): Buffer {
  return Buffer.from(buffer, byteOffset, byteLength);
}

/** Texts as UTF-32, all as long as the longest. */
function formatTexts(texts: readonly string[]): [descr: string, values: Buffer] {
  const letters = texts.map((text) => Array.from(text, (letter) => letter.codePointAt(0) ?? 0));
  const longest = Math.max(1, ...letters.map(({ length }) => length));
  const values = new Uint32Array(texts.length * longest);
  letters.forEach((codes, index) => {
    values.set(codes, index * longest);
  });
  return [`${order}U${longest}`, bytesOf(values)];
}
