import { elementAt } from '../foundation/required';
import { MalformedCheckpoint } from './bytes';
import { damagedPickle, setItem } from './pickle-instructions';
import {
  NumpyArray,
  NumpyDtype,
  PythonFloat,
  pythonFloat,
  pythonInt,
  PythonName,
  PythonNamespace,
  PythonOrderedDict,
  PythonSet,
  PythonTuple,
  type PythonValue,
} from './python-values';
import { DTYPES, MOST_DIMENSIONS, toFloat32Values, TorchStorage, TorchTensor } from './tensor';

/** Rebuilds, as inert data, what a class or function would have made of its arguments; undefined where the name may only be mentioned. */
type Rebuild = ((args: readonly PythonValue[]) => PythonValue) | undefined;

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

/** NumPy's names that a checkpoint may hold: scalars, which training loops let slip into epochs and metrics, and arrays, whose values are passed over. */
export function allowedNumpyNames(): [string, Rebuild][] {
  return [
    ['numpy.dtype', ([code]) => numpyDtype(code)],
    ['numpy.ndarray', undefined],
    ['numpy.core.multiarray._reconstruct', () => new NumpyArray()],
    ['numpy._core.multiarray._reconstruct', () => new NumpyArray()],
    ['numpy.core.multiarray.scalar', scalar],
    ['numpy._core.multiarray.scalar', scalar],
  ];
}

/** Takes the byte order from a dtype's pickled state, `(version, order, …)`. */
export function setNumpyByteOrder(dtype: NumpyDtype, state: readonly PythonValue[]): void {
  dtype.bigEndian = state[1] === '>';
}

/** Takes shape and type from an array's pickled state, `(version, shape, dtype, …)`. */
export function setNumpyArray(array: NumpyArray, [, shape, dtype]: readonly PythonValue[]): void {
  if (!(shape instanceof PythonTuple) || !(dtype instanceof NumpyDtype)) throw damagedPickle('has a numpy array without a shape or type');
  if (shape.items.length > MOST_DIMENSIONS) throw damagedPickle(`has a numpy array of ${shape.items.length} dimensions`);
  array.shape = shape.items.map((size) => (typeof size === 'number' ? size : NaN));
  array.dtype = dtype.code;
}

function numpyDtype(code: PythonValue | undefined): NumpyDtype {
  if (typeof code !== 'string' || code.length > 8) throw damagedPickle('has a numpy.dtype without a type code');
  return new NumpyDtype(code);
}

function scalar([dtype, bytes]: readonly PythonValue[]): PythonValue {
  if (!(dtype instanceof NumpyDtype) || !(bytes instanceof Uint8Array)) throw damagedPickle('has a numpy scalar without a type or bytes');
  const read = SCALARS.get(dtype.code);
  if (!read) throw new MalformedCheckpoint(`it holds a numpy scalar of type ${dtype.code}: save plain Python numbers instead.`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.byteLength !== Number(dtype.code.slice(1)))
    throw damagedPickle(`has a numpy scalar of type ${dtype.code} in ${view.byteLength} bytes`);
  return read(view, !dtype.bigEndian);
}

type ScalarReader = (view: DataView, littleEndian: boolean) => PythonValue;

const SCALARS: ReadonlyMap<string, ScalarReader> = new Map<string, ScalarReader>([
  ['b1', (view) => view.getUint8(0) !== 0],
  ['i1', (view) => view.getInt8(0)],
  ['u1', (view) => view.getUint8(0)],
  ['i2', (view, little) => view.getInt16(0, little)],
  ['u2', (view, little) => view.getUint16(0, little)],
  ['i4', (view, little) => view.getInt32(0, little)],
  ['u4', (view, little) => view.getUint32(0, little)],
  ['i8', (view, little) => pythonInt(view.getBigInt64(0, little))],
  ['u8', (view, little) => pythonInt(view.getBigUint64(0, little))],
  ['f2', (view, little) => pythonFloat(elementAt(toFloat32Values('float16', Uint16Array.of(view.getUint16(0, little))), 0))],
  ['f4', (view, little) => pythonFloat(view.getFloat32(0, little))],
  ['f8', (view, little) => pythonFloat(view.getFloat64(0, little))],
]);

/** PyTorch's names that a checkpoint may hold. */
export function allowedTorchNames(): [string, Rebuild][] {
  return [
    ['torch._utils._rebuild_tensor', rebuildTensor],
    ['torch._utils._rebuild_tensor_v2', rebuildTensor],
    ['torch._utils._rebuild_tensor_v3', refuseNewDtype],
    ['torch._utils._rebuild_parameter', ([data]) => requireTensor(data)],
    ['torch._utils._rebuild_parameter_with_state', ([data]) => requireTensor(data)],
    ['torch.Size', ([sizes]) => (sizes instanceof PythonTuple ? sizes : new PythonTuple(Array.isArray(sizes) ? sizes : []))],
    ['torch.torch_version.TorchVersion', ([version]) => (typeof version === 'string' ? version : '?')],
    ['torch.device', (parts) => parts.map((part) => (typeof part === 'string' || typeof part === 'number' ? String(part) : '?')).join(':')],
    ['torch.storage.UntypedStorage', undefined],
    ...['torch.Tensor', 'torch._tensor.Tensor', 'torch.nn.parameter.Parameter', 'torch._tensor._rebuild_from_type_v2'].map(
      (name): [string, Rebuild] => [name, undefined],
    ),
    ...STORAGE_CLASSES.flatMap((name): [string, Rebuild][] => [
      [`torch.${name}`, undefined],
      [`torch.cuda.${name}`, undefined],
    ]),
    ...[...DTYPES, ...DTYPES_BY_NAME_ONLY].map((dtype): [string, Rebuild] => [`torch.${dtype}`, undefined]),
  ];
}

/** A whole number from zero on. @throws MalformedCheckpoint for anything else. */
export function requireCount(value: PythonValue | undefined, what: string): number {
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0) throw damagedPickle(`has a ${what} that is no whole number`);
  return value;
}

/** Those of types of number that are not read too, so that the error can name the type. */
const STORAGE_CLASSES = [
  ...['Double', 'Float', 'Half', 'BFloat16', 'Long', 'Int', 'Short', 'Char', 'Byte', 'Bool'],
  ...['ComplexDouble', 'ComplexFloat', 'QUInt8', 'QInt8', 'QInt32', 'QUInt4x2', 'QUInt2x4'],
].map((kind) => `${kind}Storage`);

/** Types of number that may be mentioned in a configuration, though no tensor of theirs is read. */
const DTYPES_BY_NAME_ONLY = [
  ...['uint16', 'uint32', 'uint64', 'complex32', 'complex64', 'complex128', 'qint8', 'quint8', 'qint32'],
  ...['float8_e4m3fn', 'float8_e5m2', 'float8_e4m3fnuz', 'float8_e5m2fnuz', 'float8_e8m0fnu'],
];

/** `(storage, offset, size, stride, …)`: what follows (requires_grad, hooks) is of no account for values. */
function rebuildTensor([storage, offset, size, stride]: readonly PythonValue[]): TorchTensor {
  if (!(storage instanceof TorchStorage) || !(size instanceof PythonTuple) || !(stride instanceof PythonTuple))
    throw damagedPickle('has a tensor without a storage, shape or strides');
  const shape = size.items.map((item) => requireCount(item, "tensor's size"));
  const strides = stride.items.map((item) => requireCount(item, "tensor's stride"));
  return new TorchTensor(storage, requireCount(offset, "tensor's offset"), shape, strides);
}

/** Version 3 is for the types of number that have no storage class of their own; the seventh argument is the dtype. */
function refuseNewDtype(args: readonly PythonValue[]): never {
  const dtype = args[6];
  throw new MalformedCheckpoint(
    `it holds a tensor of type ${dtype instanceof PythonName ? dtype.full : 'unknown'}, which is not supported: convert it to float32 before saving.`,
  );
}

function requireTensor(value: PythonValue | undefined): TorchTensor {
  if (!(value instanceof TorchTensor)) throw damagedPickle('has a parameter that is no tensor');
  return value;
}

/**
 * What to say of a name that no checkpoint of plain data and tensors needs: what it shows that the file is, as far as that is known, and how to save it otherwise.
 * @param instance whether an object of a class of this name is made next.
 */
export function refusalOf({ full, name }: PythonName, instance: boolean): string {
  const known = KNOWN.find(({ names }) => names.test(full))?.says;
  if (known !== undefined) return `${known} Nothing was run.`;
  if (instance || isOfModules(full)) return `it holds a whole pickled object of the class ${full}, not just data. ${SAVE_WITHOUT}`;
  if (/^[A-Z]/.test(name) && !RUNS.test(full))
    return `it holds an object of the class ${full}, which is read nowhere but in Python: a whole module, or settings of a class of their own. Nothing was run. ${SAVE_WITHOUT}`;
  return `it is refused: it mentions ${full}, which no checkpoint of plain data and tensors needs and which in Python could run a program. Nothing was run.`;
}

const SAVE_WITHOUT =
  "In Python, save the weights alone: torch.save(model.state_dict(), 'weights.pt'); or, where it is among the settings of a checkpoint, the checkpoint without them: torch.save({key: value for key, value in checkpoint.items() if key not in ('args', 'config')}, 'checkpoint.pt'); or settings as plain values, as vars(args) gives them.";

/** Layers of PyTorch and its relatives: what is there is a module as it was. */
function isOfModules(full: string): boolean {
  return /^(?:torch\.nn\.(?:modules|parallel|utils)|torchvision\.models|timm\.models|transformers\.models|torch\._dynamo\.eval_frame)\./.test(
    full,
  );
}

/** Modules that run programs or open files, whatever is named in them. */
const RUNS =
  /^(?:os|posix|nt|sys|subprocess|shutil|builtins|__builtin__|importlib|runpy|socket|ctypes|pickle|_pickle|marshal|types|code|codeop|pty|multiprocessing|webbrowser|asyncio|platform|tempfile|threading|functools|operator)\./;

const SAVE_PLAIN = "In Python, save plain tensors: torch.save({name: tensor%s for name, tensor in state_dict.items()}, 'weights.pt').";

const KNOWN: readonly { readonly names: RegExp; readonly says: string }[] = [
  {
    names: /^torch\._utils\._rebuild_qtensor$/,
    says: "it holds quantised tensors, which no model of Kumpas computes with: save the model as it was before it was quantised, or, in Python, torch.save({name: value.dequantize() for name, value in state_dict.items()}, 'weights.pt') where all are tensors.",
  },
  {
    names: /^torch\.(?:ao\.nn|nn)\.(?:quantized|quantizable|qat|intrinsic)/,
    says: 'it holds modules of a quantised model: save the state_dict of the model as it was before it was quantised.',
  },
  {
    names: /^torch\._utils\._rebuild_sparse/,
    says: `it holds sparse tensors. ${SAVE_PLAIN.replace('%s', '.to_dense()')}`,
  },
  {
    names: /^torch\._utils\._rebuild_(?:meta_tensor|nested_tensor|wrapper_subclass|device_tensor|xla_tensor)|^torch\._tensor\._rebuild/,
    says: `it holds tensors of a special kind, without plain values in the file. ${SAVE_PLAIN.replace('%s', '.cpu()')}`,
  },
  {
    names: /^torch\.distributed\./,
    says: 'it holds one part of a model that was saved in parts (DTensor or ShardedTensor). In Python, gather the whole state_dict, as torch.distributed.checkpoint.state_dict.get_model_state_dict does with full_state_dict, and save it with torch.save.',
  },
  {
    names: /^torch\.storage\._load_from_bytes$/,
    says: "it is a pickle that pickle.dump or joblib wrote of tensors, not a file of torch.save. In Python, load it as it was written and save it again: torch.save(pickle.load(open(file, 'rb')), 'weights.pt').",
  },
  {
    names: /^torch\.(?:jit|_C)\./,
    says: 'it holds a TorchScript module. In Python, save its state_dict() with torch.save.',
  },
];
