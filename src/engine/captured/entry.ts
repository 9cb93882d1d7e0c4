import { elementAt, required } from '../../foundation/required';
import type { HostArray, NamedArrays } from '../parameters';
import type { NativeTensor } from '../native-backend';
import { GraphWriter, type NodeOutput } from './graph-writer';
import { downloadTensor, freeTensors, NativeSession, uploadTensor, type Feed } from './native-session';
import { DataType, type TensorType } from './recording';
import type { SharedVariables, VariableNodes } from './shared-variables';

/** A graph of one purpose for inputs of certain shapes, while it is being written: what is fed, what is fetched. */
export class EntryDraft {
  readonly graph = new GraphWriter();
  private readonly fetches = new Map<string, NodeOutput>();
  private readonly feeds: Feed[] = [];
  private readonly inputs = new Map<string, NodeOutput>();

  /** Gives the graph access to variables. */
  addVariables(variables: SharedVariables): VariableNodes {
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
