import { setItem } from './pickle-containers';
import { damagedPickle } from './pickle-stack';
import { PythonFloat, PythonNamespace, PythonOrderedDict, PythonSet, PythonTuple, type PythonValue } from './python-values';

/** Rebuilds, as inert data, what a class or function would have made of its arguments; undefined where the name may only be mentioned. */
export type Rebuild = ((args: readonly PythonValue[]) => PythonValue) | undefined;

/** Names of Python's own library that a checkpoint may hold. */
export function allowedPythonNames(): [string, Rebuild][] {
  return [
    ['collections.OrderedDict', ([pairs]) => orderedDict(pairs)],
    ['collections.defaultdict', () => new Map()],
    ['collections.Counter', ([counts]) => (counts instanceof Map ? counts : new Map())],
    ['collections.deque', ([items]) => (items === undefined ? [] : [...itemsOf(items)])],
    ['argparse.Namespace', () => new PythonNamespace()],
    ['types.SimpleNamespace', () => new PythonNamespace()],
    ...DATES.map((name): [string, Rebuild] => [`datetime.${name}`, (parts) => `${name}(${parts.map(shownPart).join(', ')})`]),
    ...DICTS.map((name): [string, Rebuild] => [name, () => new PythonOrderedDict()]),
    ['_codecs.encode', ([text, encoding]) => encodeLatin1(text, encoding)],
    ...BUILTINS.flatMap((module): [string, Rebuild][] => [
      ...FACTORIES.map((name): [string, Rebuild] => [`${module}.${name}`, undefined]),
      ...NUMBERS.map((name): [string, Rebuild] => [`${module}.${name}`, (parts) => `${name}(${parts.map(shownPart).join(', ')})`]),
      [`${module}.set`, ([items]) => new PythonSet([...itemsOf(items)])],
      [`${module}.frozenset`, ([items]) => new PythonSet([...itemsOf(items)])],
    ]),
    ...PATHS.map((name): [string, Rebuild] => [name, joinPath]),
  ];
}

/** What Python 2 and Python 3 call the module of the built-in names. */
const BUILTINS = ['__builtin__', 'builtins'];
/** Types that a defaultdict may name for its default values; protocol 2 uses Python 2's names. */
const FACTORIES = ['int', 'float', 'bool', 'str', 'list', 'dict', 'tuple', 'long', 'unicode'];
const PATHS = ['pathlib', 'pathlib._local'].flatMap((module) =>
  ['PosixPath', 'WindowsPath', 'PurePosixPath', 'PureWindowsPath'].map((name) => `${module}.${name}`),
);

/** Built-in kinds of numbers that no setting of Kumpas has; they are shown, and used nowhere. */
const NUMBERS = ['complex', 'range', 'xrange', 'slice'];
const DATES = ['datetime', 'date', 'time', 'timedelta', 'timezone'];
/** Dicts of settings that are nothing more than dicts: Lightning's, and those that training scripts take for configurations. */
const DICTS = [
  ...['pytorch_lightning.utilities.parsing.AttributeDict', 'lightning.pytorch.utilities.parsing.AttributeDict'],
  ...['lightning_fabric.utilities.data.AttributeDict', 'lightning.fabric.utilities.data.AttributeDict'],
  ...['easydict.EasyDict', 'munch.Munch', 'yacs.config.CfgNode', 'addict.addict.Dict'],
];

/** A date is bytes and a zone; it is shown, and used nowhere. */
function shownPart(part: PythonValue): string {
  if (part instanceof PythonFloat) return String(part.value);
  if (part === null) return 'None';
  if (part instanceof Uint8Array) return Buffer.from(part).toString('hex');
  return typeof part === 'number' || typeof part === 'string' ? String(part) : '…';
}

/** Python 2 gives an OrderedDict its items as a list of pairs. */
function orderedDict(pairs: PythonValue | undefined): PythonOrderedDict {
  const dict = new PythonOrderedDict();
  for (const pair of pairs === undefined ? [] : itemsOf(pairs)) {
    const [key, value, ...more] = itemsOf(pair).slice(0, 3);
    if (key === undefined || value === undefined || more.length > 0) throw damagedPickle('has an OrderedDict with an item that is no pair');
    setItem(dict, key, value);
  }
  return dict;
}

/** The items themselves, uncopied: a small pickle may hand over the same long list any number of times. */
function itemsOf(value: PythonValue | undefined): readonly PythonValue[] {
  if (Array.isArray(value)) return value;
  if (value instanceof PythonTuple) return value.items;
  throw damagedPickle('has something else where a list belongs');
}

/** How protocol 2 writes bytes: as text of the same character codes, with the function that turns it back. */
function encodeLatin1(text: PythonValue | undefined, encoding: PythonValue | undefined): Uint8Array {
  if (typeof text !== 'string' || (encoding !== 'latin1' && encoding !== 'latin-1'))
    throw damagedPickle('has bytes in an unknown encoding');
  const bytes = new Uint8Array(Buffer.from(text, 'latin1'));
  if (Buffer.from(bytes.buffer).toString('latin1') !== text) throw damagedPickle('has bytes with values above 255');
  return bytes;
}

function joinPath(parts: readonly PythonValue[]): string {
  return parts
    .map((part) => (typeof part === 'string' ? part : '?'))
    .join('/')
    .replace(/^\/\//, '/');
}
