import { runsAfter, type GraphWriter, type NodeOutput } from './graph-writer';
import { DataType, type Attributes } from './recording';

const float32: Attributes = { T: { kind: 'type', value: DataType.float32 } };

/**
 * Lets a part of a graph run only where some scalars are finite: what takes a value that was let through, and changes variables with it, changes them in a
 * step of finite numbers and does nothing at all in any other. (TensorFlow's Switch: behind its closed side nodes are not run.)
 */
export class FiniteGate {
  private readonly open: NodeOutput;

  /** @param scalars float32, at least one. */
  constructor(
    private readonly graph: GraphWriter,
    scalars: readonly NodeOutput[],
  ) {
    const [first, ...others] = scalars.map((scalar) => graph.addNode('gate/IsFinite', 'IsFinite', [scalar], float32));
    if (first === undefined) throw new Error('a gate needs at least one scalar to watch');
    this.open = others.reduce((all, one) => graph.addNode('gate/LogicalAnd', 'LogicalAnd', [all, one], {}), first);
  }

  /** The value, where the gate is open. */
  letThrough(value: NodeOutput): NodeOutput {
    return `${this.addSwitch(value)}:1`;
  }

  /** A scalar to fetch: 1 once the nodes behind the gate have run, 0 where it was closed and they did not. */
  addVerdict(behind: readonly NodeOutput[]): NodeOutput {
    const { graph } = this;
    const done = graph.addNode('gate/done', 'Identity', [this.letThrough(graph.addScalar(1)), ...behind.map(runsAfter)], float32);
    const refused = this.addSwitch(graph.addScalar(0));
    return graph.addNode('gate/Merge', 'Merge', [done, refused], { ...float32, N: { kind: 'int', value: 2 } });
  }

  private addSwitch(value: NodeOutput): NodeOutput {
    return this.graph.addNode('gate/Switch', 'Switch', [value, this.open], float32);
  }
}

/** Writes a scalar that is finite where all values of some tensors are: half the sum of their squares. None for no tensors. */
export function addMagnitude(graph: GraphWriter, tensors: readonly NodeOutput[]): NodeOutput | undefined {
  if (tensors.length === 0) return undefined;
  const halves = tensors.map((tensor) => graph.addNode('norm/L2Loss', 'L2Loss', [tensor], float32));
  return graph.addNode('norm/AddN', 'AddN', halves, { ...float32, N: { kind: 'int', value: halves.length } });
}
