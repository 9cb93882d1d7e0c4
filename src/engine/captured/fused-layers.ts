import { elementAt } from '../../foundation/required';
import { hasOwnKernels } from '../native-backend';
import { sizeOfShape } from '../parameters';
import {
  type Constant,
  DataType,
  neededOperations,
  type Operation,
  type Recording,
  type TensorType,
  typeOf,
  type ValueNumber,
} from './recording';

/**
 * The same recording with its linear layers as own kernels, each with the layer norm before it and the relu or the sum behind it, and a feed-forward part, two linear layers with a relu between
 * them, as one: what lies between is only ever in the processor's cache. For recordings without a gradient; where there are no own kernels it stays as it is.
 */
export function withFusedLayers(recording: Recording): Recording {
  return hasOwnKernels() ? new Fusion(recording).run() : recording;
}

/** Rows from which on it pays to bring a layer's weights into the order in which they are multiplied. */
const WORTH_FUSING = 192;

/** A linear layer as it was recorded, and what it became so far. */
interface FoundLayer {
  readonly x: ValueNumber;
  readonly norm: readonly [gamma: ValueNumber, beta: ValueNumber] | undefined;
  readonly weight: ValueNumber;
  readonly bias: ValueNumber;
  readonly relu: boolean;
  readonly added: ValueNumber | undefined;
  /** The layer before it, whose output it alone takes. */
  readonly first: FoundLayer | undefined;
}

class Fusion {
  private readonly types: Map<ValueNumber, TensorType>;
  private readonly constants: Map<ValueNumber, Constant>;
  private readonly makers = new Map<ValueNumber, Operation>();
  /** How often a value is taken, by operations and as a result. */
  private readonly uses = new Map<ValueNumber, number>();
  /** The layers found so far, by what they give. */
  private readonly layers = new Map<ValueNumber, FoundLayer>();
  private readonly operations: readonly Operation[];
  private nothing: ValueNumber | undefined;

  constructor(private readonly recording: Recording) {
    this.operations = neededOperations(recording);
    this.types = new Map(recording.types);
    this.constants = new Map(recording.constants);
    const use = (value: ValueNumber): Map<ValueNumber, number> => this.uses.set(value, (this.uses.get(value) ?? 0) + 1);
    for (const operation of this.operations) {
      operation.inputs.forEach(use);
      for (const output of operation.outputs) this.makers.set(output, operation);
    }
    for (const value of recording.results.values()) use(value);
  }

  run(): Recording {
    const { given, results } = this.recording;
    const { operations } = this;
    // Each layer grows as the operations behind it are read; what it took in is no longer needed.
    for (const operation of operations) {
      const layer = this.layerOf(operation);
      if (layer !== undefined) this.layers.set(elementAt(operation.outputs, 0), layer);
    }
    const replaced = operations.map((operation): Operation => {
      const layer = this.layers.get(elementAt(operation.outputs, 0));
      return layer === undefined ? operation : this.fused(layer, operation);
    });
    const { types, constants } = this;
    const whole = { types, given, constants, results, operations: replaced };
    return { ...whole, operations: neededOperations(whole) };
  }

  /** The layer that ends with an operation, if any does. */
  private layerOf(operation: Operation): FoundLayer | undefined {
    switch (operation.name) {
      case 'BiasAdd':
        return this.linear(operation);
      case 'Maximum':
        return this.withRelu(operation);
      case 'Add':
      case 'AddV2':
        return this.withSum(operation);
      default:
        return undefined;
    }
  }

  private linear({ inputs }: Operation): FoundLayer | undefined {
    const [product = -1, bias = -1] = inputs;
    const maker = this.makers.get(product);
    if (maker?.name !== 'MatMul' || this.uses.get(product) !== 1) return undefined;
    const { transpose_a: first, transpose_b: second } = maker.attributes;
    if (first?.value === true || second?.value !== true) return undefined;
    const [x = -1, weight = -1] = maker.inputs;
    if (elementAt(this.typeAt(x).shape, 0) < WORTH_FUSING) return undefined;
    if (![x, weight, bias].every((value) => this.typeAt(value).dtype === DataType.float32)) return undefined;
    const before = this.uses.get(x) === 1 ? this.layers.get(x) : undefined;
    if (before?.relu === true && before.first === undefined) {
      return { x: before.x, norm: before.norm, weight, bias, relu: false, added: undefined, first: before };
    }
    const norm = this.makers.get(x);
    const normed = norm?.name === 'KumpasLayerNorm' && norm.outputs[0] === x && this.typeAt(elementAt(norm.inputs, 0)).shape.length === 2;
    if (!normed) return { x, norm: undefined, weight, bias, relu: false, added: undefined, first: undefined };
    const [input = -1, gamma = -1, beta = -1] = norm.inputs;
    return { x: input, norm: [gamma, beta], weight, bias, relu: false, added: undefined, first: undefined };
  }

  private withRelu({ inputs: [value = -1, least = -1] }: Operation): FoundLayer | undefined {
    const layer = this.growing(value);
    const zero = this.constants.get(least);
    if (layer?.first !== undefined || zero === undefined || sizeOfShape(zero.shape) !== 1 || zero.bytes.some((byte) => byte !== 0))
      return undefined;
    return layer && { ...layer, relu: true };
  }

  private withSum({ inputs: [left = -1, right = -1], outputs }: Operation): FoundLayer | undefined {
    for (const [value, added] of [
      [right, left],
      [left, right],
    ] as const) {
      const layer = this.growing(value);
      if (layer !== undefined && sameShape(this.typeAt(added), this.typeAt(elementAt(outputs, 0)))) return { ...layer, added };
    }
    return undefined;
  }

  /** A layer that nothing but the next operation takes, and that nothing is done behind yet. */
  private growing(value: ValueNumber): FoundLayer | undefined {
    const layer = this.layers.get(value);
    return layer !== undefined && this.uses.get(value) === 1 && !layer.relu && layer.added === undefined ? layer : undefined;
  }

  private fused({ x, norm, weight, bias, relu, added, first }: FoundLayer, { outputs, device }: Operation): Operation {
    const nothing = this.emptyVector();
    const [gamma, beta] = norm ?? [nothing, nothing];
    const end = added ?? nothing;
    const T = { kind: 'type', value: DataType.float32 } as const;
    const place = device === undefined ? {} : { device };
    if (first !== undefined)
      return {
        name: 'KumpasFeedForward',
        attributes: { T },
        inputs: [x, gamma, beta, first.weight, first.bias, weight, bias, end],
        outputs,
        ...place,
      };
    return {
      name: 'KumpasLinear',
      attributes: { T, relu: { kind: 'int', value: relu ? 1 : 0 } },
      inputs: [x, gamma, beta, weight, bias, end],
      outputs,
      ...place,
    };
  }

  private typeAt(value: ValueNumber): TensorType {
    return typeOf(this.types, value);
  }

  /** Stands for what is not there. */
  private emptyVector(): ValueNumber {
    if (this.nothing === undefined) {
      this.nothing = this.types.size;
      const type = { dtype: DataType.float32, shape: [0] };
      this.types.set(this.nothing, type);
      this.constants.set(this.nothing, { ...type, bytes: new Uint8Array() });
    }
    return this.nothing;
  }
}

function sameShape(one: TensorType, other: TensorType): boolean {
  return one.shape.join() === other.shape.join();
}
