import { required } from '../../foundation/required';
import { captureContext } from '../native-backend';
import type { ParameterDeclaration, ParameterValues } from '../parameters';
import type { ProgramDefinition } from '../program';
import { GraphWriter, type NodeOutput } from './graph-writer';
import { nameOfKind, ofKind, recordEvaluation } from './recorded-program';
import { DataType, neededOperations, typeOf, type Constant, type Recording, type TensorType } from './recording';
import type { SignatureTensor } from './saved-model';

/** The tag and the signature under which TensorFlow's own tools look for a graph that serves. */
export const SERVING_TAG = 'serve';
export const SERVING_SIGNATURE = 'serving_default';

/** A computation to serve. */
export interface InferenceGraph {
  readonly definition: ProgramDefinition;
  readonly weights: ParameterValues;
  /** The weights as constants of another type: smaller, and cast to float32 when the graph is loaded. Undefined for float32. */
  readonly narrow?:
    { readonly dtype: 'float16' | 'bfloat16'; readonly convert: (name: string, values: Float32Array) => Uint16Array } | undefined;
  /** The shapes of its inputs, all float32. */
  readonly inputs: Readonly<Record<string, readonly number[]>>;
  /** A file of the SavedModel's folder `assets`. */
  readonly asset: string;
}

/**
 * Records `evaluate` and writes it as the `saved_model.pb` of a SavedModel: the weights are constants in it, inputs and outputs have their names in the signature
 * {@link SERVING_SIGNATURE}.
 * @throws CaptureError where the native kernels are not running, or the computation cannot be recorded.
 */
export function inferenceGraphBytes({ definition, weights, narrow, inputs, asset }: InferenceGraph): Uint8Array {
  const types = new Map(Object.entries(inputs).map(([name, shape]): [string, TensorType] => [name, { dtype: DataType.float32, shape }]));
  const recording = captureContext.run({ ownKernels: false }, () => recordEvaluation(definition, types));
  const graph = new GraphWriter();
  const placeholders = new Map(
    [...types].map(([name, type]): [string, SignatureTensor] => [name, { ...type, node: graph.addPlaceholder(name, type) }]),
  );
  const given = new Map<string, NodeOutput>([...placeholders].map(([name, { node }]) => [nameOfKind('input', name), node]));
  for (const declaration of usedParameters(definition, recording))
    given.set(nameOfKind('parameter', declaration.name), addWeight(graph, declaration, weights, narrow));
  const results = graph.addRecording('model', recording, given);
  const outputs = new Map(
    [...ofKind('output', recording.results)].map(([name, value]): [string, SignatureTensor] => [
      name,
      { ...typeOf(recording.types, value), node: required(results.get(nameOfKind('output', name)), `the output ${name}`) },
    ]),
  );
  const path: Constant = { dtype: DataType.string, shape: [], bytes: Buffer.from(asset) };
  const pathNode = graph.addNode('asset_path', 'Const', [], {
    dtype: { kind: 'type', value: path.dtype },
    value: { kind: 'tensor', value: path },
  });
  return graph.toSavedModel({
    tag: SERVING_TAG,
    name: SERVING_SIGNATURE,
    inputs: placeholders,
    outputs,
    assets: [{ node: pathNode, file: asset }],
  });
}

/** Those that the results depend on: a model may have parts that only a training needs. */
function usedParameters({ parameters }: ProgramDefinition, recording: Recording): ParameterDeclaration[] {
  const used = new Set(neededOperations(recording).flatMap(({ inputs }) => inputs));
  return parameters.filter(({ name }) => used.has(required(recording.given.get(nameOfKind('parameter', name)), `the parameter ${name}`)));
}

function addWeight(
  graph: GraphWriter,
  { name, shape }: ParameterDeclaration,
  weights: ParameterValues,
  narrow: InferenceGraph['narrow'],
): NodeOutput {
  const values = weights.get(name);
  if (values === undefined) throw new Error(`no values for the parameter ${name}`);
  if (narrow === undefined) return graph.addConstant({ dtype: DataType.float32, shape, bytes: bytesOf(values) });
  const dtype = DataType[narrow.dtype];
  const constant = graph.addConstant({ dtype, shape, bytes: bytesOf(narrow.convert(name, values)) });
  return graph.addNode(`weights/${name}`, 'Cast', [constant], {
    SrcT: { kind: 'type', value: dtype },
    DstT: { kind: 'type', value: DataType.float32 },
  });
}

function bytesOf(values: Float32Array | Uint16Array): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}
