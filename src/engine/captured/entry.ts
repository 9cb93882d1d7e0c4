import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { messageOf } from '../../foundation/errors';
import { elementAt, required } from '../../foundation/required';
import { nativeBinding, type NativeBinding, type NativeTensor } from '../native-backend';
import type { HostArray, NamedArrays } from '../parameters';
import { GraphWriter, type NodeOutput } from './graph-writer';
import { CaptureError, DataType, type TensorType } from './recording';
import { GRAPH_TAG } from './saved-model';

/** Variables that are fed to every graph that uses them, with the nodes that a graph has for them. */
interface FedVariables<Nodes> {
  addTo(graph: GraphWriter): { readonly nodes: Nodes; readonly feed: Feed };
}

/** A graph of one purpose for inputs of certain shapes, while it is being written: what is fed, what is fetched. */
export class EntryDraft {
  readonly graph = new GraphWriter();
  private readonly fetches = new Map<string, NodeOutput>();
  private readonly feeds: Feed[] = [];
  private readonly inputs = new Map<string, NodeOutput>();

  /** Gives the graph access to variables. */
  addVariables<Nodes>(variables: FedVariables<Nodes>): Nodes {
    const { nodes, feed } = variables.addTo(this.graph);
    this.feeds.push(feed);
    return nodes;
  }

  addInput(name: string, type: TensorType): NodeOutput {
    const node = this.graph.addPlaceholder(`inputs/${name}`, type);
    this.inputs.set(name, node);
    return node;
  }

  addScalarInput(name: string): NodeOutput {
    return this.addInput(name, { dtype: DataType.float32, shape: [] });
  }

  /** Adds to what is fetched, by name. */
  fetch(nodes: Iterable<readonly [string, NodeOutput]>): void {
    for (const [name, node] of nodes) this.fetches.set(name, node);
  }

  /** Loads the graph. */
  finish(): Entry {
    return new Entry(new NativeSession(this.graph.toBytes()), this.feeds, this.inputs, this.fetches);
  }
}

/** A graph that is loaded and can be run, any number of times. */
export class Entry {
  constructor(
    private readonly session: NativeSession,
    private readonly feeds: readonly Feed[],
    private readonly inputs: ReadonlyMap<string, NodeOutput>,
    private readonly fetches: ReadonlyMap<string, NodeOutput>,
  ) {}

  /** Values in, one native call, values out; no tensor stays behind. */
  run(arrays: NamedArrays): Map<string, HostArray> {
    const uploaded: NativeTensor[] = [];
    try {
      const fetched = this.call((name) => {
        const tensor = uploadTensor(required(arrays[name], `the input ${name} (there are: ${Object.keys(arrays).join(', ')})`));
        uploaded.push(tensor);
        return tensor;
      });
      const results = new Map([...fetched].map(([name, tensor]) => [name, downloadTensor(tensor)]));
      freeTensors([...fetched.values()]);
      return results;
    } finally {
      freeTensors(uploaded);
    }
  }

  /** One native call, tensors in and out; those that it gives are the caller's to free. */
  call(inputNamed: (name: string) => NativeTensor): Map<string, NativeTensor> {
    const given = [...this.inputs].map(([name, target]) => ({ target, tensor: inputNamed(name) }));
    const fetched = this.session.run([...this.feeds, ...given], [...this.fetches.values()]);
    return new Map([...this.fetches.keys()].map((name, place) => [name, elementAt(fetched, place)]));
  }

  dispose(): void {
    this.session.dispose();
  }
}

/** What is made for each set of names, types and shapes of inputs, when it is first asked for. */
export class PerShape<Made> {
  private readonly made = new Map<string, Made>();

  for(types: ReadonlyMap<string, TensorType>, make: (types: ReadonlyMap<string, TensorType>) => Made): Made {
    const key = JSON.stringify([...types]);
    const known = this.made.get(key);
    if (known !== undefined) return known;
    const made = make(types);
    this.made.set(key, made);
    return made;
  }

  get size(): number {
    return this.made.size;
  }

  /** Forgets all, and gives it back to be disposed. */
  clear(): Made[] {
    const all = [...this.made.values()];
    this.made.clear();
    return all;
  }
}

/** A tensor that goes into a graph, and where. */
export interface Feed {
  readonly target: NodeOutput;
  readonly tensor: NativeTensor;
}

/** A graph loaded into TensorFlow, with its own variables. */
export class NativeSession {
  private readonly binding: NativeBinding;
  private readonly session: number;

  /**
   * @param graph the bytes of a SavedModel; they pass through a temporary folder, which is the only door the binding has.
   * @throws CaptureError where TensorFlow refuses the graph.
   */
  constructor(graph: Uint8Array) {
    this.binding = nativeBinding();
    const folder = mkdtempSync(path.join(tmpdir(), 'kumpas-graph-'));
    try {
      writeFileSync(path.join(folder, 'saved_model.pb'), graph);
      this.session = this.binding.loadSavedModel(folder, GRAPH_TAG);
    } catch (error) {
      throw new CaptureError(`TensorFlow refuses the recorded graph: ${messageOf(error)}`, { cause: error });
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }

  /** Runs what the fetched nodes need, in one native call. The tensors that come back are the caller's to free. */
  run(feeds: readonly Feed[], fetches: readonly NodeOutput[]): NativeTensor[] {
    const tensors = feeds.map(({ tensor }) => tensor.id);
    const targets = feeds.map(({ target }) => outputAddress(target)).join();
    return this.binding.runSavedModel(this.session, tensors, targets, fetches.map(outputAddress).join());
  }

  dispose(): void {
    this.binding.deleteSavedModel(this.session);
  }
}

/**
 * Hands values to the native library, which may use the array's own memory until the tensor is freed.
 * @throws Error of TensorFlow's allocator, where it is refused the memory for a copy.
 */
export function uploadTensor({ shape, values }: HostArray): NativeTensor {
  const dtype = values instanceof Int32Array ? DataType.int32 : DataType.float32;
  if (values.byteLength >= WORTH_ASKING && !nativeBinding().isUsingGpuDevice()) askForMemory(values.length);
  return { id: nativeBinding().createTensor(shape, dtype, values), shape, dtype };
}

/** Bytes from which on memory for a copy is asked for beforehand: what is smaller is rarely refused. */
const WORTH_ASKING = 2 ** 20;

/**
 * Allocates so many values of four bytes, and lets go of them. TF_NewTensor copies an array that does not lie at a multiple of 64 bytes, as most do not, without looking whether it was
 * given the memory: where not, the process would end with a segmentation fault. An operation is refused in a line.
 */
function askForMemory(length: number): void {
  const binding = nativeBinding();
  const shape = binding.createTensor([1], DataType.int32, Int32Array.of(length));
  try {
    const attributes = [
      { name: 'dtype', type: binding.TF_ATTR_TYPE, value: DataType.float32 },
      { name: 'init', type: binding.TF_ATTR_BOOL, value: false },
    ];
    freeTensors(binding.executeOp('Empty', attributes, [shape], 1));
  } finally {
    binding.deleteTensor(shape);
  }
}

/** Copies a tensor's values from the native library. */
export function downloadTensor({ id, shape }: NativeTensor): HostArray {
  return { shape, values: nativeBinding().tensorDataSync(id) as Float32Array | Int32Array };
}

export function freeTensors(tensors: readonly NativeTensor[]): void {
  const binding = nativeBinding();
  for (const { id } of tensors) binding.deleteTensor(id);
}

function outputAddress(output: NodeOutput): string {
  return output.includes(':') ? output : `${output}:0`;
}
