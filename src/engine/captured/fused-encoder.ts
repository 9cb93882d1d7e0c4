import { elementAt } from '../../foundation/required';
import { sizeOfShape } from '../parameters';
import { withFusedLayers } from './fused-layers';
import { DataType, neededOperations, type Operation, type Recording, typeOf, type ValueNumber } from './recording';

/** Clips from which on each thread has some of its own: with fewer, one clip's rows are better divided. */
const WORTH_A_CLIP_A_THREAD = 16;

/** A pre-norm encoder layer as it was recorded: its input, and the rest of what its kernel takes, in the kernel's order. */
interface FoundLayer {
  readonly x: ValueNumber;
  readonly scoreBias: ValueNumber;
  readonly places: ValueNumber;
  readonly weights: readonly ValueNumber[];
  readonly heads: Operation['attributes'][string];
}

/**
 * The same recording with each pre-norm encoder layer as one own kernel that computes clip by clip, so that what lies between its parts stays in a processor's cache; and where nothing but a
 * sum over its frames is taken of a layer, only that sum: `sum(shares · second(z)) = second(sum(shares · z))`, for a linear layer. Linear layers are joined as `withFusedLayers` joins them.
 */
export function withFusedEncoder(given: Recording): Recording {
  const recording = withFusedLayers(given);
  const found = new EncoderLayers(recording);
  const replaced = recording.operations.map((operation): Operation => found.replaced(operation) ?? operation);
  const whole = { ...recording, operations: replaced };
  return { ...whole, operations: neededOperations(whole) };
}

class EncoderLayers {
  private readonly makers = new Map<ValueNumber, Operation>();
  private readonly uses = new Map<ValueNumber, number>();

  constructor(private readonly recording: Recording) {
    const use = (value: ValueNumber): Map<ValueNumber, number> => this.uses.set(value, (this.uses.get(value) ?? 0) + 1);
    for (const operation of recording.operations) {
      operation.inputs.forEach(use);
      for (const output of operation.outputs) this.makers.set(output, operation);
    }
    for (const value of recording.results.values()) use(value);
  }

  /** What takes an operation's place, where it ends a layer or sums up what one gives. */
  replaced(operation: Operation): Operation | undefined {
    if (operation.name === 'BatchMatMulV2') return this.summed(operation);
    const layer = this.layerOf(operation);
    return layer && { ...operation, name: 'KumpasEncoderLayer', ...partsOf(layer, []) };
  }

  /** The sum over frames, `[batch, 1, frames] · [batch, frames, width]`, of a layer whose rows nothing else takes. */
  private summed(operation: Operation): Operation | undefined {
    const { inputs, attributes } = operation;
    const [shares = -1, positions = -1] = inputs;
    if (attributes['adj_x']?.value === true || attributes['adj_y']?.value === true || this.shapeOf(shares)[1] !== 1) return undefined;
    const rows = this.made('Reshape', positions, 1)?.inputs[0] ?? -1;
    const spread = this.made('GatherV2', rows, 1);
    const layer = this.layerOf(this.maker(spread === undefined ? rows : elementAt(spread.inputs, 0), 1));
    if (layer === undefined || !this.sharesAreMask(shares, layer.scoreBias)) return undefined;
    const places = spread === undefined ? sizeOfShape(this.shapeOf(layer.places)) === 0 : spread.inputs[1] === layer.places;
    return places ? { ...operation, name: 'KumpasEncoderLayerSum', ...partsOf(layer, [shares]) } : undefined;
  }

  /** Whether a frame's share is 1 where attention sees it, and else 0: then it does not matter what stands for padding. */
  private sharesAreMask(shares: ValueNumber, scoreBias: ValueNumber): boolean {
    const mask = this.made('Reshape', shares)?.inputs[0];
    const scaled = this.made('Mul', this.made('Reshape', scoreBias)?.inputs[0] ?? -1);
    return mask !== undefined && this.made('Sub', scaled?.inputs[0] ?? -1)?.inputs[1] === mask;
  }

  /** The layer that ends with a feed-forward part: `attended + feedForward(norm(attended))`, where `attended` is `x + output(attention(norm(x)))`. */
  private layerOf(end: Operation | undefined): FoundLayer | undefined {
    if (end?.name !== 'KumpasFeedForward') return undefined;
    const [attended = -1, ...forward] = end.inputs;
    const output = this.made('KumpasLinear', attended, 2);
    if (output === undefined || forward.at(-1) !== attended || this.isNothing(forward[0])) return undefined;
    const [mixed = -1, gamma, , weight = -1, bias = -1, x = -1] = output.inputs;
    const attention = this.made('KumpasAttention', mixed, 1);
    const [projected = -1, scoreBias = -1, places = -1] = attention?.inputs ?? [];
    const projections = this.made('KumpasLinear', projected, 1);
    if (attention === undefined || projections === undefined || !this.isNothing(gamma)) return undefined;
    const { heads, threshold, T } = attention.attributes;
    const [input, ...first] = projections.inputs;
    const dropsNothing = threshold?.value === 0 && T?.value === DataType.float32;
    if (heads === undefined || !dropsNothing || input !== x || this.isNothing(first[0]) || !this.isNothing(first.at(-1))) return undefined;
    if (projections.attributes['relu']?.value !== 0 || output.attributes['relu']?.value !== 0) return undefined;
    if (elementAt(this.shapeOf(scoreBias), 0) < WORTH_A_CLIP_A_THREAD) return undefined;
    return { x, scoreBias, places, heads, weights: [...first.slice(0, -1), weight, bias, ...forward.slice(0, -1)] };
  }

  /** The operation of that name that makes a value. @param uses how often the value is taken; any number where it is left out. */
  private made(name: string, value: ValueNumber, uses?: number): Operation | undefined {
    const maker = this.maker(value, uses);
    return maker?.name === name ? maker : undefined;
  }

  private maker(value: ValueNumber, uses?: number): Operation | undefined {
    return uses === undefined || this.uses.get(value) === uses ? this.makers.get(value) : undefined;
  }

  private shapeOf(value: ValueNumber): readonly number[] {
    return typeOf(this.recording.types, value).shape;
  }

  private isNothing(value: ValueNumber | undefined): boolean {
    return value === undefined || sizeOfShape(this.shapeOf(value)) === 0;
  }
}

function partsOf(layer: FoundLayer, more: readonly ValueNumber[]): Pick<Operation, 'attributes' | 'inputs'> {
  const { x, scoreBias, places, weights, heads } = layer;
  return {
    attributes: { T: { kind: 'type', value: DataType.float32 }, heads },
    inputs: [x, scoreBias, places, ...weights, ...more],
  };
}
