import { hostIsLittleEndian } from '../foundation/byte-order';
import { joinedBytes } from '../foundation/joined-bytes';
import { required } from '../foundation/required';
import { MAGIC, type NpyArray } from './npy-array';

const order = hostIsLittleEndian ? '<' : '>';
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
export function formatNpy(array: NpyArray): Uint8Array<ArrayBuffer> {
  const [descr, values] = array.dtype === 'text' ? formatTexts(array.values) : [DESCRIPTIONS[array.dtype], bytesOf(array.values)];
  const shape = `(${array.shape.join(', ')}${array.shape.length === 1 ? ',' : ''})`;
  const dictionary = `{'descr': '${descr}', 'fortran_order': False, 'shape': ${shape}, }`;
  const unpadded = 10 + dictionary.length + 1;
  const text = `${MAGIC}\x01\x00\0\0${dictionary.padEnd(dictionary.length + ((64 - (unpadded % 64)) % 64))}\n`;
  const header = Uint8Array.from(text, (letter) => letter.charCodeAt(0));
  new DataView(header.buffer).setUint16(8, header.length - 10, true);
  return joinedBytes([header, values]);
}

function bytesOf({ buffer, byteOffset, byteLength }: ArrayBufferView): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}

/** Texts as UTF-32, all as long as the longest. */
function formatTexts(texts: readonly string[]): [descr: string, values: Uint8Array] {
  const letters = texts.map((text) => Array.from(text, (letter) => required(letter.codePointAt(0), 'the code point of a letter')));
  const longest = Math.max(1, ...letters.map(({ length }) => length));
  const values = new Uint32Array(texts.length * longest);
  letters.forEach((codes, index) => {
    values.set(codes, index * longest);
  });
  return [`${order}U${longest}`, bytesOf(values)];
}
