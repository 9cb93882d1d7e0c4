import type { ByteCursor } from './byte-cursor';
import { OPCODE } from './pickle-opcodes';
import { damagedPickle } from './pickle-stack';
import { pythonInt, pythonFloat, type PythonValue } from './python-values';

/** Reads what an instruction that carries a number, text or bytes pushes; undefined for any other instruction. */
export function scalarReader(opcode: number): ScalarReader | undefined {
  return SCALARS.get(opcode);
}

type ScalarReader = (cursor: ByteCursor) => PythonValue;

const SCALARS: ReadonlyMap<number, ScalarReader> = new Map<number, ScalarReader>([
  [OPCODE.NEWTRUE, () => true],
  [OPCODE.NEWFALSE, () => false],
  [OPCODE.BININT, (cursor) => cursor.view(4).getInt32(0, true)],
  [OPCODE.BININT1, (cursor) => cursor.byte()],
  [OPCODE.BININT2, (cursor) => cursor.view(2).getUint16(0, true)],
  [OPCODE.LONG1, (cursor) => longFrom(cursor, length8(cursor))],
  [OPCODE.LONG4, (cursor) => longFrom(cursor, length32(cursor))],
  [OPCODE.BINFLOAT, (cursor) => pythonFloat(cursor.view(8).getFloat64(0, false))],
  [OPCODE.INT, (cursor) => intFromText(cursor.line(LONGEST_NUMBER))],
  [OPCODE.LONG, (cursor) => intFromText(cursor.line(LONGEST_NUMBER).replace(/L$/, ''))],
  [OPCODE.BINUNICODE, (cursor) => utf8From(cursor, length32(cursor))],
  [OPCODE.SHORT_BINUNICODE, (cursor) => utf8From(cursor, length8(cursor))],
  [OPCODE.BINUNICODE8, (cursor) => utf8From(cursor, readLength64(cursor))],
  [OPCODE.BINSTRING, (cursor) => latin1From(cursor, length32(cursor))],
  [OPCODE.SHORT_BINSTRING, (cursor) => latin1From(cursor, length8(cursor))],
  [OPCODE.BINBYTES, (cursor) => cursor.bytes(length32(cursor)).slice()],
  [OPCODE.SHORT_BINBYTES, (cursor) => cursor.bytes(length8(cursor)).slice()],
  [OPCODE.BINBYTES8, (cursor) => cursor.bytes(readLength64(cursor)).slice()],
]);

/** A length of 8 bytes; one beyond any file is still refused where it is used. */
export function readLength64(cursor: ByteCursor): number {
  return Number(cursor.view(8).getBigUint64(0, true));
}

const LONGEST_NUMBER = 1024;

const length8 = (cursor: ByteCursor): number => cursor.byte();
const length32 = (cursor: ByteCursor): number => cursor.view(4).getUint32(0, true);

/** A little-endian two's complement of any length. */
function longFrom(cursor: ByteCursor, length: number): number | bigint {
  if (length > LONGEST_NUMBER) throw damagedPickle(`has a whole number of ${length} bytes`);
  if (length === 0) return 0;
  const digits = Buffer.from(cursor.bytes(length)).reverse().toString('hex');
  return pythonInt(BigInt.asIntN(8 * length, BigInt(`0x${digits}`)));
}

/** Protocol 1 writes the truth values as the ints 00 and 01. */
function intFromText(text: string): number | bigint | boolean {
  if (text === '00') return false;
  if (text === '01') return true;
  if (!/^[+-]?\d+$/.test(text)) throw damagedPickle(`has "${text.slice(0, 20)}" for a whole number`);
  return pythonInt(BigInt(text.replace(/^\+/, '')));
}

function utf8From(cursor: ByteCursor, length: number): string {
  return Buffer.from(cursor.bytes(length)).toString('utf8');
}

function latin1From(cursor: ByteCursor, length: number): string {
  return Buffer.from(cursor.bytes(length)).toString('latin1');
}
