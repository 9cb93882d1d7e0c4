import { FunctionLibrary } from './function-library';
import { graphMessages } from './graph-messages';
import { nodeMessage } from './node-message';
import type { Attributes } from './recording';

const { GraphDef, MetaGraphDef, SavedModel } = graphMessages;

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

/** Graph nodes as the bytes of a SavedModel's `saved_model.pb`. */
export function savedModelBytes(nodes: Iterable<GraphNode>): Uint8Array {
  const graph = new GraphDef();
  const library = new FunctionLibrary();
  for (const node of nodes) {
    graph.addNode(nodeMessage(node));
    library.addCalledBy(node.attributes);
  }
  if (library.functions.size > 0) graph.setLibrary(library.message());
  const info = new MetaGraphDef.MetaInfoDef();
  info.setTagsList([GRAPH_TAG]);
  const metaGraph = new MetaGraphDef();
  metaGraph.setMetaInfoDef(info);
  metaGraph.setGraphDef(graph);
  const model = new SavedModel();
  model.setSavedModelSchemaVersion(1);
  model.addMetaGraphs(metaGraph);
  return model.serializeBinary();
}
