import { required } from '../foundation/required';
import { capture, type Computation } from './captured/capture';
import { type Entry, EntryDraft, PerShape } from './captured/entry';
import { CaptureError, DataType, type TensorType, typeOf } from './captured/recording';
import { Session, type TensorArray } from './captured/session';
import { captureContext } from './native-backend';
import { type HostArray, tensorNamed } from './parameters';
import { hasNativeKernels, inScope, tf } from './tensorflow';

/** Tensors, in lists and under names as deep as one likes: the same, each a tensor or an array of JavaScript's. */
export type TensorsOrArrays<Given> = Given extends tf.Tensor
  ? tf.Tensor | HostArray
  : { readonly [Place in keyof Given]: TensorsOrArrays<Given[Place]> };

/** Tensors, in lists and under names as deep as one likes: the same, as arrays of JavaScript's. */
export type HostArrays<Result> = Result extends tf.Tensor ? HostArray : { readonly [Place in keyof Result]: HostArrays<Result[Place]> };

/** A function of tensors that is run by one native call. `Given` and `Result` are tensors, in lists and under names as deep as one likes. */
export interface GraphFunction<Given extends readonly object[], Result extends object> {
  /** The results as tensors, which are the caller's to dispose (`tf.tidy` does). */
  (...given: { [Place in keyof Given]: TensorsOrArrays<Given[Place]> }): Result;
  /** The results as arrays: nothing is left to dispose. */
  arrays(...given: { [Place in keyof Given]: TensorsOrArrays<Given[Place]> }): HostArrays<Result>;
  /** For how many sets of shapes it has been recorded. */
  readonly recordings: number;
  /** Lets go of all graphs; another call records anew. */
  dispose(): void;
}

/**
 * Makes one native call of a function of tfjs tensors, what it differentiates included. The function itself is called only when it meets a new set of names, types
 * and shapes, twice, and recorded; from then on the graph is replayed. What it uses of JavaScript (a number, another tensor) stays as it was when it was recorded.
 * A `tf.Variable` is read anew at each call and can be differentiated (`tf.variableGrads`), but not assigned to. Within another recording, and on tfjs's
 * JavaScript backend, where nothing can be recorded, the function is simply called. A call has no gradient of its own: differentiate inside.
 * @throws CaptureError at a call, where something of the function would be frozen or cannot be recorded (docs/captured-step.md).
 * @example
 * const slope = graphFunction((x: tf.Tensor1D) => tf.grad((value) => tf.sum(tf.square(value)))(x));
 * slope.arrays({ shape: [3], values: Float32Array.of(1, 2, 3) }); // { shape: [3], values: Float32Array [2, 4, 6] }
 */
export function graphFunction<Given extends readonly object[], Result extends object>(
  compute: (...given: Given) => Result,
): GraphFunction<Given, Result> {
  const recorded = new PerShape<RecordedFunction>();
  let session: Session | undefined;
  const call = (given: unknown): Result => compute(...(given as Given));
  const replay = <Value>(given: readonly unknown[], make: (array: HostArray) => Value): Tree<Value> => {
    const leaves = new Map<string, Leaf>();
    mapLeaves(given, (leaf, path) => leaves.set(path, leaf));
    const { entry, variables, form } = recorded.for(typesOf(leaves), (types) => record((session ??= new Session()), call, given, types));
    const arrays = [...leaves, ...variables].map(([name, leaf]) => [name, asArray(leaf)] as const);
    const results = entry.run(Object.fromEntries(arrays));
    return mapNames(form, (name) => make(required(results.get(name), `the result ${name}`)));
  };
  return Object.defineProperties(
    (...given: readonly unknown[]) =>
      canRecord() ? (replay(given, asTensor) as Result) : (tf.tidy(() => call(mapLeaves(given, asTensor)) as tf.TensorContainer) as Result),
    {
      arrays: {
        value: (...given: readonly unknown[]) =>
          canRecord() ? replay(given, (array) => array) : inScope(() => mapLeaves(call(mapLeaves(given, asTensor)), asArray)),
      },
      recordings: { get: () => recorded.size },
      dispose: {
        value: () => {
          recorded.clear();
          session?.dispose();
          session = undefined;
        },
      },
    },
  ) as GraphFunction<Given, Result>;
}

/** A function for one set of shapes: its graph, the variables that it reads, and its results, each by its name. */
interface RecordedFunction {
  readonly entry: Entry;
  readonly variables: ReadonlyMap<string, tf.Variable>;
  readonly form: Tree<string>;
}

function canRecord(): boolean {
  return hasNativeKernels() && captureContext.recorder === undefined;
}

function record(
  session: Session,
  compute: (given: unknown) => object,
  given: readonly unknown[],
  types: ReadonlyMap<string, TensorType>,
): RecordedFunction {
  const form: { results?: Tree<string> } = {};
  const variables = new Map(Object.entries(tf.engine().registeredVariables).map(([name, variable]) => [`variable ${name}`, variable]));
  const computation: Computation = (tensors, setResult) => {
    const result = compute(mapLeaves(given, (_, path) => tensorNamed(tensors, path)));
    form.results = mapLeaves(result, (leaf, path) => {
      setResult(path, asTensor(leaf));
      return path;
    });
  };
  const recording = capture(types, computation, { variables });
  const draft = new EntryDraft();
  const nodes = [...recording.given].map(([name, value]) => [name, draft.addInput(name, typeOf(recording.types, value))] as const);
  // A result may be one of the inputs, or two of them be the same: each is fetched of a node of its own.
  for (const [name, node] of draft.graph.addRecording('function', recording, new Map(nodes))) {
    const { dtype } = typeOf(recording.types, required(recording.results.get(name), `the result ${name}`));
    draft.fetch([[name, draft.graph.addNode(`results/${name}`, 'Identity', [node], { T: { kind: 'type', value: dtype } })]]);
  }
  return {
    entry: draft.finish(session),
    variables: new Map([...variables].filter(([name]) => recording.given.has(name))),
    form: required(form.results, 'the results of a recorded function'),
  };
}

function typesOf(leaves: ReadonlyMap<string, Leaf>): Map<string, TensorType> {
  const types = [...leaves].map(([path, leaf]): [string, TensorType] => [path, { dtype: dtypeOf(leaf), shape: leaf.shape }]);
  return new Map(types.sort(([left], [right]) => (left < right ? -1 : 1)));
}

function dtypeOf(leaf: Leaf): number {
  if (!(leaf instanceof tf.Tensor)) return leaf.values instanceof Int32Array ? DataType.int32 : DataType.float32;
  if (leaf.dtype === 'float32' || leaf.dtype === 'int32' || leaf.dtype === 'bool') return DataType[leaf.dtype];
  throw new CaptureError(`a tensor of type ${leaf.dtype} was given: a recorded function computes with numbers`);
}

type Leaf = tf.Tensor | HostArray;
type Tree<Value> = Value | readonly Tree<Value>[] | { readonly [name: string]: Tree<Value> };

/** The same lists and names, with something in place of each tensor or array. */
function mapLeaves<Value>(tree: unknown, change: (leaf: Leaf, path: string) => Value, path = ''): Tree<Value> {
  if (tree instanceof tf.Tensor || isHostArray(tree)) return change(tree, path);
  if (Array.isArray(tree)) return tree.map((branch: unknown, place) => mapLeaves(branch, change, `${path}/${place}`));
  if (typeof tree !== 'object' || tree === null)
    throw new TypeError(`expected tensors, found ${String(tree)}${path === '' ? '' : ` at ${path}`}`);
  return Object.fromEntries(Object.entries(tree).map(([name, branch]) => [name, mapLeaves(branch, change, `${path}/${name}`)]));
}

function mapNames<Value>(form: Tree<string>, change: (name: string) => Value): Tree<Value> {
  if (typeof form === 'string') return change(form);
  if (Array.isArray(form)) return form.map((branch: Tree<string>) => mapNames(branch, change));
  return Object.fromEntries(Object.entries(form).map(([name, branch]) => [name, mapNames(branch, change)]));
}

function isHostArray(value: unknown): value is HostArray {
  if (typeof value !== 'object' || value === null || !('values' in value) || !('shape' in value)) return false;
  return value.values instanceof Float32Array || value.values instanceof Int32Array;
}

function asTensor(leaf: tf.Tensor | TensorArray): tf.Tensor {
  if (leaf instanceof tf.Tensor) return leaf;
  const { values, shape } = leaf;
  if (values instanceof Int32Array) return tf.tensor(values, [...shape], 'int32');
  return values instanceof Uint8Array ? tf.tensor(values, [...shape], 'bool') : tf.tensor(values, [...shape]);
}

function asArray(leaf: Leaf): HostArray {
  return leaf instanceof tf.Tensor ? { shape: leaf.shape, values: leaf.dataSync<'float32' | 'int32'>() } : leaf;
}
