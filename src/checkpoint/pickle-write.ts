import { ByteBuilder, MalformedCheckpoint } from './bytes';
import { OPCODE } from './pickle-instructions';
import {
  NumpyArray,
  NumpyDtype,
  type PythonDict,
  PythonFloat,
  PythonName,
  PythonNamespace,
  PythonOrderedDict,
  PythonSet,
  PythonTuple,
  type PythonValue,
} from './python-values';
import { storageClassOf, TorchStorage, TorchTensor } from './tensor';

/**
 * A value as a pickle of protocol 2, in the instructions that `torch.load(weights_only=True)` knows, with the storages it refers to: the position is the key.
 * Text and objects that come again are referred to, so that what was shared stays shared.
 * @throws MalformedCheckpoint for what such a pickle cannot hold: sets, NumPy's types and arrays, whole numbers of over 255 bytes, nesting deeper than 500.
 */
export function pickleWithStorages(value: PythonValue): { pickle: Uint8Array; storages: readonly TorchStorage[] } {
  return new PickleWriter().write(value);
}

const DEEPEST_NESTING = 500;
const LONGEST_INT = 255;

class PickleWriter {
  private readonly output = new ByteBuilder();
  private readonly memo = new Map<unknown, number>();
  private readonly names = new Map<string, PythonName>();
  private readonly storageKeys = new Map<TorchStorage, number>();
  private depth = 0;

  write(value: PythonValue): { pickle: Uint8Array; storages: readonly TorchStorage[] } {
    this.output.byte(OPCODE.PROTO);
    this.output.byte(2);
    this.value(value);
    this.output.byte(OPCODE.STOP);
    return { pickle: this.output.finish(), storages: [...this.storageKeys.keys()] };
  }

  private value(value: PythonValue): void {
    if (value === null) this.output.byte(OPCODE.NONE);
    else if (typeof value === 'boolean') this.output.byte(value ? OPCODE.NEWTRUE : OPCODE.NEWFALSE);
    else if (typeof value === 'number') this.number(value);
    else if (typeof value === 'bigint') this.long(value);
    else if (typeof value === 'string') this.text(value);
    else if (value instanceof PythonFloat) this.float(value.value);
    else this.object(value);
  }

  private object(value: Exclude<PythonValue, null | boolean | number | bigint | string | PythonFloat>): void {
    if (this.recall(value)) return;
    if (++this.depth > DEEPEST_NESTING) throw new MalformedCheckpoint(`its values are nested deeper than ${DEEPEST_NESTING}.`);
    if (value instanceof Map) this.dict(value);
    else if (Array.isArray(value)) this.list(value);
    else if (value instanceof PythonTuple) this.tuple(value.items, value);
    else if (value instanceof TorchTensor) this.tensor(value);
    else if (value instanceof TorchStorage) this.storage(value);
    else if (value instanceof Uint8Array) this.bytes(value);
    else if (value instanceof PythonName) this.name(value.module, value.name);
    else if (value instanceof PythonNamespace) this.namespace(value);
    else if (value instanceof PythonSet || value instanceof NumpyDtype || value instanceof NumpyArray)
      throw new MalformedCheckpoint(`a ${value.constructor.name} cannot be written.`);
    this.depth--;
  }

  private number(value: number): void {
    if (!Number.isInteger(value) || Object.is(value, -0)) this.float(value);
    else if (value >= 0 && value < 2 ** 8) {
      this.output.byte(OPCODE.BININT1);
      this.output.byte(value);
    } else if (value >= 0 && value < 2 ** 16) {
      this.output.byte(OPCODE.BININT2);
      this.output.uint16(value);
    } else if (value >= -(2 ** 31) && value < 2 ** 31) {
      this.output.byte(OPCODE.BININT);
      this.output.int32(value);
    } else this.long(BigInt(value));
  }

  /** Two's complement, little-endian, as short as it goes. */
  private long(value: bigint): void {
    let length = 1;
    while (length <= LONGEST_INT && BigInt.asIntN(8 * length, value) !== value) length++;
    if (length > LONGEST_INT) throw new MalformedCheckpoint(`a whole number of over ${LONGEST_INT} bytes cannot be written.`);
    const digits = BigInt.asUintN(8 * length, value)
      .toString(16)
      .padStart(2 * length, '0');
    this.output.byte(OPCODE.LONG1);
    this.output.byte(length);
    this.output.bytes(Buffer.from(digits, 'hex').reverse());
  }

  private float(value: number): void {
    this.output.byte(OPCODE.BINFLOAT);
    this.output.float64(value);
  }

  private text(value: string): void {
    if (this.recall(value)) return;
    const bytes = Buffer.from(value);
    this.output.byte(OPCODE.BINUNICODE);
    this.output.uint32(bytes.length);
    this.output.bytes(bytes);
    this.remember(value);
  }

  /** Protocol 2 has no instruction for bytes: they are text of the same codes, and the function that turns it back. */
  private bytes(value: Uint8Array): void {
    this.name('_codecs', 'encode');
    this.tuple([Buffer.from(value).toString('latin1'), 'latin1']);
    this.output.byte(OPCODE.REDUCE);
    this.remember(value);
  }

  private name(module: string, name: string): void {
    const line = `${module}\n${name}\n`;
    const known = this.names.get(line) ?? new PythonName(module, name);
    this.names.set(line, known);
    if (this.recall(known)) return;
    this.output.byte(OPCODE.GLOBAL);
    this.output.bytes(Buffer.from(line));
    this.remember(known);
  }

  private list(items: readonly PythonValue[]): void {
    this.output.byte(OPCODE.EMPTY_LIST);
    this.remember(items);
    if (items.length === 0) return;
    this.output.byte(OPCODE.MARK);
    for (const item of items) this.value(item);
    this.output.byte(OPCODE.APPENDS);
  }

  private tuple(items: readonly PythonValue[], identity?: PythonTuple): void {
    const short = [OPCODE.EMPTY_TUPLE, OPCODE.TUPLE1, OPCODE.TUPLE2, OPCODE.TUPLE3][items.length];
    if (short === undefined) this.output.byte(OPCODE.MARK);
    for (const item of items) this.value(item);
    this.output.byte(short ?? OPCODE.TUPLE);
    if (identity) this.remember(identity);
  }

  private dict(dict: PythonDict): void {
    if (dict instanceof PythonOrderedDict) {
      this.name('collections', 'OrderedDict');
      this.output.byte(OPCODE.EMPTY_TUPLE);
      this.output.byte(OPCODE.REDUCE);
    } else this.output.byte(OPCODE.EMPTY_DICT);
    this.remember(dict);
    if (dict.size > 0) {
      this.output.byte(OPCODE.MARK);
      for (const [key, value] of dict) {
        this.value(key);
        this.value(value);
      }
      this.output.byte(OPCODE.SETITEMS);
    }
    if (dict instanceof PythonOrderedDict && dict.attributes) this.state(dict.attributes);
  }

  private namespace(namespace: PythonNamespace): void {
    this.name('argparse', 'Namespace');
    this.output.byte(OPCODE.EMPTY_TUPLE);
    this.output.byte(OPCODE.NEWOBJ);
    this.remember(namespace);
    this.state(namespace.attributes);
  }

  private state(attributes: PythonDict): void {
    this.value(attributes);
    this.output.byte(OPCODE.BUILD);
  }

  /** `_rebuild_tensor_v2(storage, offset, size, stride, requires_grad, backward_hooks)`. */
  private tensor(tensor: TorchTensor): void {
    this.name('torch._utils', '_rebuild_tensor_v2');
    this.tuple([
      tensor.storage,
      tensor.offset,
      new PythonTuple(tensor.shape),
      new PythonTuple(tensor.strides),
      false,
      new PythonOrderedDict(),
    ]);
    this.output.byte(OPCODE.REDUCE);
    this.remember(tensor);
  }

  private storage(storage: TorchStorage): void {
    const key = this.storageKeys.get(storage) ?? this.storageKeys.size;
    this.storageKeys.set(storage, key);
    this.tuple(['storage', new PythonName('torch', storageClassOf(storage.dtype)), String(key), 'cpu', storage.length]);
    this.output.byte(OPCODE.BINPERSID);
  }

  private remember(value: unknown): void {
    const index = this.memo.size;
    this.memo.set(value, index);
    if (index < 2 ** 8) {
      this.output.byte(OPCODE.BINPUT);
      this.output.byte(index);
    } else {
      this.output.byte(OPCODE.LONG_BINPUT);
      this.output.uint32(index);
    }
  }

  private recall(value: unknown): boolean {
    const index = this.memo.get(value);
    if (index === undefined) return false;
    if (index < 2 ** 8) {
      this.output.byte(OPCODE.BINGET);
      this.output.byte(index);
    } else {
      this.output.byte(OPCODE.LONG_BINGET);
      this.output.uint32(index);
    }
    return true;
  }
}
