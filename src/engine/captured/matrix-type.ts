import { elementAt, required } from '../../foundation/required';
import { sizeOfShape } from '../parameters';
import { type ProductKind, productKinds } from '../precision';
import { type LowPrecision, lowPrecisionOf } from './operation-rules';
import { type Attributes, DataType, type Operation, type Recording, type TensorType, typeOf, type ValueNumber } from './recording';

/** The type in which matrix products are computed, or the kinds of products that are computed in bfloat16; all else stays float32. */
export type MatrixType = 'float32' | 'bfloat16' | readonly ProductKind[];

/** Multiplications from which on a product is a large one: 64 rows of 512 numbers times a weight of 512 columns. */
const LARGE_PRODUCT = 2 ** 24;

type EitherType = Extract<LowPrecision, { kind: 'either' }>;

/** How many of an operation's first inputs are of its own type: indices, sizes and axes follow. */
function typedInputs({ name, inputs }: Operation): number {
  const rule = lowPrecisionOf(name);
  if (rule?.kind === 'exact') return rule.operands < 0 ? inputs.length + rule.operands : rule.operands;
  return 2; // A product, or one of BiasAdd, Maximum and Mul.
}

/** Whether any product is computed in bfloat16. */
export function isLow(type: MatrixType): boolean {
  return type !== 'float32' && type.length > 0;
}

/** The same recording with its matrix products computed in that type. */
export function withProductsIn(type: MatrixType, recording: Recording): Recording {
  return isLow(type) ? withBfloat16Products(recording, typeof type === 'string' ? productKinds : type) : recording;
}

/**
 * The same recording with its float32 matrix products of some kinds computed in bfloat16, the bias of a linear layer with them, as PyTorch's autocast does. What only
 * moves or picks values on its way from one product to the next stays in bfloat16; all else, sums, softmax, norms, the loss and the weights, is float32.
 */
export function withBfloat16Products(recording: Recording, kinds: readonly ProductKind[] = productKinds): Recording {
  return new Lowering(recording, new Set(kinds)).run();
}

/** The kind of a product `[…, rows, inner] · [inner, columns]`. */
function kindOfProduct({ name, inputs, outputs }: Operation, types: Recording['types']): ProductKind {
  const shapeAt = (values: readonly ValueNumber[], place: number): readonly number[] =>
    typeOf(types, required(values[place], `a matrix of ${name}`)).shape;
  const [left, right, product] = [shapeAt(inputs, 0), shapeAt(inputs, 1), shapeAt(outputs, 0)];
  if (sizeOfShape(product.slice(0, -2)) > 1) return 'batched';
  // (rows · inner) · (inner · columns) · (rows · columns) is the square of rows · inner · columns.
  return Math.sqrt(sizeOfShape(left) * sizeOfShape(right) * sizeOfShape(product)) >= LARGE_PRODUCT ? 'large' : 'small';
}

class Lowering {
  private readonly types: Map<ValueNumber, TensorType>;
  private readonly operations: Operation[] = [];
  /** The bfloat16 twin of a float32 value, where there is one. */
  private readonly twins = new Map<ValueNumber, ValueNumber>();
  /** Values whose bfloat16 twin is exactly as good: results of products, what was moved of them, and masks of zeros and ones. */
  private readonly lossless = new Set<ValueNumber>();
  /** Masks of zeros and ones, each with the truth values that it was made of. */
  private readonly masks = new Map<ValueNumber, ValueNumber>();

  /** Values that something takes which computes in float32, or that are results. */
  private readonly wantedExact: ReadonlySet<ValueNumber>;

  constructor(
    private readonly recording: Recording,
    private readonly kinds: ReadonlySet<ProductKind>,
  ) {
    this.types = new Map(recording.types);
    const takers = recording.operations.filter((operation) => !this.takesRounded(operation)).flatMap(({ inputs }) => inputs);
    this.wantedExact = new Set([...takers, ...recording.results.values()]);
  }

  run(): Recording {
    for (const operation of this.recording.operations) {
      const rule = lowPrecisionOf(operation.name);
      if (rule?.kind === 'either' && this.isEitherLowered(operation, rule)) this.lowerEither(operation, rule);
      else if (this.isLowered(operation)) this.lower(operation);
      else this.operations.push(operation);
      const [output] = operation.outputs;
      const [truth] = operation.inputs;
      if (output !== undefined && truth !== undefined && isMask(operation)) {
        this.lossless.add(output);
        this.masks.set(output, truth);
      }
    }
    return { ...this.recording, types: this.types, operations: this.operations };
  }

  /** Whether an operation takes its operands in bfloat16 as well as in float32: products, and sums of columns, the gradients of biases. */
  private takesRounded(operation: Operation): boolean {
    const rule = lowPrecisionOf(operation.name);
    if (rule?.kind === 'product') return this.kinds.has(kindOfProduct(operation, this.types));
    return rule?.kind === 'sum' || (rule?.kind === 'either' && rule.sum === true);
  }

  private isLowered(operation: Operation): boolean {
    const { name, inputs, outputs } = operation;
    const [output, ...more] = outputs;
    if (output === undefined || more.length > 0 || typeOf(this.types, output).dtype !== DataType.float32) return false;
    const rule = lowPrecisionOf(name)?.kind;
    if (rule === 'product') return this.kinds.has(kindOfProduct(operation, this.types));
    const isLossless = (value: ValueNumber): boolean => this.lossless.has(value);
    const typed = inputs.slice(0, typedInputs(operation));
    if (name === 'BiasAdd') return typed.slice(0, 1).every(isLossless);
    if (name === 'Maximum') return typed.slice(0, 1).every(isLossless) && typed.slice(1).every((value) => this.isZero(value));
    return (rule === 'exact' || (name === 'Mul' && this.hasMask(typed))) && typed.every(isLossless);
  }

  private isEitherLowered({ inputs, outputs }: Operation, places: EitherType): boolean {
    if (places.inputs.length > 0) return places.inputs.every((place) => this.lossless.has(elementAt(inputs, place)));
    return places.outputs.every((place) => !this.wantedExact.has(elementAt(outputs, place)));
  }

  private lowerEither(operation: Operation, places: EitherType): void {
    const inputs = operation.inputs.map((input, place) => (places.inputs.includes(place) ? this.twinOf(input) : input));
    const lowered = operation.outputs.map((output, place): { output: ValueNumber; low: ValueNumber } | undefined =>
      places.outputs.includes(place)
        ? { output, low: this.addValue({ dtype: DataType.bfloat16, shape: typeOf(this.types, output).shape }) }
        : undefined,
    );
    const attributes: Attributes = { ...operation.attributes, T: { kind: 'type', value: DataType.bfloat16 } };
    const outputs = operation.outputs.map((output, place) => lowered[place]?.low ?? output);
    this.operations.push({ ...operation, attributes, inputs, outputs });
    for (const twin of lowered) {
      if (twin === undefined) continue;
      this.addCast(twin.low, twin.output);
      this.twins.set(twin.output, twin.low);
      this.lossless.add(twin.output);
    }
  }

  /** Computes an operation in bfloat16, and its float32 result from that, for whoever takes it. */
  private lower(operation: Operation): void {
    const output = elementAt(operation.outputs, 0);
    const typed = typedInputs(operation);
    const inputs = operation.inputs.map((input, place) => (place < typed ? this.twinOf(input) : input));
    const low = this.addValue({ dtype: DataType.bfloat16, shape: typeOf(this.types, output).shape });
    const rule = lowPrecisionOf(operation.name);
    const attribute = rule?.kind === 'exact' ? rule.typeAttribute : undefined;
    const attributes: Attributes = { ...operation.attributes, [attribute ?? 'T']: { kind: 'type', value: DataType.bfloat16 } };
    this.operations.push({ ...operation, attributes, inputs, outputs: [low] });
    this.addCast(low, output);
    this.twins.set(output, low);
    this.lossless.add(output);
  }

  private twinOf(value: ValueNumber): ValueNumber {
    const known = this.twins.get(value);
    if (known !== undefined) return known;
    const low = this.addValue({ dtype: DataType.bfloat16, shape: typeOf(this.types, value).shape });
    this.addCast(this.masks.get(value) ?? value, low);
    this.twins.set(value, low);
    return low;
  }

  /** Whether a value is the constant 0: then the larger of it and another value is one that was picked. */
  private isZero(value: ValueNumber): boolean {
    return this.recording.constants.get(value)?.bytes.every((byte) => byte === 0) === true;
  }

  private hasMask(values: readonly ValueNumber[]): boolean {
    return values.some((value) => this.masks.has(value));
  }

  private addValue(type: TensorType): ValueNumber {
    this.types.set(this.types.size, type);
    return this.types.size - 1;
  }

  private addCast(from: ValueNumber, to: ValueNumber): void {
    const [source, target] = [typeOf(this.types, from).dtype, typeOf(this.types, to).dtype];
    this.operations.push({
      name: 'Cast',
      attributes: { SrcT: { kind: 'type', value: source }, DstT: { kind: 'type', value: target } },
      inputs: [from],
      outputs: [to],
    });
  }
}

/** Whether an operation gives zeros and ones: truth values as numbers. */
function isMask({ name, attributes }: Operation): boolean {
  return name === 'Cast' && attributes['SrcT']?.value === DataType.bool;
}
