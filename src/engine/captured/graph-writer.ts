import { createHash } from 'node:crypto';
import { sizeOfShape } from '../parameters';
import { graphBytes, savedModelBytes, type GraphNode, type Signature } from './saved-model';
import { DataType, neededOperations, typeOf, type Attributes, type Constant, type Recording, type TensorType } from './recording';

/** An output of a graph's node: `name` for its first, `name:1` for its second. */
export type NodeOutput = string;

/** Constants of one value and more elements than this are written as a Fill: as plain constants, a step's would weigh 100 MB. */
const LARGEST_PLAIN_CONSTANT = 64;

/** Writes a TensorFlow graph node by node. Names are made unique, equal constants are written once. */
export class GraphWriter {
  private readonly nodes: GraphNode[] = [];
  private readonly namesTaken = new Map<string, number>();
  private readonly constants = new Map<string, NodeOutput>();

  /** @param name what the node should be called; characters that TensorFlow does not take are replaced, and a number is added where the name is taken. */
  addNode(name: string, operation: string, inputs: readonly NodeOutput[], attributes: Attributes, device?: string): NodeOutput {
    const unique = this.uniqueName(name);
    this.nodes.push({ name: unique, operation, inputs, attributes, device });
    return unique;
  }

  addPlaceholder(name: string, { dtype, shape }: TensorType): NodeOutput {
    return this.addNode(name, 'Placeholder', [], { dtype: { kind: 'type', value: dtype }, shape: { kind: 'shape', value: shape } });
  }

  /** @param device where it is made: a constant is not sent from one to another. */
  addConstant(constant: Constant, device?: string): NodeOutput {
    const key = `${device ?? ''} ${constant.dtype}[${constant.shape.join()}]${createHash('sha256').update(constant.bytes).digest('base64')}`;
    const written = this.constants.get(key) ?? this.writeConstant(constant, device);
    this.constants.set(key, written);
    return written;
  }

  /** A tensor of one value throughout. */
  addFilled(shape: readonly number[], value: NodeOutput, dtype: number, device?: string): NodeOutput {
    const bytes = new Uint8Array(Int32Array.from(shape).buffer);
    const dimensions = this.addConstant({ dtype: DataType.int32, shape: [shape.length], bytes }, device);
    const attributes: Attributes = { T: { kind: 'type', value: dtype }, index_type: { kind: 'type', value: DataType.int32 } };
    return this.addNode('filled', 'Fill', [dimensions, value], attributes, device);
  }

  addScalar(value: number): NodeOutput {
    return this.addConstant({ dtype: DataType.float32, shape: [], bytes: new Uint8Array(Float32Array.of(value).buffer) });
  }

  /** A scalar to fetch that is there once the nodes have run, for nodes that give nothing themselves. */
  addSignal(name: string, after: readonly NodeOutput[]): NodeOutput {
    const value: Constant = { dtype: DataType.float32, shape: [], bytes: new Uint8Array(4) };
    return this.addNode(name, 'Const', after.map(runsAfter), {
      dtype: { kind: 'type', value: value.dtype },
      value: { kind: 'tensor', value },
    });
  }

  /**
   * Writes what a recording's results need.
   * @param scope put before the nodes' names.
   * @param given the nodes that stand for what the recording is given.
   * @returns the results' nodes.
   */
  addRecording(scope: string, recording: Recording, given: ReadonlyMap<string, NodeOutput>): Map<string, NodeOutput> {
    const nodeOf = new Map(
      [...recording.given].flatMap(([name, value]) => {
        const node = given.get(name);
        return node === undefined ? [] : [[value, node] as const];
      }),
    );
    const find = (value: number, device?: string): NodeOutput => {
      const constant = recording.constants.get(value);
      const node = nodeOf.get(value) ?? (constant && this.addConstant(constant, device));
      if (node === undefined) throw new Error(`the recording uses tensor ${value} before it is computed`);
      return node;
    };
    for (const { name, attributes, inputs, outputs, device } of neededOperations(recording)) {
      const nodes = inputs.map((input) => find(input, device));
      const node = this.addNode(`${scope}/${name}`, name, nodes, attributes, device);
      outputs.forEach((output, place) => nodeOf.set(output, place === 0 ? node : `${node}:${place}`));
    }
    // A result of its own node, because TensorFlow refuses to fetch what it is fed.
    const addResult = (name: string, value: number): NodeOutput =>
      this.addNode(`results/${name}`, 'Identity', [find(value)], { T: { kind: 'type', value: typeOf(recording.types, value).dtype } });
    return new Map([...recording.results].map(([name, value]) => [name, addResult(name, value)]));
  }

  /** The graph as the bytes of a GraphDef. */
  toBytes(): Uint8Array {
    return graphBytes(this.nodes);
  }

  /** The graph as the bytes of a SavedModel. */
  toSavedModel(signature: Signature): Uint8Array {
    return savedModelBytes(this.nodes, signature);
  }

  private writeConstant(constant: Constant, device: string | undefined): NodeOutput {
    const { dtype, shape, bytes } = constant;
    const size = sizeOfShape(shape);
    const width = bytes.length / size;
    if (size <= LARGEST_PLAIN_CONSTANT || !repeats(bytes, width)) {
      const attributes: Attributes = { dtype: { kind: 'type', value: dtype }, value: { kind: 'tensor', value: constant } };
      return this.addNode('constant', 'Const', [], attributes, device);
    }
    return this.addFilled(shape, this.addConstant({ dtype, shape: [], bytes: bytes.slice(0, width) }, device), dtype, device);
  }

  private uniqueName(name: string): string {
    const allowed = name.replace(/^[^A-Za-z0-9.]/, '.').replace(/[^A-Za-z0-9_.\\/>-]/g, '_');
    const count = this.namesTaken.get(allowed) ?? 0;
    this.namesTaken.set(allowed, count + 1);
    return count === 0 ? allowed : this.uniqueName(`${allowed}-${count}`);
  }
}

/** An input that gives nothing: the node runs only after this one has. */
export function runsAfter(node: NodeOutput): string {
  return `^${node.replace(/:\d+$/, '')}`;
}

/** Whether the bytes repeat their first `width` bytes. */
function repeats(bytes: Uint8Array, width: number): boolean {
  return Buffer.compare(bytes.subarray(width), bytes.subarray(0, bytes.length - width)) === 0;
}
