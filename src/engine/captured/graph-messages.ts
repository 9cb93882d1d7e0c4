import { createRequire } from 'node:module';

type MessageClass<Message> = new () => Message;

export interface ShapeMessage {
  setDimList(dimensions: readonly DimensionMessage[]): void;
}

export interface DimensionMessage {
  setSize(size: number): void;
}

export interface TensorMessage {
  setDtype(dtype: number): void;
  setTensorShape(shape: ShapeMessage): void;
  setTensorContent(bytes: Uint8Array): void;
  addStringVal(bytes: Uint8Array): void;
}

export interface ListMessage {
  setIList(values: readonly number[]): void;
  setFList(values: readonly number[]): void;
  setTypeList(types: readonly number[]): void;
  setShapeList(shapes: readonly ShapeMessage[]): void;
}

export interface AttributeMessage {
  setType(dtype: number): void;
  setI(value: number): void;
  setF(value: number): void;
  setB(value: boolean): void;
  setS(bytes: Uint8Array): void;
  setShape(shape: ShapeMessage): void;
  setTensor(tensor: TensorMessage): void;
  setList(list: ListMessage): void;
  setFunc(called: CalledFunctionMessage): void;
}

/** The name of a function, where an operation calls it. */
export interface CalledFunctionMessage {
  setName(name: string): void;
}

export interface ArgumentMessage {
  setName(name: string): void;
  setType(dtype: number): void;
}

export interface SignatureMessage {
  setName(name: string): void;
  setInputArgList(inputs: readonly ArgumentMessage[]): void;
  setOutputArgList(outputs: readonly ArgumentMessage[]): void;
}

export interface FunctionMessage {
  setSignature(signature: SignatureMessage): void;
  setNodeDefList(nodes: readonly NodeMessage[]): void;
  getRetMap(): { set(output: string, value: string): unknown };
}

export interface LibraryMessage {
  addFunction(definition: FunctionMessage): void;
}

export interface NodeMessage {
  setName(name: string): void;
  setOp(operation: string): void;
  setDevice(device: string): void;
  setInputList(inputs: readonly string[]): void;
  getAttrMap(): { set(name: string, value: AttributeMessage): unknown };
}

interface GraphMessage {
  addNode(node: NodeMessage): void;
  setLibrary(library: LibraryMessage): void;
}

interface InfoMessage {
  setTagsList(tags: readonly string[]): void;
}

export interface TensorInfoMessage {
  setName(name: string): void;
  setDtype(dtype: number): void;
  setTensorShape(shape: ShapeMessage): void;
}

interface TensorInfoMap {
  set(name: string, info: TensorInfoMessage): unknown;
}

interface ServingSignatureMessage {
  getInputsMap(): TensorInfoMap;
  getOutputsMap(): TensorInfoMap;
  setMethodName(name: string): void;
}

interface AssetMessage {
  setTensorInfo(info: TensorInfoMessage): void;
  setFilename(name: string): void;
}

interface MetaGraphMessage {
  setMetaInfoDef(info: InfoMessage): void;
  setGraphDef(graph: GraphMessage): void;
  getSignatureDefMap(): { set(name: string, signature: ServingSignatureMessage): unknown };
  addAssetFileDef(asset: AssetMessage): void;
}

interface SavedModelMessage {
  setSavedModelSchemaVersion(version: number): void;
  addMetaGraphs(graph: MetaGraphMessage): void;
  serializeBinary(): Uint8Array;
}

interface GraphMessages {
  readonly AssetFileDef: MessageClass<AssetMessage>;
  readonly AttrValue: MessageClass<AttributeMessage> & { readonly ListValue: MessageClass<ListMessage> };
  readonly FunctionDef: MessageClass<FunctionMessage>;
  readonly FunctionDefLibrary: MessageClass<LibraryMessage>;
  readonly GraphDef: MessageClass<GraphMessage>;
  readonly MetaGraphDef: MessageClass<MetaGraphMessage> & { readonly MetaInfoDef: MessageClass<InfoMessage> };
  readonly NameAttrList: MessageClass<CalledFunctionMessage>;
  readonly NodeDef: MessageClass<NodeMessage>;
  readonly OpDef: MessageClass<SignatureMessage> & { readonly ArgDef: MessageClass<ArgumentMessage> };
  readonly SavedModel: MessageClass<SavedModelMessage>;
  readonly SignatureDef: MessageClass<ServingSignatureMessage>;
  readonly Tensor: MessageClass<TensorMessage>;
  readonly TensorInfo: MessageClass<TensorInfoMessage>;
  readonly TensorShape: MessageClass<ShapeMessage> & { readonly Dim: MessageClass<DimensionMessage> };
}

/**
 * The protocol buffer messages that a graph is written with (tensorflow/core/framework/graph.proto and its neighbours), as tfjs-node brings them, generated and
 * untyped: this is the only place that loads them.
 */
export const graphMessages = createRequire(__filename)('@tensorflow/tfjs-node-gpu/dist/proto/api_pb.js') as GraphMessages;
