import { hostIsLittleEndian } from '../foundation/byte-order';
import { UserError } from '../foundation/errors';
import { required } from '../foundation/required';
import { excerpt } from '../foundation/text';
import { MAGIC } from './npy-array';

/** The header of a `.npy` file (https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html). */
interface NpyHeader {
  /** NumPy's type string, as `<f4`. */
  readonly descr: string;
  readonly fortranOrder: boolean;
  readonly shape: readonly number[];
  /** Where the values start, in bytes. */
  readonly dataOffset: number;
}

const MAX_HEADER_BYTES = 65_536;
const MAX_DIMENSIONS = 32;

/**
 * Reads the header of a `.npy` buffer, of format version 1, 2 or 3.
 * @throws UserError where the bytes are no such header.
 */
export function parseNpyHeader(bytes: Uint8Array): NpyHeader {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (buffer.length < 12 || buffer.toString('latin1', 0, MAGIC.length) !== MAGIC) {
    throw new UserError('not a .npy array (its first bytes are not \\x93NUMPY)');
  }
  const version = buffer.readUInt8(6);
  if (version < 1 || version > 3) throw new UserError(`.npy format version ${version} is unknown (1, 2 and 3 are read)`);
  const start = version === 1 ? 10 : 12;
  const length = version === 1 ? buffer.readUInt16LE(8) : buffer.readUInt32LE(8);
  if (length > MAX_HEADER_BYTES) throw new UserError(`.npy header of ${length} bytes (at most ${MAX_HEADER_BYTES} are read)`);
  if (start + length > buffer.length) throw new UserError('cut off within its .npy header');
  return {
    ...new HeaderParser(buffer.toString(version === 3 ? 'utf8' : 'latin1', start, start + length)).parse(),
    dataOffset: start + length,
  };
}

type Token = { readonly kind: 'text' | 'boolean' | 'number' | 'mark'; readonly text: string } | { readonly kind: 'end'; readonly text: '' };

/** Reads the Python dictionary literal of a header, in as much of Python's grammar as NumPy writes. */
class HeaderParser {
  private readonly tokens: readonly Token[];
  private position = 0;

  constructor(private readonly header: string) {
    this.tokens = this.tokenize();
  }

  parse(): Omit<NpyHeader, 'dataOffset'> {
    let descr: string | undefined;
    let fortranOrder: boolean | undefined;
    let shape: number[] | undefined;
    this.expect('{');
    while (!this.skip('}')) {
      const key = this.take('text');
      this.expect(':');
      if (key === 'descr' && descr === undefined) descr = this.description();
      else if (key === 'fortran_order' && fortranOrder === undefined) fortranOrder = this.take('boolean') === 'True';
      else if (key === 'shape' && shape === undefined) shape = this.tuple();
      else throw this.malformed();
      if (!this.skip(',') && this.current().text !== '}') throw this.malformed();
    }
    if (this.current().kind !== 'end' || descr === undefined || fortranOrder === undefined || shape === undefined) throw this.malformed();
    return { descr, fortranOrder, shape };
  }

  private description(): string {
    if (this.current().text === '[') throw new UserError('a structured array; save plain numbers');
    return this.take('text');
  }

  private tuple(): number[] {
    const shape: number[] = [];
    this.expect('(');
    while (!this.skip(')')) {
      shape.push(Number(this.take('number')));
      if (shape.length > MAX_DIMENSIONS || (!this.skip(',') && this.current().text !== ')')) throw this.malformed();
    }
    return shape;
  }

  private tokenize(): Token[] {
    const pattern = /\s*(?:'([^'\\]*)'|"([^"\\]*)"|(True|False)|(\d{1,15})L?|([{}():,[\]]))/y;
    const tokens: Token[] = [];
    const end = this.header.trimEnd().length;
    while (pattern.lastIndex < end) {
      const found = pattern.exec(this.header);
      if (found === null) throw this.malformed();
      const [, single, double, boolean, number, mark] = found;
      if (boolean !== undefined) tokens.push({ kind: 'boolean', text: boolean });
      else if (number !== undefined) tokens.push({ kind: 'number', text: number });
      else if (mark !== undefined) tokens.push({ kind: 'mark', text: mark });
      else tokens.push({ kind: 'text', text: required(single ?? double, 'the text between quotes') });
    }
    return tokens;
  }

  private current(): Token {
    return this.tokens[this.position] ?? { kind: 'end', text: '' };
  }

  private take(kind: Token['kind']): string {
    const token = this.current();
    if (token.kind !== kind) throw this.malformed();
    this.position++;
    return token.text;
  }

  private skip(mark: string): boolean {
    const token = this.current();
    if (token.kind !== 'mark' || token.text !== mark) return false;
    this.position++;
    return true;
  }

  private expect(mark: string): void {
    if (!this.skip(mark)) throw this.malformed();
  }

  private malformed(): UserError {
    return new UserError(`malformed .npy header ${JSON.stringify(this.header.trimEnd().slice(0, 120))}`);
  }
}

/** A type of NumPy, as a type string tells it. */
export interface TypeString {
  /** `f4`, `i8`, `U`: the kind with its bytes; text without. */
  readonly code: string;
  readonly itemBytes: number;
  /** The unit whose bytes are in one order or the other. */
  readonly swapBytes: number;
  readonly littleEndian: boolean;
}

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
  if (kind === 'f' && length > 8) throw unreadableType(descr);
  const littleEndian = order === '<' || (order !== '>' && hostIsLittleEndian);
  if (kind === 'U') return { code: 'U', itemBytes: 4 * length, swapBytes: 4, littleEndian };
  if (kind === 'S') return { code: 'S', itemBytes: length, swapBytes: 1, littleEndian };
  return { code: `${kind}${length}`, itemBytes: length, swapBytes: length, littleEndian };
}

/** A type that is not read: objects, complex numbers, dates. */
export class UnreadableType extends UserError {}

/** What is said of a type that is not read. */
export function unreadableType(descr: string): UnreadableType {
  const type = `type ${JSON.stringify(excerpt(descr, 40))} is not read`;
  if (/^\|?O\d?$/.test(descr))
    return new UnreadableType(
      `${type}: it holds pickled Python objects, which may run code; save numbers as float32, a dict as text of JSON`,
    );
  if (/^([<>=|]?f(12|16)|longdouble|float(96|128))$/.test(descr))
    return new UnreadableType(`${type}: it is a long double; save it as float32`);
  if (/^([<>=|]?c\d+|complex\d*)$/.test(descr)) return new UnreadableType(`${type}: it is complex; save its parts as float32`);
  return new UnreadableType(`${type}; save it as numbers, booleans or text (float32 is best)`);
}
