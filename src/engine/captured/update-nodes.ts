import { addClipFactor } from '../optimizers/clipping';
import type { Optimizer } from '../optimizers/optimizer';
import type { FiniteGate } from './finite-gate';
import type { GraphWriter, NodeOutput } from './graph-writer';
import { DataType, type Attributes } from './recording';
import type { VariableNodes } from './shared-variables';

/** A parameter's gradient, and the node that read the parameter for it: the update waits for that. */
export interface GradientNodes {
  readonly gradient: NodeOutput;
  readonly parameter: NodeOutput;
}

/** The nodes of the variables that an update reads and writes. */
export interface UpdateVariableNodes {
  readonly parameters: VariableNodes;
  /** The optimiser's, by slot. */
  readonly slots: ReadonlyMap<string, VariableNodes>;
}

const float32: Attributes = { T: { kind: 'type', value: DataType.float32 } };

/**
 * Writes the update of every parameter that has a gradient, clipped where a norm is given to clip to.
 * @param given.norm the gradients' global norm.
 * @param given.scalars the optimiser's, by name.
 * @param given.gate which lets gradients and scalars through, or nothing is updated.
 * @returns the nodes that update.
 */
export function addUpdates(
  graph: GraphWriter,
  optimizer: Optimizer,
  given: {
    readonly variables: UpdateVariableNodes;
    readonly gradients: ReadonlyMap<string, GradientNodes>;
    readonly norm: NodeOutput;
    readonly clipNorm: number | undefined;
    readonly scalars: ReadonlyMap<string, NodeOutput>;
    readonly gate: FiniteGate;
  },
): NodeOutput[] {
  const { variables, gradients, norm, clipNorm, gate } = given;
  const factor = clipNorm === undefined ? undefined : addClipFactor(graph, norm, clipNorm);
  const scalars = Object.fromEntries([...given.scalars].map(([name, scalar]) => [name, gate.letThrough(scalar)]));
  return [...gradients].map(([name, { gradient, parameter }]) => {
    const finite = gate.letThrough(gradient);
    return optimizer.addUpdate(graph, {
      name,
      variable: variables.parameters.handleOf(name),
      value: parameter,
      gradient: factor === undefined ? finite : graph.addNode('clip/Mul', 'Mul', [finite, factor], float32),
      slots: Object.fromEntries([...variables.slots].map(([slot, nodes]) => [slot, nodes.handleOf(name)])),
      scalars,
    });
  });
}
