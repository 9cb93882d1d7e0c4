import { DataType, typeOf, type Operation, type Recording, type TensorType, type ValueNumber } from './recording';

/** The type in which matrix products are computed; all else stays float32. */
export type MatrixType = 'float32' | 'bfloat16';

const MATRIX_PRODUCTS = new Set(['MatMul', 'BatchMatMul', 'BatchMatMulV2']);

/**
 * The same recording with its float32 matrix products computed in bfloat16: what goes into them is cast down, once where several take it, and what comes out
 * is cast up again. Weights, sums, softmax, norms and the loss stay in float32.
 */
export function withBfloat16Products(recording: Recording): Recording {
  const types = new Map(recording.types);
  const operations: Operation[] = [];
  const casts = new Map<ValueNumber, ValueNumber>();
  const newValue = (type: TensorType): ValueNumber => {
    types.set(types.size, type);
    return types.size - 1;
  };
  const cast = (from: ValueNumber, to: ValueNumber): void => {
    const [source, target] = [typeOf(types, from).dtype, typeOf(types, to).dtype];
    operations.push({
      name: 'Cast',
      attributes: { SrcT: { kind: 'type', value: source }, DstT: { kind: 'type', value: target } },
      inputs: [from],
      outputs: [to],
    });
  };
  const lowered = (value: ValueNumber): ValueNumber => {
    const known = casts.get(value);
    if (known !== undefined) return known;
    const low = newValue({ dtype: DataType.bfloat16, shape: typeOf(recording.types, value).shape });
    cast(value, low);
    casts.set(value, low);
    return low;
  };
  for (const operation of recording.operations) {
    const [output] = operation.outputs;
    if (output === undefined || !MATRIX_PRODUCTS.has(operation.name) || typeOf(recording.types, output).dtype !== DataType.float32) {
      operations.push(operation);
      continue;
    }
    const inputs = operation.inputs.map(lowered);
    const low = newValue({ dtype: DataType.bfloat16, shape: typeOf(recording.types, output).shape });
    operations.push({
      ...operation,
      attributes: { ...operation.attributes, T: { kind: 'type', value: DataType.bfloat16 } },
      inputs,
      outputs: [low],
    });
    cast(low, output);
  }
  return { ...recording, types, operations };
}
