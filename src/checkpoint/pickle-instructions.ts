import { elementAt } from '../foundation/required';
import { type ByteCursor, MalformedCheckpoint } from './bytes';
import { type PythonDict, pythonFloat, pythonInt, PythonSet, PythonTuple, type PythonValue } from './python-values';

/** The pickle machine's instructions (Python's pickletools), under Python's names. */
export const OPCODE = {
  MARK: 0x28,
  STOP: 0x2e,
  POP: 0x30,
  POP_MARK: 0x31,
  DUP: 0x32,
  INT: 0x49,
  BININT: 0x4a,
  BININT1: 0x4b,
  LONG: 0x4c,
  BININT2: 0x4d,
  NONE: 0x4e,
  BINPERSID: 0x51,
  REDUCE: 0x52,
  BINSTRING: 0x54,
  SHORT_BINSTRING: 0x55,
  BINUNICODE: 0x58,
  APPEND: 0x61,
  BUILD: 0x62,
  GLOBAL: 0x63,
  EMPTY_DICT: 0x7d,
  APPENDS: 0x65,
  BINGET: 0x68,
  LONG_BINGET: 0x6a,
  EMPTY_LIST: 0x5d,
  BINPUT: 0x71,
  LONG_BINPUT: 0x72,
  SETITEM: 0x73,
  TUPLE: 0x74,
  EMPTY_TUPLE: 0x29,
  SETITEMS: 0x75,
  BINFLOAT: 0x47,
  PROTO: 0x80,
  NEWOBJ: 0x81,
  TUPLE1: 0x85,
  TUPLE2: 0x86,
  TUPLE3: 0x87,
  NEWTRUE: 0x88,
  NEWFALSE: 0x89,
  LONG1: 0x8a,
  LONG4: 0x8b,
  BINBYTES: 0x42,
  SHORT_BINBYTES: 0x43,
  SHORT_BINUNICODE: 0x8c,
  BINUNICODE8: 0x8d,
  BINBYTES8: 0x8e,
  EMPTY_SET: 0x8f,
  ADDITEMS: 0x90,
  FROZENSET: 0x91,
  STACK_GLOBAL: 0x93,
  MEMOIZE: 0x94,
  FRAME: 0x95,
} as const;

/** The stack, marks and memo of a pickle machine. Reaching below the stack or the last mark is damage, never undefined. */
export class PickleStack {
  private readonly values: PythonValue[] = [];
  /** The floors before each mark. */
  private readonly marks: number[] = [];
  /** How many values lie below the last mark. */
  private floor = 0;
  private readonly memo = new Map<number, PythonValue>();

  push(value: PythonValue): void {
    this.values.push(value);
  }

  /** @throws MalformedCheckpoint where there is no value, as all that take one here. */
  top(): PythonValue {
    const { values, floor } = this;
    const value = values[values.length - 1];
    if (value === undefined || values.length <= floor) throw damagedPickle('takes a value where there is none');
    return value;
  }

  pop(): PythonValue {
    const value = this.top();
    this.values.pop();
    return value;
  }

  /** The topmost `count` values, in the order they were pushed. */
  popSeveral(count: number): PythonValue[] {
    if (this.values.length - count < this.floor) throw damagedPickle('takes values where there are none');
    return this.values.splice(this.values.length - count);
  }

  mark(): void {
    this.marks.push(this.floor);
    this.floor = this.values.length;
  }

  /** The values above the last mark, which goes with them. */
  popToMark(): PythonValue[] {
    const below = this.marks.pop();
    if (below === undefined) throw damagedPickle('goes back to a mark that it never set');
    const popped = this.values.splice(this.floor);
    this.floor = below;
    return popped;
  }

  /** Keeps the topmost value under a number: by default the next one. Picklers count them. */
  remember(index = this.memo.size): void {
    if (index > LARGEST_MEMO) throw damagedPickle(`stores a value as number ${index}`);
    this.memo.set(index, this.top());
  }

  /** What was kept under a number. */
  recall(index: number): PythonValue {
    const value = this.memo.get(index);
    if (value === undefined) throw damagedPickle(`recalls value ${index}, which it never stored`);
    return value;
  }
}

const LARGEST_MEMO = 1_000_000;

/** The error of a pickle that no pickler writes. */
export function damagedPickle(what: string): MalformedCheckpoint {
  return new MalformedCheckpoint(`the pickle ${what}: it is damaged.`);
}

type ScalarReader = (cursor: ByteCursor) => PythonValue;

/** What the instructions push that carry a number, text or bytes. */
export const SCALARS: ReadonlyMap<number, ScalarReader> = new Map<number, ScalarReader>([
  [OPCODE.NEWTRUE, () => true],
  [OPCODE.NEWFALSE, () => false],
  [OPCODE.BININT, (cursor) => cursor.uint32() | 0],
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
const length32 = (cursor: ByteCursor): number => cursor.uint32();

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

const utf8From = (cursor: ByteCursor, length: number): string => cursor.text(length, 'utf8');
const latin1From = (cursor: ByteCursor, length: number): string => cursor.text(length, 'latin1');

/**
 * Sets an item of a dict.
 * @throws MalformedCheckpoint where the dict has many items and the key is a large number, or one with a fraction: a Map takes chosen numbers of these kinds for
 *   neighbours, and looks at every one of them for each that comes, be it new or not.
 */
export function setItem(dict: PythonDict, key: PythonValue, value: PythonValue): void {
  const most = mostUnder(key);
  if (dict.size >= most)
    throw new MalformedCheckpoint(`it has a dict of over ${most} items under large or broken numbers, which no checkpoint has.`);
  dict.set(key, value);
}

/** More than the parameters of any model, under whose addresses PyTorch once kept an optimiser's states. */
const MOST_UNDER_NUMBERS = 4_000;
/** Numbers beyond 2⁵³ are no addresses, and take ten times as long to compare. */
const MOST_UNDER_LARGEST = 50;
const LARGEST_USUAL = 1_000_000;

/** How many items a dict may have for a further one under such a key. */
function mostUnder(key: PythonValue): number {
  if (typeof key === 'bigint') return MOST_UNDER_LARGEST;
  const isUsual = typeof key !== 'number' || (Number.isInteger(key) && Math.abs(key) <= LARGEST_USUAL);
  return isUsual ? Infinity : MOST_UNDER_NUMBERS;
}

type ContainerMaker = (stack: PickleStack) => PythonValue;

/** What the instructions push that make or fill a list, tuple, dict or set; a container to fill is taken from the stack and pushed again. */
export const CONTAINERS: ReadonlyMap<number, ContainerMaker> = new Map<number, ContainerMaker>([
  [OPCODE.EMPTY_TUPLE, () => new PythonTuple([])],
  [OPCODE.TUPLE1, (stack) => new PythonTuple(stack.popSeveral(1))],
  [OPCODE.TUPLE2, (stack) => new PythonTuple(stack.popSeveral(2))],
  [OPCODE.TUPLE3, (stack) => new PythonTuple(stack.popSeveral(3))],
  [OPCODE.TUPLE, (stack) => new PythonTuple(stack.popToMark())],
  [OPCODE.EMPTY_LIST, () => []],
  [OPCODE.APPEND, (stack) => extendList(stack.popSeveral(1), stack.pop())],
  [OPCODE.APPENDS, (stack) => extendList(stack.popToMark(), stack.pop())],
  [OPCODE.EMPTY_DICT, () => new Map()],
  [OPCODE.SETITEM, (stack) => setItems(stack.popSeveral(2), stack.pop())],
  [OPCODE.SETITEMS, (stack) => setItems(stack.popToMark(), stack.pop())],
  [OPCODE.EMPTY_SET, () => new PythonSet([])],
  [OPCODE.FROZENSET, (stack) => new PythonSet(stack.popToMark())],
  [OPCODE.ADDITEMS, (stack) => extendSet(stack.popToMark(), stack.pop())],
]);

function extendList(items: readonly PythonValue[], list: PythonValue): PythonValue[] {
  if (!Array.isArray(list)) throw damagedPickle('appends to something that is not a list');
  for (const item of items) list.push(item);
  return list;
}

/** @param items keys and values in turn. */
function setItems(items: readonly PythonValue[], dict: PythonValue): PythonDict {
  if (!(dict instanceof Map)) throw damagedPickle('sets items of something that is not a dict');
  if (items.length % 2 !== 0) throw damagedPickle('has a key without a value');
  for (let index = 0; index < items.length; index += 2) setItem(dict, elementAt(items, index), elementAt(items, index + 1));
  return dict;
}

function extendSet(items: readonly PythonValue[], set: PythonValue): PythonSet {
  if (!(set instanceof PythonSet)) throw damagedPickle('adds to something that is not a set');
  for (const item of items) set.items.push(item);
  return set;
}
