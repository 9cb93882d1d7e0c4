import type { HostArray, NamedArrays } from '../named-tensors';
import { GraphWriter, type NodeOutput } from './graph-writer';
import { downloadTensor, freeTensors, NativeSession, uploadTensor, type Feed } from './native-session';
import { nameOfKind, ofKind } from './recorded-program';
import { DataType, typeOf, type Recording, type TensorType } from './recording';
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

  /** Writes a program's recording. Returns the nodes of its results, and those that read the parameters. */
  addRecording(recording: Recording, parameters: VariableNodes): { results: Map<string, NodeOutput>; reads: Map<string, NodeOutput> } {
    const given = [...recording.given];
    const inputs = [...ofKind('input', given)].map(
      ([name, value]) => [nameOfKind('input', name), this.addInput(name, typeOf(recording.types, value))] as const,
    );
    const reads = new Map([...ofKind('parameter', given).keys()].map((name) => [name, parameters.addRead(name)]));
    const nodes = new Map([...inputs, ...[...reads].map(([name, node]) => [nameOfKind('parameter', name), node] as const)]);
    return { results: this.graph.addRecording('step', recording, nodes), reads };
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
    const given = [...this.inputs].map(([name, target]) => ({ target, tensor: uploadTensor(arrayNamed(arrays, name)) }));
    try {
      const fetched = this.session.run([...this.feeds, ...given], [...this.fetches.values()]);
      const arraysOut = fetched.map(downloadTensor);
      freeTensors(fetched);
      return new Map(
        [...this.fetches.keys()].flatMap((name, place): [string, HostArray][] =>
          arraysOut[place] === undefined ? [] : [[name, arraysOut[place]]],
        ),
      );
    } finally {
      freeTensors(given.map(({ tensor }) => tensor));
    }
  }

  dispose(): void {
    this.session.dispose();
  }
}

function arrayNamed(arrays: NamedArrays, name: string): HostArray {
  const array = arrays[name];
  if (array === undefined) throw new Error(`no array is named ${name}; there are: ${Object.keys(arrays).join(', ')}`);
  return array;
}
