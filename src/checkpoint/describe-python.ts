import {
  NumpyArray,
  NumpyDtype,
  PythonFloat,
  PythonName,
  PythonNamespace,
  PythonSet,
  PythonTuple,
  type PythonValue,
} from './python-values';
import { TorchTensor } from './tensor';

const LONGEST_SHOWN_BITS = 128;

/** What a value is, in a few words for an error: `a dict of 3 items`. */
export function describePython(value: PythonValue | undefined): string {
  if (value === undefined) return 'nothing';
  if (value === null) return 'None';
  if (typeof value === 'string') return `the text ${JSON.stringify(value.length > 40 ? `${value.slice(0, 40)}…` : value)}`;
  if (typeof value === 'boolean') return value ? 'True' : 'False';
  if (typeof value === 'bigint' && BigInt.asIntN(LONGEST_SHOWN_BITS, value) !== value) return `a number of over ${LONGEST_SHOWN_BITS} bits`;
  if (typeof value === 'number' || typeof value === 'bigint') return `the number ${value.toString()}`;
  if (value instanceof PythonFloat) return `the number ${value.value}`;
  if (value instanceof Map) return `a dict of ${value.size} items`;
  if (Array.isArray(value)) return `a list of ${value.length}`;
  if (value instanceof PythonTuple || value instanceof PythonSet)
    return `a ${value instanceof PythonSet ? 'set' : 'tuple'} of ${value.items.length}`;
  if (value instanceof TorchTensor) return `a ${value.dtype} tensor of shape [${value.shape.join(', ')}]`;
  if (value instanceof PythonName) return value.full;
  if (value instanceof PythonNamespace) return 'an argparse.Namespace';
  if (value instanceof NumpyArray) return `a numpy array ${value.dtype} of shape [${value.shape.join(', ')}]`;
  return value instanceof NumpyDtype ? 'a numpy.dtype' : 'raw bytes';
}
