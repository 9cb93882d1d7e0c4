import { elementAt } from '../../foundation/required';
import { hasFastProducts } from '../native-backend';
import { DataType, type Operation, type Recording, type TensorType, typeOf, type ValueNumber } from './recording';

/** Multiplications and additions below which a product is left to TensorFlow: what surrounds it then counts more. */
const SMALL = 2 ** 20;

/** The same recording with the products that are fastest on this processor. */
export function inFastestProducts(recording: Recording): Recording {
  return hasFastProducts() ? withOwnProducts(recording) : recording;
}

/**
 * The same recording with its large float32 products of two matrices as own kernels, each with the bias that is added to it and to nothing else's sum. Where
 * processors have AVX2 and no AVX-512, TensorFlow's products reach two thirds of their rate, and these nine tenths.
 */
export function withOwnProducts(recording: Recording): Recording {
  const types = new Map(recording.types);
  const constants = new Map(recording.constants);
  const nothing = Math.max(-1, ...types.keys()) + 1;
  types.set(nothing, { dtype: DataType.float32, shape: [0] });
  constants.set(nothing, { dtype: DataType.float32, shape: [0], bytes: new Uint8Array(0) });

  const products = new Map<ValueNumber, Operation>();
  for (const operation of recording.operations) {
    const [output] = operation.outputs;
    if (output !== undefined && isLargeProduct(types, operation)) products.set(output, operation);
  }
  const biased = biasesOf(recording, products);
  const joined = new Set(biased.values());
  const operations = recording.operations.flatMap((operation): Operation[] => {
    const [output] = operation.outputs;
    const product = output === undefined ? undefined : (products.get(output) ?? biased.get(operation));
    if (product === undefined) return [operation];
    if (joined.has(product) && product === operation) return []; // It comes with its bias.
    const bias = product === operation ? nothing : elementAt(operation.inputs, 1);
    return [ownProduct(product, bias, operation.outputs)];
  });
  return { ...recording, types, constants, operations };
}

function isLargeProduct(types: ReadonlyMap<ValueNumber, TensorType>, { name, attributes, inputs, outputs }: Operation): boolean {
  if (name !== 'MatMul' || attributes['T']?.value !== DataType.float32) return false;
  if (isTransposed(attributes, 'transpose_a') && isTransposed(attributes, 'transpose_b')) return false;
  const shape = (value: ValueNumber | undefined): readonly number[] => (value === undefined ? [] : typeOf(types, value).shape);
  const [rows = 0, columns = 0] = shape(outputs[0]);
  const depth = shape(inputs[0])[isTransposed(attributes, 'transpose_a') ? 0 : 1] ?? 0;
  return rows * columns * depth >= SMALL;
}

/** The additions of a bias to one of these products that nothing else takes, each with its product. */
function biasesOf({ operations, results }: Recording, products: ReadonlyMap<ValueNumber, Operation>): Map<Operation, Operation> {
  const takers = new Map<ValueNumber, number>();
  for (const value of [...operations.flatMap(({ inputs }) => inputs), ...results.values()]) takers.set(value, (takers.get(value) ?? 0) + 1);
  const biased = new Map<Operation, Operation>();
  for (const operation of operations) {
    const [sum] = operation.inputs;
    const product = sum === undefined ? undefined : products.get(sum);
    if (sum !== undefined && product !== undefined && operation.name === 'BiasAdd' && takers.get(sum) === 1) biased.set(operation, product);
  }
  return biased;
}

function ownProduct({ attributes, inputs, ...product }: Operation, bias: ValueNumber, outputs: readonly ValueNumber[]): Operation {
  const transposed = isTransposed(attributes, 'transpose_a') ? 1 : isTransposed(attributes, 'transpose_b') ? 2 : 0;
  return {
    ...product,
    name: 'KumpasMatMul',
    attributes: { T: { kind: 'type', value: DataType.float32 }, transposed: { kind: 'int', value: transposed } },
    inputs: [elementAt(inputs, 0), elementAt(inputs, 1), bias],
    outputs,
  };
}

function isTransposed(attributes: Operation['attributes'], name: string): boolean {
  return attributes[name]?.value === true;
}
