import { writeFileAtomically } from '../foundation/atomic-file';
import { toHostByteOrder } from './byte-order';
import { itemSizeOf } from './dtype';
import { SAFETENSORS_NAMES } from './safetensors-names';
import type { TorchTensor } from './tensor';

/**
 * Writes a safetensors file, atomically; equal content makes equal files. The widest numbers come first, so that each tensor lies at a multiple of its
 * numbers' size.
 * @param metadata texts by name, as `{ format: 'pt' }`.
 */
export function writeSafetensors(
  file: string,
  tensors: ReadonlyMap<string, TorchTensor>,
  metadata: Readonly<Record<string, string>>,
): void {
  const ordered = [...tensors].sort(([, one], [, other]) => itemSizeOf(other.dtype) - itemSizeOf(one.dtype));
  const names = new Map(SAFETENSORS_NAMES);
  let end = 0;
  const entries = ordered.map(([name, { dtype, shape, length }]): [string, unknown] => {
    const begin = end;
    end += length * itemSizeOf(dtype);
    return [name, { dtype: names.get(dtype), shape, data_offsets: [begin, end] }];
  });
  const json = Buffer.from(JSON.stringify(Object.fromEntries([['__metadata__', metadata], ...entries])));
  const header = Buffer.alloc(Math.ceil(json.length / ALIGNMENT) * ALIGNMENT, ' ');
  header.set(json);
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(header.length));
  writeFileAtomically(file, (append) => {
    append(length);
    append(header);
    for (const [, tensor] of ordered) {
      const values = tensor.values().slice();
      append(toHostByteOrder(new Uint8Array(values.buffer, values.byteOffset, values.byteLength), itemSizeOf(tensor.dtype), false));
    }
  });
}

const ALIGNMENT = 8;
