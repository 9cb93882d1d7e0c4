import type { Rebuild } from './allowed-python-names';
import { DTYPES } from './dtype';
import { MalformedCheckpoint } from './malformed-checkpoint';
import { damagedPickle } from './pickle-stack';
import { PythonName, PythonTuple, type PythonValue } from './python-values';
import { TorchStorage, TorchTensor } from './tensor';

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
