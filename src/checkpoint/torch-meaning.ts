import {
  allowedNumpyNames,
  allowedPythonNames,
  allowedTorchNames,
  refusalOf,
  requireCount,
  setNumpyArray,
  setNumpyByteOrder,
} from './allowed-names';
import { MalformedCheckpoint } from './bytes';
import { damagedPickle } from './pickle-instructions';
import type { PickleMeaning } from './pickle-read';
import { NumpyArray, NumpyDtype, PythonName, PythonNamespace, PythonOrderedDict, PythonTuple, type PythonValue } from './python-values';
import { type Dtype, dtypeOfStorageClass, itemSizeOf, type TorchStorage, TorchTensor } from './tensor';

/** A storage as a pickle refers to it. */
export interface StorageReference {
  readonly key: string;
  readonly dtype: Dtype;
  /** In values. */
  readonly length: number;
}

/** Everything that a checkpoint's pickle may name; anything else is refused. */
const ALLOWED_NAMES = new Map([...allowedPythonNames(), ...allowedNumpyNames(), ...allowedTorchNames()]);

/** Whether a name may stand in a checkpoint. */
export function isAllowedName({ full }: PythonName): boolean {
  return ALLOWED_NAMES.has(full);
}

const REBUILD_FROM_TYPE = 'torch._tensor._rebuild_from_type_v2';

/** What the names and references in a PyTorch file's pickle stand for. */
export class TorchMeaning implements PickleMeaning {
  private readonly storages = new Map<string, TorchStorage>();
  private tensorBytes = 0;
  private rebuiltFrom = 0;

  /**
   * @param fileSize tensors, and what objects are made of, may not together be many times larger than this: a few bytes can describe views of any size, and recall
   *   the same list any number of times.
   * @param open makes the storage of a reference that has not come before.
   */
  constructor(
    private readonly fileSize: number,
    private readonly open: (reference: StorageReference) => TorchStorage,
  ) {}

  admit(name: PythonName, instance: boolean): void {
    if (isAllowedName(name)) return;
    throw new MalformedCheckpoint(refusalOf(name, instance));
  }

  rebuild(name: PythonName, args: readonly PythonValue[]): PythonValue {
    if (name.full === REBUILD_FROM_TYPE) return this.rebuildFromType(args);
    const rebuild = ALLOWED_NAMES.get(name.full);
    if (!rebuild) throw damagedPickle(`makes an object of ${name.full}`);
    this.rebuiltFrom += args.reduce<number>((sum, arg) => sum + sizeOf(arg), 0);
    this.limit(this.rebuiltFrom, 'values', 4 * this.fileSize + 2 ** 20);
    const value = rebuild(args);
    if (value instanceof TorchTensor) {
      // Weights of one byte become floats of four.
      this.tensorBytes += value.length * Math.max(4, itemSizeOf(value.dtype));
      this.limit(this.tensorBytes, 'bytes of tensors', 16 * this.fileSize + 2 ** 26);
    }
    return value;
  }

  /** `(function, type, arguments, attributes)`: how a tensor that was given attributes is pickled. The attributes are of no account. */
  private rebuildFromType([name, , args]: readonly PythonValue[]): PythonValue {
    if (!(name instanceof PythonName) || !(args instanceof PythonTuple) || name.full === REBUILD_FROM_TYPE)
      throw damagedPickle('has a tensor with attributes that is no tensor');
    return this.rebuild(name, args.items);
  }

  setState(target: PythonValue, state: PythonValue): void {
    if ((target instanceof PythonOrderedDict || target instanceof PythonNamespace) && state instanceof Map) target.attributes = state;
    else if (target instanceof NumpyDtype && state instanceof PythonTuple) setNumpyByteOrder(target, state.items);
    else if (target instanceof NumpyArray && state instanceof PythonTuple) setNumpyArray(target, state.items);
    else throw damagedPickle('sets the state of something that has none');
  }

  /** `('storage', class, key, location, length[, view])`; where it was (`cpu`, `cuda:0`, `mps`) does not matter. */
  persistent(reference: PythonValue): TorchStorage {
    const [kind, storageClass, key, , length, view = null] = reference instanceof PythonTuple ? reference.items : [];
    if (kind !== 'storage' || !(storageClass instanceof PythonName) || typeof key !== 'string')
      throw damagedPickle('refers to something that is no storage');
    if (view !== null)
      throw new MalformedCheckpoint('it holds views of storages as PyTorch 0.3 wrote them: load and save it again in a newer PyTorch.');
    return this.storage({ key, dtype: storageDtype(storageClass), length: requireCount(length, "storage's length") });
  }

  private storage(reference: StorageReference): TorchStorage {
    const known = this.storages.get(reference.key);
    if (known) {
      if (known.dtype !== reference.dtype || known.length !== reference.length)
        throw damagedPickle(`describes the storage "${reference.key}" in two ways`);
      return known;
    }
    const opened = this.open(reference);
    this.storages.set(reference.key, opened);
    return opened;
  }

  private limit(claimed: number, what: string, most: number): void {
    if (claimed > most) throw new MalformedCheckpoint(`it claims ${claimed} ${what} in a file of ${this.fileSize} bytes: it is forged.`);
  }
}

function sizeOf(value: PythonValue): number {
  if (typeof value === 'string' || value instanceof Uint8Array || Array.isArray(value)) return value.length;
  return value instanceof PythonTuple ? value.items.length : 1;
}

function storageDtype(storageClass: PythonName): Dtype {
  if (storageClass.full === 'torch.storage.UntypedStorage') return 'uint8';
  const dtype = dtypeOfStorageClass(storageClass.name);
  if (!dtype)
    throw new MalformedCheckpoint(
      `it holds numbers of the type ${storageClass.full}, which is not supported: convert them to float32 before saving.`,
    );
  return dtype;
}
