import { elementAt, required } from '../../foundation/required';
import type { HostArray, NamedArrays } from '../parameters';
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

/** Values by the name of an entry's input or result. */
type ByName = Map<string, HostArray>;

/** A computation that runs entries: it gives each with its inputs, and is given the results. */
export type Computing<Result> = Generator<{ readonly entry: Entry; readonly inputs: NamedArrays }, Result, ByName>;

/** Runs an entry within a {@link Computing}. */
export function* resultsOf(entry: Entry, inputs: NamedArrays): Computing<ByName> {
  return yield { entry, inputs };
}

/** Does a computation to its end, and waits for each run. */
export function computeNow<Result>(computing: Computing<Result>): Result {
  let next = computing.next();
  while (next.done !== true) next = computing.next(next.value.entry.run(next.value.inputs));
  return next.value;
}

/** Does a computation to its end; its runs go on beside whatever else is done. */
export async function computeLater<Result>(computing: Computing<Result>): Promise<Result> {
  let next = computing.next();
  while (next.done !== true) next = computing.next(await next.value.entry.runLater(next.value.inputs));
  return next.value;
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
