import { arrayOfBytes, toFloat32 } from '../../../data/npy';
import { required } from '../../../foundation/required';
import { headerLength, LENGTH_SIZE, parseHeader } from '../../../foundation/safetensors';

/** A tensor of a file of weights. */
export interface WeightTensor {
  readonly shape: readonly number[];
  readonly values: Float32Array;
}

/** How each type of number becomes float32. */
const READERS: ReadonlyMap<string, { readonly bytes: number; readonly read: (bytes: Uint8Array<ArrayBuffer>) => Float32Array }> = new Map([
  ['F32', { bytes: 4, read: (bytes) => toFloat32(arrayOfBytes('<f4', [], bytes)) }],
  ['F16', { bytes: 2, read: (bytes) => toFloat32(arrayOfBytes('<f2', [], bytes)) }],
  ['BF16', { bytes: 2, read: (bytes) => new Float32Array(Uint32Array.from(new Uint16Array(bytes.buffer), (half) => half << 16).buffer) }],
  ['I64', { bytes: 8, read: (bytes) => toFloat32(arrayOfBytes('<i8', [], bytes)) }],
]);

/** The tensors of a safetensors file, by name. @throws UserError where header and data do not agree. */
export function readWeights(file: Uint8Array<ArrayBuffer>): Map<string, WeightTensor> {
  const start = LENGTH_SIZE + headerLength(file.subarray(0, LENGTH_SIZE));
  const itemBytes = new Map([...READERS].map(([type, { bytes }]) => [type, bytes]));
  const { tensors } = parseHeader(Buffer.from(file.slice(LENGTH_SIZE, start)), file.length - start, itemBytes, READERS.size * 10_000);
  return new Map(
    tensors.map(({ name, type, shape, begin, end }) => {
      const { read } = required(READERS.get(type), `what ${type} is`);
      return [name, { shape, values: read(file.slice(start + begin, start + end)) }];
    }),
  );
}
