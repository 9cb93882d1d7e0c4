import { OPCODE } from './pickle-opcodes';
import { MalformedCheckpoint } from './malformed-checkpoint';
import { damagedPickle, type PickleStack } from './pickle-stack';
import { PythonSet, PythonTuple, type PythonDict, type PythonValue } from './python-values';

/**
 * Makes what an instruction that makes or fills a list, tuple, dict or set pushes (a container to fill is taken from the stack and pushed again); undefined for any
 * other instruction.
 */
export function containerMaker(opcode: number): ContainerMaker | undefined {
  return CONTAINERS.get(opcode);
}

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

const CONTAINERS: ReadonlyMap<number, ContainerMaker> = new Map<number, ContainerMaker>([
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
  for (let index = 0; index < items.length; index += 2) setItem(dict, items[index] ?? null, items[index + 1] ?? null);
  return dict;
}

function extendSet(items: readonly PythonValue[], set: PythonValue): PythonSet {
  if (!(set instanceof PythonSet)) throw damagedPickle('adds to something that is not a set');
  for (const item of items) set.items.push(item);
  return set;
}
