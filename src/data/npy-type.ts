import { endianness } from 'node:os';
import { UserError } from '../foundation/errors';
import { excerpt } from '../foundation/text';

/** A type of NumPy, as a type string tells it. */
export interface TypeString {
  /** `f4`, `i8`, `U`: the kind with its bytes; text without. */
  readonly code: string;
  readonly itemBytes: number;
  /** The unit whose bytes are in one order or the other. */
  readonly swapBytes: number;
  readonly littleEndian: boolean;
}

const hostIsLittleEndian = endianness() === 'LE';
const TYPE_STRING = /^([<>|=]?)([biufUS])(\d{1,8})$/;

/** NumPy's own names of its types, which it reads in a header as well as type strings. */
const NAMES: Readonly<Record<string, string>> = {
  bool: 'b1',
  int8: 'i1',
  int16: 'i2',
  int32: 'i4',
  int64: 'i8',
  uint8: 'u1',
  uint16: 'u2',
  uint32: 'u4',
  uint64: 'u8',
  float16: 'f2',
  float32: 'f4',
  float64: 'f8',
};

/**
 * Reads a type as headers name it: `<f4`, `f4` (in the machine's own order) or `float32`.
 * @throws UserError for objects, complex numbers, dates and whatever else is no plain number, boolean or text.
 */
export function parseTypeString(descr: string): TypeString {
  const [, order, kind, digits] = TYPE_STRING.exec(Object.hasOwn(NAMES, descr) ? (NAMES[descr] ?? descr) : descr) ?? [];
  if (order === undefined || kind === undefined || digits === undefined) throw unreadableType(descr);
  const length = Number(digits);
  const littleEndian = order === '<' || (order !== '>' && hostIsLittleEndian);
  if (kind === 'U') return { code: 'U', itemBytes: 4 * length, swapBytes: 4, littleEndian };
  if (kind === 'S') return { code: 'S', itemBytes: length, swapBytes: 1, littleEndian };
  return { code: `${kind}${length}`, itemBytes: length, swapBytes: length, littleEndian };
}

/** What is said of a type that is not read. */
export function unreadableType(descr: string): UserError {
  const type = `type ${JSON.stringify(excerpt(descr, 40))} is not read`;
  if (/^\|?O\d?$/.test(descr))
    return new UserError(`${type}: it holds pickled Python objects, which may run code; save numbers as float32, a dict as text of JSON`);
  return new UserError(`${type}; save it as numbers, booleans or text (float32 is best)`);
}
