import { DataType, typeOf, type Attributes, type Operation, type Recording, type TensorType, type ValueNumber } from './recording';

/** The type in which matrix products are computed; all else stays float32. */
export type MatrixType = 'float32' | 'bfloat16';

const MATRIX_PRODUCTS = new Set(['MatMul', 'BatchMatMul', 'BatchMatMulV2']);

/** Operations that move values, or pick some, without computing: what is exact in bfloat16 before is so after. */
const EXACT = new Set(['Reshape', 'Transpose', 'Slice', 'ConcatV2', 'GatherV2', 'Relu', 'ReluGrad']);

/**
 * Kumpas's own operations, which take and give either type: the places of the inputs and outputs that are of it. What a product gave goes into them as it is;
 * without such an input they give bfloat16 where only products take it.
 */
const OWN: Readonly<Record<string, { readonly inputs: readonly number[]; readonly outputs: readonly number[] }>> = {
  KumpasColumnSum: { inputs: [0], outputs: [] },
  KumpasReluGrad: { inputs: [0, 1], outputs: [0] },
  KumpasLayerNorm: { inputs: [], outputs: [0] },
  KumpasLayerNormGrad: { inputs: [0], outputs: [] },
  KumpasDropout: { inputs: [], outputs: [0] },
  KumpasDropoutAdd: { inputs: [0], outputs: [] },
  KumpasReluDropout: { inputs: [0], outputs: [0] },
  KumpasSoftmax: { inputs: [0], outputs: [1] },
  KumpasSoftmaxGrad: { inputs: [0], outputs: [0] },
};

/** Sums of columns take what products take: gradients of biases. */
const TAKES_PRODUCTS = new Set([...MATRIX_PRODUCTS, 'BiasAddGrad', 'KumpasColumnSum']);

/** How many of an operation's first inputs are of its own type: indices, sizes and axes follow. */
function typedInputs({ name, inputs }: Operation): number {
  if (name === 'ConcatV2') return inputs.length - 1;
  return ['ReluGrad', 'Mul', 'BiasAdd', 'Maximum'].includes(name) || MATRIX_PRODUCTS.has(name) ? 2 : 1;
}

/**
 * The same recording with its float32 matrix products computed in bfloat16, the bias of a linear layer with them, as PyTorch's autocast does. What only moves
 * or picks values on its way from one product to the next stays in bfloat16; all else, sums, softmax, norms, the loss and the weights, is float32.
 */
export function withBfloat16Products(recording: Recording): Recording {
  return new Lowering(recording).run();
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

  constructor(private readonly recording: Recording) {
    this.types = new Map(recording.types);
    const takers = recording.operations.filter(({ name }) => !TAKES_PRODUCTS.has(name)).flatMap(({ inputs }) => inputs);
    this.wantedExact = new Set([...takers, ...recording.results.values()]);
  }

  run(): Recording {
    for (const operation of this.recording.operations) {
      if (this.isOwnLowered(operation)) this.lowerOwn(operation, OWN[operation.name] ?? { inputs: [], outputs: [] });
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

  private isLowered(operation: Operation): boolean {
    const { name, inputs, outputs } = operation;
    const [output, ...more] = outputs;
    if (output === undefined || more.length > 0 || typeOf(this.types, output).dtype !== DataType.float32) return false;
    if (MATRIX_PRODUCTS.has(name)) return true;
    const isLossless = (value: ValueNumber): boolean => this.lossless.has(value);
    const typed = inputs.slice(0, typedInputs(operation));
    if (name === 'BiasAdd') return typed.slice(0, 1).every(isLossless);
    if (name === 'Maximum') return typed.slice(0, 1).every(isLossless) && typed.slice(1).every((value) => this.isZero(value));
    return (EXACT.has(name) || (name === 'Mul' && this.hasMask(typed))) && typed.every(isLossless);
  }

  private isOwnLowered({ name, inputs, outputs }: Operation): boolean {
    const places = Object.hasOwn(OWN, name) ? OWN[name] : undefined;
    if (places === undefined) return false;
    if (places.inputs.length > 0) return places.inputs.every((place) => this.lossless.has(inputs[place] ?? -1));
    return places.outputs.every((place) => !this.wantedExact.has(outputs[place] ?? -1));
  }

  private lowerOwn(operation: Operation, places: { readonly inputs: readonly number[]; readonly outputs: readonly number[] }): void {
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
    const [output = -1] = operation.outputs;
    const typed = typedInputs(operation);
    const inputs = operation.inputs.map((input, place) => (place < typed ? this.twinOf(input) : input));
    const low = this.addValue({ dtype: DataType.bfloat16, shape: typeOf(this.types, output).shape });
    const attribute = operation.name === 'GatherV2' ? 'Tparams' : 'T';
    const attributes: Attributes = { ...operation.attributes, [attribute]: { kind: 'type', value: DataType.bfloat16 } };
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
