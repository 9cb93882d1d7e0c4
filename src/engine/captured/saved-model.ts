import { createHash } from 'node:crypto';
import {
  graphMessages,
  type TensorInfoMessage,
  type NodeMessage,
  type AttributeMessage,
  type ListMessage,
  type ShapeMessage,
  type TensorMessage,
  type ArgumentMessage,
  type FunctionMessage,
} from './graph-messages';
import {
  DataType,
  type Attributes,
  type TensorType,
  type FunctionNode,
  type AttributeValue,
  type Constant,
  type FunctionDefinition,
} from './recording';

const { AssetFileDef, GraphDef, MetaGraphDef, SavedModel, SignatureDef, TensorInfo } = graphMessages;

/** The tag under which a graph lies in its SavedModel. */
export const GRAPH_TAG = 'kumpas';

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

/** Graph nodes as the bytes of a SavedModel's `saved_model.pb`; without a signature, one for the engine's own use. */
export function savedModelBytes(nodes: Iterable<GraphNode>, signature?: Signature): Uint8Array {
  const graph = new GraphDef();
  const library = new FunctionLibrary();
  for (const node of nodes) {
    graph.addNode(nodeMessage(node));
    library.addCalledBy(node.attributes);
  }
  if (library.functions.size > 0) graph.setLibrary(library.message());
  const info = new MetaGraphDef.MetaInfoDef();
  info.setTagsList([signature?.tag ?? GRAPH_TAG]);
  const metaGraph = new MetaGraphDef();
  metaGraph.setMetaInfoDef(info);
  metaGraph.setGraphDef(graph);
  if (signature !== undefined) addSignature(metaGraph, signature);
  const model = new SavedModel();
  model.setSavedModelSchemaVersion(1);
  model.addMetaGraphs(metaGraph);
  return model.serializeBinary();
}

function addSignature(metaGraph: InstanceType<typeof MetaGraphDef>, { name, inputs, outputs, assets }: Signature): void {
  const signature = new SignatureDef();
  signature.setMethodName('tensorflow/serving/predict');
  for (const [input, tensor] of inputs) signature.getInputsMap().set(input, tensorInfo(tensor));
  for (const [output, tensor] of outputs) signature.getOutputsMap().set(output, tensorInfo(tensor));
  metaGraph.getSignatureDefMap().set(name, signature);
  for (const { node, file } of assets) {
    const asset = new AssetFileDef();
    asset.setTensorInfo(tensorInfo({ node, dtype: DataType.string, shape: [] }));
    asset.setFilename(file);
    metaGraph.addAssetFileDef(asset);
  }
}

function tensorInfo({ node, dtype, shape }: SignatureTensor): TensorInfoMessage {
  const info = new TensorInfo();
  info.setName(`${node}:0`);
  info.setDtype(dtype);
  info.setTensorShape(shapeMessage(shape));
  return info;
}

/** A node as the message that a graph or a function of one holds. */
function nodeMessage({
  name,
  operation,
  inputs,
  attributes,
  device,
}: FunctionNode & { readonly device?: string | undefined }): NodeMessage {
  const node = new graphMessages.NodeDef();
  node.setName(name);
  node.setOp(operation);
  node.setInputList([...inputs]);
  if (device !== undefined) node.setDevice(device);
  for (const [attribute, value] of Object.entries(attributes)) node.getAttrMap().set(attribute, attributeMessage(value));
  return node;
}

const { AttrValue, NameAttrList, Tensor, TensorShape } = graphMessages;

/** An operation's attribute as the message that a graph holds; a function is told by its name. */
function attributeMessage(attribute: AttributeValue): AttributeMessage {
  const message = new AttrValue();
  switch (attribute.kind) {
    case 'type':
      message.setType(attribute.value);
      break;
    case 'int':
      message.setI(attribute.value);
      break;
    case 'float':
      message.setF(attribute.value);
      break;
    case 'bool':
      message.setB(attribute.value);
      break;
    case 'string':
      message.setS(Buffer.from(attribute.value));
      break;
    case 'shape':
      message.setShape(shapeMessage(attribute.value));
      break;
    case 'tensor':
      message.setTensor(tensorMessage(attribute.value));
      break;
    case 'function': {
      const called = new NameAttrList();
      called.setName(functionName(attribute.value));
      message.setFunc(called);
      break;
    }
    case 'types':
    case 'ints':
    case 'floats':
    case 'shapes':
      message.setList(listMessage(attribute));
      break;
  }
  return message;
}

function listMessage(attribute: Extract<AttributeValue, { kind: 'types' | 'ints' | 'floats' | 'shapes' }>): ListMessage {
  const list = new AttrValue.ListValue();
  switch (attribute.kind) {
    case 'types':
      list.setTypeList(attribute.value);
      break;
    case 'ints':
      list.setIList(attribute.value);
      break;
    case 'floats':
      list.setFList(attribute.value);
      break;
    case 'shapes':
      list.setShapeList(attribute.value.map(shapeMessage));
      break;
  }
  return list;
}

function tensorMessage({ dtype, shape, bytes }: Constant): TensorMessage {
  const tensor = new Tensor();
  tensor.setDtype(dtype);
  tensor.setTensorShape(shapeMessage(shape));
  if (dtype === DataType.string) tensor.addStringVal(bytes);
  else tensor.setTensorContent(bytes);
  return tensor;
}

/** A shape as the message that a graph holds. */
function shapeMessage(shape: readonly number[]): ShapeMessage {
  const message = new TensorShape();
  message.setDimList(
    shape.map((size) => {
      const dimension = new TensorShape.Dim();
      dimension.setSize(size);
      return dimension;
    }),
  );
  return message;
}

const { FunctionDef, FunctionDefLibrary, OpDef } = graphMessages;

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

  message(): InstanceType<typeof FunctionDefLibrary> {
    const library = new FunctionDefLibrary();
    for (const [name, definition] of this.functions) library.addFunction(functionMessage(name, definition));
    return library;
  }
}

function functionMessage(name: string, { inputs, nodes, outputs }: FunctionDefinition): FunctionMessage {
  const signature = new OpDef();
  signature.setName(name);
  signature.setInputArgList(inputs.map((dtype, place) => argument(`in${place}`, dtype)));
  signature.setOutputArgList(outputs.map(({ dtype }, place) => argument(`out${place}`, dtype)));
  const message = new FunctionDef();
  message.setSignature(signature);
  message.setNodeDefList(nodes.map(nodeMessage));
  outputs.forEach(({ value }, place) => message.getRetMap().set(`out${place}`, value));
  return message;
}

function argument(name: string, dtype: number): ArgumentMessage {
  const message = new OpDef.ArgDef();
  message.setName(name);
  message.setType(dtype);
  return message;
}

const names = new WeakMap<FunctionDefinition, string>();

/** The name under which a graph's library holds a function: made from what it computes, so that equal functions are one. */
function functionName(definition: FunctionDefinition): string {
  const known = names.get(definition) ?? `kumpas_${createHash('sha256').update(JSON.stringify(definition)).digest('hex').slice(0, 32)}`;
  names.set(definition, known);
  return known;
}
