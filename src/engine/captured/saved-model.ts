import { createHash } from 'node:crypto';
import { MessageWriter } from './message-writer';
import {
  DataType,
  type Attributes,
  type TensorType,
  type FunctionNode,
  type AttributeValue,
  type Constant,
  type FunctionDefinition,
} from './recording';

/** A node of a graph: an operation with its inputs, each `name` or `name:output`, or `^name` for one that must only have run before. */
export interface GraphNode {
  readonly name: string;
  readonly operation: string;
  readonly inputs: readonly string[];
  readonly attributes: Attributes;
  /** Where it must run; TensorFlow chooses where this is undefined. */
  readonly device?: string | undefined;
}

/** A tensor of a graph that a signature names. */
export interface SignatureTensor extends TensorType {
  /** The node whose first output it is. */
  readonly node: string;
}

/** How others find their way in a graph: TensorFlow Serving, TensorFlow in Python, tfjs-node. */
export interface Signature {
  readonly tag: string;
  readonly name: string;
  readonly inputs: ReadonlyMap<string, SignatureTensor>;
  readonly outputs: ReadonlyMap<string, SignatureTensor>;
  /** Files in the SavedModel's folder `assets`, each with the node of type string that gives its path. */
  readonly assets: readonly { readonly node: string; readonly file: string }[];
}

/**
 * Graph nodes as the bytes of a GraphDef. Here and below the numbers are those of the fields in tensorflow/core/protobuf/saved_model.proto and the definitions that
 * it imports.
 */
export function graphBytes(nodes: Iterable<GraphNode>): Uint8Array {
  const out = new MessageWriter();
  writeGraph(out, nodes);
  return out.bytes();
}

/** Graph nodes as the bytes of a SavedModel's `saved_model.pb`. */
export function savedModelBytes(nodes: Iterable<GraphNode>, signature: Signature): Uint8Array {
  const out = new MessageWriter();
  out.integer(1, 1); // Of the schema's version.
  out.within(2, () => {
    out.within(1, () => {
      out.text(4, signature.tag);
    });
    out.within(2, () => {
      writeGraph(out, nodes);
    });
    writeSignature(out, signature);
  });
  return out.bytes();
}

/** GraphDef. */
function writeGraph(out: MessageWriter, nodes: Iterable<GraphNode>): void {
  const library = new FunctionLibrary();
  for (const node of nodes) {
    out.within(1, () => {
      writeNode(out, node);
    });
    library.addCalledBy(node.attributes);
  }
  if (library.functions.size === 0) return;
  out.within(2, () => {
    for (const [name, definition] of library.functions)
      out.within(1, () => {
        writeFunction(out, name, definition);
      });
  });
}

/** A signature and its assets, in a MetaGraphDef. */
function writeSignature(out: MessageWriter, { name, inputs, outputs, assets }: Signature): void {
  out.entry(5, name, () => {
    out.within(2, () => {
      for (const [field, tensors] of [[1, inputs] as const, [2, outputs] as const])
        for (const [tensorName, tensor] of tensors)
          out.entry(field, tensorName, () => {
            writeTensorInfo(out, 2, tensor);
          });
      out.text(3, 'tensorflow/serving/predict');
    });
  });
  for (const { node, file } of assets)
    out.within(6, () => {
      writeTensorInfo(out, 1, { node, dtype: DataType.string, shape: [] });
      out.text(2, file);
    });
}

function writeTensorInfo(out: MessageWriter, field: number, { node, dtype, shape }: SignatureTensor): void {
  out.within(field, () => {
    out.text(1, `${node}:0`);
    out.integer(2, dtype);
    writeShape(out, 3, shape);
  });
}

/** NodeDef: a node of a graph, or of a function of one. */
function writeNode(out: MessageWriter, node: FunctionNode & { readonly device?: string | undefined }): void {
  out.text(1, node.name);
  out.text(2, node.operation);
  for (const input of node.inputs) out.text(3, input);
  if (node.device !== undefined) out.text(4, node.device);
  for (const [name, attribute] of Object.entries(node.attributes))
    out.entry(5, name, () => {
      out.within(2, () => {
        writeAttribute(out, attribute);
      });
    });
}

/** AttrValue: an operation's attribute; a function is told by its name. */
function writeAttribute(out: MessageWriter, attribute: AttributeValue): void {
  switch (attribute.kind) {
    case 'type':
      out.integer(6, attribute.value);
      break;
    case 'int':
      out.integer(3, attribute.value);
      break;
    case 'float':
      out.float(4, attribute.value);
      break;
    case 'bool':
      out.truth(5, attribute.value);
      break;
    case 'string':
      out.text(2, attribute.value);
      break;
    case 'shape':
      writeShape(out, 7, attribute.value);
      break;
    case 'tensor':
      writeTensor(out, 8, attribute.value);
      break;
    case 'function':
      out.within(10, () => {
        out.text(1, functionName(attribute.value));
      });
      break;
    case 'types':
    case 'ints':
    case 'floats':
    case 'shapes':
      out.within(1, () => {
        writeList(out, attribute);
      });
      break;
  }
}

/** AttrValue.ListValue. */
function writeList(out: MessageWriter, attribute: Extract<AttributeValue, { kind: 'types' | 'ints' | 'floats' | 'shapes' }>): void {
  switch (attribute.kind) {
    case 'types':
      out.integers(6, attribute.value);
      break;
    case 'ints':
      out.integers(3, attribute.value);
      break;
    case 'floats':
      out.floats(4, attribute.value);
      break;
    case 'shapes':
      for (const shape of attribute.value) writeShape(out, 7, shape);
      break;
  }
}

/** TensorProto. */
function writeTensor(out: MessageWriter, field: number, { dtype, shape, bytes }: Constant): void {
  out.within(field, () => {
    out.integer(1, dtype);
    writeShape(out, 2, shape);
    out.content(dtype === DataType.string ? 8 : 4, bytes);
  });
}

/** TensorShapeProto. */
function writeShape(out: MessageWriter, field: number, shape: readonly number[]): void {
  out.within(field, () => {
    for (const size of shape)
      out.within(2, () => {
        out.integer(1, size);
      });
  });
}

/** The functions that a graph's nodes call, and those that these call. */
class FunctionLibrary {
  readonly functions = new Map<string, FunctionDefinition>();

  /** Adds what a node with these attributes calls. */
  addCalledBy(attributes: Attributes): void {
    for (const attribute of Object.values(attributes)) {
      if (attribute.kind !== 'function') continue;
      this.functions.set(functionName(attribute.value), attribute.value);
      for (const node of attribute.value.nodes) this.addCalledBy(node.attributes);
    }
  }
}

/** FunctionDef. */
function writeFunction(out: MessageWriter, name: string, { inputs, nodes, outputs }: FunctionDefinition): void {
  const writeArgument = (field: number, argument: string, dtype: number): void => {
    out.within(field, () => {
      out.text(1, argument);
      out.integer(3, dtype);
    });
  };
  out.within(1, () => {
    out.text(1, name);
    inputs.forEach((dtype, place) => {
      writeArgument(2, `in${place}`, dtype);
    });
    outputs.forEach(({ dtype }, place) => {
      writeArgument(3, `out${place}`, dtype);
    });
  });
  for (const node of nodes)
    out.within(3, () => {
      writeNode(out, node);
    });
  outputs.forEach(({ value }, place) => {
    out.entry(4, `out${place}`, () => {
      out.text(2, value);
    });
  });
}

const names = new WeakMap<FunctionDefinition, string>();

/** The name under which a graph's library holds a function: made from what it computes, so that equal functions are one. */
function functionName(definition: FunctionDefinition): string {
  const known = names.get(definition) ?? `kumpas_${createHash('sha256').update(JSON.stringify(definition)).digest('hex').slice(0, 32)}`;
  names.set(definition, known);
  return known;
}
