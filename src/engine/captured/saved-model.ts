import { shapeMessage } from './attribute-message';
import { FunctionLibrary } from './function-library';
import { graphMessages, type TensorInfoMessage } from './graph-messages';
import { nodeMessage } from './node-message';
import { DataType, type Attributes, type TensorType } from './recording';

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
