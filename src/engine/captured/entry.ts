import { elementAt, required } from '../../foundation/required';
import type { HostArray } from '../parameters';
import { GraphWriter, type NodeOutput } from './graph-writer';
import { DataType, type TensorType } from './recording';
import {
  downloadTensor,
  type Feed,
  freeTensors,
  type PreparedRun,
  type Session,
  type SessionTensor,
  type TensorArray,
  uploadTensor,
} from './session';
import type { SharedVariables, VariableNodes } from './shared-variables';

/** A graph of one purpose for inputs of certain shapes, while it is being written: what is fed, what is fetched. */
export class EntryDraft {
  readonly graph = new GraphWriter();
  private readonly fetches = new Map<string, NodeOutput>();
  private readonly inputs = new Map<string, NodeOutput>();
  private readonly feeds: Feed[] = [];

  /** Gives the graph access to variables. */
  addVariables(variables: SharedVariables): VariableNodes {
    const { nodes, feeds } = variables.addTo(this.graph);
    this.feeds.push(...feeds);
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

  /** Loads the graph into a session: that of the variables which it uses. */
  finish(session: Session): Entry {
    const run = session.add(this.graph.toBytes()).prepare([...this.inputs.values()], [...this.fetches.values()], this.feeds);
    return new Entry(run, [...this.inputs.keys()], [...this.fetches.keys()]);
  }
}

/** A graph that is loaded and can be run, any number of times. It ends with its session. */
export class Entry {
  constructor(
    private readonly native: PreparedRun,
    private readonly inputs: readonly string[],
    private readonly fetches: readonly string[],
  ) {}

  /** Values in, one native call, values out; no tensor stays behind. */
  run(arrays: Readonly<Record<string, TensorArray>>): Map<string, HostArray> {
    const uploaded = this.upload(arrays);
    try {
      return this.download(this.native.run(uploaded));
    } finally {
      freeTensors(uploaded);
    }
  }

  /** The same on another thread, beside whatever else runs. Nobody may change the arrays meanwhile. */
  async runLater(arrays: Readonly<Record<string, TensorArray>>): Promise<Map<string, HostArray>> {
    const uploaded = this.upload(arrays);
    try {
      return this.download(await this.native.runLater(uploaded));
    } finally {
      freeTensors(uploaded);
    }
  }

  private upload(arrays: Readonly<Record<string, TensorArray>>): SessionTensor[] {
    const uploaded: SessionTensor[] = [];
    try {
      for (const name of this.inputs)
        uploaded.push(uploadTensor(required(arrays[name], `the input ${name} (there are: ${Object.keys(arrays).join(', ')})`)));
      return uploaded;
    } catch (error) {
      freeTensors(uploaded);
      throw error;
    }
  }

  private download(fetched: readonly SessionTensor[]): Map<string, HostArray> {
    try {
      return new Map(this.fetches.map((name, place) => [name, downloadTensor(elementAt(fetched, place))]));
    } finally {
      freeTensors(fetched);
    }
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
